"""What the plain words of a YAML file mean here, and ``${ENV_NAME}`` in them.

YAML 1.2's core schema, more cautious: ``true``, ``false``, ``null`` and numbers are special,
``on``, ``no``, ``22:22`` and dates are text. A whole number that would not be printed as it is
written, as ``007`` or ``+27831234567``, stays text too: it is somebody's phone number, and an
option that wants a number takes it from text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from yaml.resolver import BaseResolver

from pipeline.errors import ConfigError

__all__ = ["CoreResolver", "expanded", "plain_scalar", "scalar"]

_TAG = "tag:yaml.org,2002:"
_PLAIN = {
    "null": (re.compile(r"(?:null|Null|NULL|~|)\Z"), ["n", "N", "~", ""]),
    "bool": (re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), list("tTfF")),
    "int": (
        re.compile(r"(?:-?(?:0|[1-9][0-9]{0,99})|0o[0-7]{1,99}|0x[0-9a-fA-F]{1,99})\Z"),
        list("-0123456789"),
    ),
    "float": (
        re.compile(
            r"(?:-?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|-?[0-9]+[eE][-+]?[0-9]+"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
        ),
        list("-+.0123456789"),
    ),
}
_VARIABLE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class CoreResolver(BaseResolver):
    """Tells PyYAML which plain words are special."""


for _name, (_pattern, _first) in _PLAIN.items():
    CoreResolver.add_implicit_resolver(_TAG + _name, _pattern, _first)


def scalar(tag: str, text: str) -> Any:
    """Turn a scalar into a value.

    :param tag: its YAML tag, found or explicit (``!!str``).
    :param text: as it is written.
    :raises ConfigError: the text is not of the tag's form, or the tag is unknown here.
    """
    kind = tag.removeprefix(_TAG)
    if kind == "str":
        return text
    if kind not in _PLAIN:
        shown = f"!!{kind}" if tag.startswith(_TAG) else tag
        raise ConfigError(f"the tag {shown} is not known here", hint="only !include is")
    if not _PLAIN[kind][0].match(text):
        raise ConfigError(f"{text!r} is not of the form that !!{kind} says")
    return _MADE[kind](text)


def plain_scalar(text: str) -> Any:
    """Turn unquoted text into a value, as it would be in a file."""
    for kind, (pattern, _) in _PLAIN.items():
        if pattern.match(text):
            return _MADE[kind](text)
    return text


def expanded(text: str, environment: Mapping[str, str]) -> str:
    """Replace ``${NAME}`` and ``${NAME:-default}``; ``$${`` becomes ``${``.

    As in a shell, the default also stands in for a variable that is empty. What is put in is
    not looked at again.

    :raises ConfigError: a variable without default is not set, or the form is wrong.
    """

    def value(found: re.Match[str]) -> str:
        if found.group() == "$${":
            return "${"
        return _variable(found, environment)

    return _VARIABLE.sub(value, text) if "${" in text else text


def _variable(found: re.Match[str], environment: Mapping[str, str]) -> str:
    inner, end = found.groups()
    named = _NAMED.fullmatch(inner) if end else None
    if named is None:
        raise ConfigError(
            f"expected ${{NAME}} or ${{NAME:-default}}, got {found.group()!r}",
            hint="write $${ for ${ itself",
        )
    name, default = named.groups()
    value = environment.get(name)
    if value or (value is not None and default is None):
        return value
    if default is None:
        raise ConfigError(f"the environment variable {name} is not set")
    return str(default)


def _float(text: str) -> float:
    plain = text.lower().lstrip("+-")
    if not plain.startswith((".inf", ".nan")):
        return float(text)
    number = math.inf if plain == ".inf" else math.nan
    return -number if text.startswith("-") else number


_MADE = {
    "null": lambda text: None,
    "bool": lambda text: text.lower() == "true",
    "int": lambda text: int(text, 0),
    "float": _float,
}
