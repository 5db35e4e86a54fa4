"""From files to YAML's nodes, within limits; used by :mod:`pipeline.config.construct`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.nodes import Node, ScalarNode
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

from pipeline.config.scalars import CoreResolver
from pipeline.errors import ConfigError

__all__ = ["MAX_DEPTH", "MAX_SIZE", "composed", "mark_of", "read"]

#: How large a file may be, in bytes.
MAX_SIZE = 1024 * 1024
#: How deep mappings and lists may stand in one another, includes counted.
MAX_DEPTH = 50


def composed(text: str, name: str) -> Node | None:
    """Parse YAML as far as its nodes; None when there is nothing in it.

    :raises ConfigError: it is no YAML, or too deep; with the position.
    """
    try:
        loader = _Loader(text, name)
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}".splitlines()[0], at=name) from None
    try:
        return loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_syntax(error), at=mark_of(error.problem_mark, name)) from None
    except (ValueError, OverflowError) as error:  # as of PyYAML for "\UFFFFFFFF"
        raise ConfigError(f"not YAML: {error}", at=mark_of(loader.get_mark(), name)) from None


def _syntax(error: yaml.MarkedYAMLError) -> str:
    context = f"{error.context}: " if error.context else ""
    return f"not YAML: {context}{error.problem}"


def read(path: Path, name: str, at: str | None = None) -> str:
    """Give the text of a file.

    :param path: the file.
    :param name: what errors call it.
    :param at: where it is included, for errors.
    :raises ConfigError: it isn't there, can't be read, is too large or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_SIZE + 1)
    except FileNotFoundError:
        raise ConfigError(f"there is no file {name!r}", at=at) from None
    except OSError as error:
        raise ConfigError(f"can't read {name!r}: {error.strerror}", at=at) from None
    if len(raw) > MAX_SIZE:
        raise ConfigError(f"{name!r} is larger than {MAX_SIZE} bytes", at=at)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", at=f"{name}:{line}") from None


def mark_of(where: Any, name: str = "<text>") -> str:
    """Say where a node or mark is, as ``worker.yaml:12:9``."""
    mark = getattr(where, "start_mark", where)
    if mark is None:
        return name
    return f"{mark.name}:{mark.line + 1}:{mark.column + 1}"


class _Loader(Reader, Scanner, Parser, Composer, CoreResolver):
    """PyYAML up to its nodes: nothing here can make an object."""

    def __init__(self, text: str, name: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)
        Composer.__init__(self)
        CoreResolver.__init__(self)
        self.name = name
        self._depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            event: Any = self.current_event
            raise ConfigError(f"nested more than {MAX_DEPTH} deep", at=mark_of(event, self.name))
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_scalar_node(self, anchor: Any) -> ScalarNode:
        node = super().compose_scalar_node(anchor)
        if any("\ud800" <= letter <= "\udfff" for letter in node.value):
            raise ConfigError("half of a character, which nothing can encode", at=mark_of(node))
        return node
