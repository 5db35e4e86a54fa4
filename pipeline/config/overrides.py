"""What the command line says over the file: ``--set-option key:value``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config.positions import Place, Section, merged
from pipeline.config.problems import Problems, described
from pipeline.config.source import Document, parse_scalar
from pipeline.errors import ConfigError

__all__ = ["overridden"]

_FLAG = "--set-option"


def overridden(document: Document, overrides: Sequence[str]) -> Document:
    """Give a document with some values set otherwise; the one that is given stays as it is.

    An override is split at its first colon. Dots in the key reach into mappings, which are made
    where there are none: ``workers.web.listen:tcp:0``. A key that has dots itself goes first.

    :param overrides: as ``key:value``; :func:`~pipeline.config.source.parse_scalar` reads values.
    :raises ConfigError: one has no colon, or reaches into what is no mapping;
        :class:`~pipeline.config.problems.ConfigErrors` for several.
    """
    data = document.data
    problems = Problems()
    for override in overrides:
        with problems.collecting():
            data = _with(data, override)
    problems.raise_any()
    return replace(document, data=data)


def _with(data: Section, override: str) -> Section:
    key, colon, text = override.partition(":")
    if not colon or not all(key.split(".")):
        raise ConfigError(f"expected key:value, got {override!r}", at=_FLAG)
    at = f"{_FLAG} {key}"
    return _set(data, key.split("."), parse_scalar(text, at), at)


def _set(section: Mapping[str, Any], parts: list[str], value: Any, at: str) -> Section:
    key, rest = _next_key(section, parts)
    if not rest:
        return merged(section, Section({key: value}, {key: Place(at, at)}))
    inner = section.get(key)
    if inner is None:
        made = _set(Section(here=at), rest, value, at)
        return merged(section, Section({key: made}, {key: Place(at, at)}))
    if not isinstance(inner, Mapping):
        raise ConfigError(
            f"{key!r} is {described(inner)}, not a mapping to set an option in", at=at
        )
    places = getattr(section, "places", {})
    kept = {key: places[key]} if key in places else {}
    return merged(section, Section({key: _set(inner, rest, value, at)}, kept))


def _next_key(section: Mapping[str, Any], parts: list[str]) -> tuple[str, list[str]]:
    for size in range(len(parts), 1, -1):
        key = ".".join(parts[:size])
        if key in section:
            return key, parts[size:]
    return parts[0], parts[1:]
