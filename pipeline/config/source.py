"""Loading YAML safely, with the position of everything that is in it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pipeline.config.construct import Construction
from pipeline.config.positions import Path, Section, key_position, position
from pipeline.config.scalars import plain_scalar
from pipeline.errors import ConfigError

__all__ = ["Document", "load_document", "parse_document", "parse_scalar"]


@dataclass(frozen=True)
class Document:
    """What a configuration file says, and where.

    :param data: its top mapping, in which mappings are
        :class:`~pipeline.config.positions.Section` and lists
        :class:`~pipeline.config.positions.Items`.
    :param name: the file as it was given.
    :param folder: the file's folder, absolute.
    """

    data: Section
    name: str
    folder: FilePath

    def get(self, path: Path) -> Any:
        """Find a value; None when it isn't there."""
        found: Any = self.data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def at(self, path: Path) -> str | None:
        """Say where a value is written, or the nearest thing around it.

        :return: as ``worker.yaml:12:9``; for a mapping or a list where its key is.
        """
        return position(self.data, path) or self.name

    def key_at(self, path: Path) -> str | None:
        """Say where the last key of a path is written, or the nearest thing around it."""
        if not path:
            return self.at(path)
        holder = self.get(path[:-1])
        return key_position(holder, str(path[-1])) or self.at(path)


def load_document(
    file: str | os.PathLike[str], environment: Mapping[str, str] | None = None
) -> Document:
    """Read a YAML file, with ``${ENV_NAME}`` and ``!include`` replaced.

    :param file: its path; errors repeat it as it is given.
    :param environment: the variables; None for those of this process.
    :raises ConfigError: it can't be read, is no YAML, or asks for what isn't there;
        :class:`~pipeline.config.problems.ConfigErrors` for several faults.
    """
    construction = Construction(os.environ if environment is None else environment)
    data = construction.file(FilePath(file), os.fspath(file))
    return _document(construction, data, os.fspath(file), FilePath(file).absolute().parent)


def parse_document(
    text: str,
    name: str = "<text>",
    folder: str | os.PathLike[str] = ".",
    environment: Mapping[str, str] | None = None,
) -> Document:
    """Read YAML from text; else as :func:`load_document`.

    :param text: the YAML.
    :param name: what errors call it.
    :param folder: what ``!include`` is relative to.
    :param environment: the variables; None for those of this process.
    """
    construction = Construction(os.environ if environment is None else environment)
    data = construction.text(text, name, FilePath(folder))
    return _document(construction, data, name, FilePath(folder).absolute())


def parse_scalar(text: str, at: str | None = None) -> Any:
    """Read a single value that came from elsewhere than a file, as a command line.

    ``5`` is a number, ``tcp:0`` and ``*123#`` are text; what begins with a quote or a bracket
    is YAML: ``'5'``, ``[a, b]``, ``{a: 1}``.

    :param text: the value.
    :param at: where it came from, for errors.
    :raises ConfigError: it begins like YAML and is none.
    """
    if not text.startswith(("'", '"', "[", "{")):
        return plain_scalar(text)
    construction = Construction({}, variables=False)
    data = construction.text(text, at or "<value>", FilePath())
    if construction.problems.errors:
        raise ConfigError(f"not a YAML value: {text!r}", at=at)
    return data


def _document(construction: Construction, data: Any, name: str, folder: FilePath) -> Document:
    construction.problems.raise_any()
    if data is None:
        data = Section(here=f"{name}:1:1")
    if not isinstance(data, Section):
        raise ConfigError("expected a mapping, as 'name: value' lines", at=f"{name}:1:1")
    return Document(data, name, folder)
