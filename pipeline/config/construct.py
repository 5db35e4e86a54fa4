"""From YAML's nodes to values with positions; used by :mod:`pipeline.config.source`.

Keys are text exactly as written, whatever they look like, and no variables are put into them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yaml.nodes import MappingNode, Node, ScalarNode

from pipeline.config.compose import MAX_DEPTH, composed, mark_of, read
from pipeline.config.positions import Items, Place, Section
from pipeline.config.problems import Problems
from pipeline.config.scalars import expanded, plain_scalar, scalar
from pipeline.errors import ConfigError

__all__ = ["MAX_VALUES", "Construction"]

#: How many values there may be once aliases and includes are followed.
MAX_VALUES = 200_000

_MERGE = "<<"


class Construction:
    """One document in the making, with all it includes.

    :param environment: for ``${ENV_NAME}``.
    :param variables: whether ``${ENV_NAME}`` is replaced.
    :ivar problems: what is wrong so far; the document is good for nothing when there is any.
    """

    def __init__(self, environment: Mapping[str, str], variables: bool = True) -> None:
        self.problems = Problems()
        self._environment = environment
        self._variables = variables
        self._files: list[Path] = []  # those being read now, the innermost last
        self._folders: list[Path] = []
        self._open: list[Node] = []  # the mappings and lists around what is being made
        self._values = 0

    def file(self, path: Path, name: str, at: str | None = None) -> Any:
        """Give what a file says; None, with a problem noted, when it can't be read.

        :param path: the file.
        :param name: what errors call it.
        :param at: where it is included, for errors.
        """
        with self.problems.collecting():
            real = _resolved(path, name, at)
            if real in self._files:
                raise ConfigError(f"{name!r} includes itself", at=at)
            self._files.append(real)
            try:
                return self._text(read(path, name, at), name, path.parent)
            finally:
                self._files.pop()

    def text(self, text: str, name: str, folder: Path) -> Any:
        """Give what a text says; None, with a problem noted, when it is no YAML."""
        with self.problems.collecting():
            return self._text(text, name, folder)

    def _text(self, text: str, name: str, folder: Path) -> Any:
        node = composed(text, name)
        if node is None:
            return None
        self._folders.append(folder)
        try:
            return self._made(node)
        finally:
            self._folders.pop()

    def _made(self, node: Node) -> Any:
        self._values += 1
        if self._values > MAX_VALUES:
            raise ConfigError(f"more than {MAX_VALUES} values, aliases counted", at=mark_of(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        with self._inside(node):
            if isinstance(node, MappingNode):
                return self._mapping(node)
            return self._items(node)

    @contextmanager
    def _inside(self, node: Node) -> Iterator[None]:
        if any(node is around for around in self._open):
            raise ConfigError("an alias that contains itself", at=mark_of(node))
        if len(self._open) >= MAX_DEPTH:
            raise ConfigError(f"nested more than {MAX_DEPTH} deep", at=mark_of(node))
        self._open.append(node)
        try:
            yield
        finally:
            self._open.pop()

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            if node.tag == "!include":
                return self._included(node)
            if not self._variables or "${" not in node.value:
                return scalar(node.tag, node.value)
            text = expanded(node.value, self._environment)
            plain = node.style is None and node.tag.endswith(":str")
            if plain and _whole(node.value):
                return plain_scalar(text)
            return scalar(node.tag, text)
        except ConfigError as error:
            self.problems.add(
                ConfigError(error.what, at=error.at or mark_of(node), hint=error.hint)
            )
            return None

    def _included(self, node: ScalarNode) -> Any:
        name = expanded(node.value, self._environment)
        if not name:
            raise ConfigError("expected a file name after !include")
        path = self._folders[-1] / name
        return self.file(path, str(path), mark_of(node))

    def _items(self, node: Node) -> Items:
        self._check_tag(node, "seq")
        made = Items(here=mark_of(node))
        for index, child in enumerate(node.value):
            made.append(self._made(child))
            made.places[index] = Place(mark_of(child), mark_of(child))
        return made

    def _mapping(self, node: MappingNode) -> Section:
        self._check_tag(node, "map")
        made = Section(here=mark_of(node))
        merges: list[Section] = []
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key == _MERGE and key_node.style is None:
                merges.extend(self._merges(value_node))
                continue
            value = self._made(value_node)
            if key is None or self._is_second(key, key_node, made):
                continue
            if isinstance(value, (Section, Items)) and value_node.tag != "!include":
                value.here = mark_of(key_node)
            made[key] = value
            made.places[key] = Place(mark_of(key_node), mark_of(value_node))
        for each in merges:
            _fill(made, each)
        return made

    def _key(self, node: Node) -> str | None:
        if isinstance(node, ScalarNode):
            return str(node.value)
        self.problems.add(ConfigError("a key must be text", at=mark_of(node)))
        return None

    def _is_second(self, key: str, node: Node, made: Section) -> bool:
        if key not in made:
            return False
        what = f"{key!r} is given twice, first at {made.places[key].key}"
        self.problems.add(ConfigError(what, at=mark_of(node)))
        return True

    def _merges(self, node: Node) -> list[Section]:
        """Give the mappings that ``<<`` names, YAML 1.1's way to build on an anchor."""
        value = self._made(node)
        found = value if isinstance(value, Items) else [value]
        sections = [each for each in found if isinstance(each, Section)]
        if len(sections) != len(found):
            self.problems.add(
                ConfigError("expected a mapping, or a list of them", at=mark_of(node))
            )
        return sections

    def _check_tag(self, node: Node, kind: str) -> None:
        if node.tag != f"tag:yaml.org,2002:{kind}":
            shown = node.tag.replace("tag:yaml.org,2002:", "!!")
            what = f"the tag {shown} is not known here"
            self.problems.add(ConfigError(what, at=mark_of(node), hint="only !include is"))


def _resolved(path: Path, name: str, at: str | None) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a null byte
        raise ConfigError(f"can't read {name!r}: {error}", at=at) from None


def _fill(made: Section, other: Section) -> None:
    for key, value in other.items():
        if key not in made:
            made[key] = value
            made.places[key] = other.places[key]


def _whole(text: str) -> bool:
    """Say whether a text is one variable and nothing else."""
    return text.startswith("${") and text.find("}") == len(text) - 1
