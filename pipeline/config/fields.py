"""Declared options: what one is called, what it may be, what it becomes.

The form is Vumi's (0.6.19, ``vumi.config``): fields in a class body. Other kinds of field are in
:mod:`pipeline.config.numbers`, :mod:`~pipeline.config.quantities`,
:mod:`~pipeline.config.references` and :mod:`~pipeline.config.endpoints`; the class that holds
them is in :mod:`pipeline.config.base`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

from pipeline.config.positions import copied, position
from pipeline.config.problems import ConfigErrors, described, flattened, suggestion
from pipeline.errors import ConfigError

__all__ = [
    "ConfigBool",
    "ConfigChoice",
    "ConfigDict",
    "ConfigField",
    "ConfigList",
    "ConfigText",
]

T = TypeVar("T")

_TRUE = frozenset(["true", "1", "yes", "on"])
_FALSE = frozenset(["false", "0", "no", "off", ""])


class ConfigField(Generic[T]):
    """One option of a :class:`~pipeline.config.base.Config`.

    Subclasses override :meth:`clean`, and set :attr:`kind`, which documentation shows. The
    type checker believes that the value is a T; it is None when the field is neither
    required nor given nor has a default.

    :param doc: what the option is for.
    :param required: it must be given, and not null.
    :param default: what it is when it is not given; passes :meth:`clean` like a given value,
        and is copied if it is a list or a dict.
    :param static: it is the same for every message, and readable on a static config.
    """

    kind: ClassVar[str] = "anything"
    name: str = ""

    def __init__(
        self, doc: str, required: bool = False, default: Any = None, static: bool = False
    ) -> None:
        self.doc = doc
        self.required = required
        self.default = default
        self.static = static

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, config: None, owner: type) -> Self: ...
    @overload
    def __get__(self, config: object, owner: type) -> T: ...
    def __get__(self, config: object | None, owner: type) -> Self | T:
        # A config keeps its values in its __dict__, which goes before this; so whoever comes
        # here asks for a value that the config hasn't got.
        if config is None:
            return self
        raise ConfigError(f"{self.name}: not a static option, so not readable on a static config")

    def clean(self, value: Any) -> T:
        """Turn a given value, never None, into the option's own type.

        :raises ConfigError: the value won't do; says what was expected. Name and position are
            added by who calls.
        """
        return value  # type: ignore[no-any-return]  # what clean gave, of T

    def value_in(self, section: Mapping[str, Any]) -> T | None:
        """Find and convert the option's value in a mapping; null is the same as absent.

        :raises ConfigError: it is missing or won't do (:class:`ConfigErrors` when it is wrong
            in several ways).
        """
        given = section.get(self.name)
        if given is None and self.required:
            raise ConfigError(f"{self.name}: required, but missing", at=position(section))
        if given is None:
            given = copied(self.default)
        if given is None:
            return None
        try:
            return self.clean(given)
        except ConfigError as error:
            raise self._named(error, position(section, (self.name,))) from error

    def _named(self, error: ConfigError, at: str | None) -> ConfigError:
        named = [
            ConfigError(f"{self.name}: {each.what}", at=each.at or at, hint=each.hint)
            for each in flattened(error)
        ]
        return named[0] if len(named) == 1 else ConfigErrors(named)

    def _expected(self, what: str, value: Any, hint: str | None = None) -> ConfigError:
        return ConfigError(f"expected {what}, got {described(value)}", hint=hint)


class ConfigText(ConfigField[str]):
    """Text. A number is refused, since its spelling is lost: ``007`` is not ``7``."""

    kind = "text"

    def clean(self, value: Any) -> str:
        """:raises ConfigError: not text."""
        if isinstance(value, str):
            return value
        scalar = isinstance(value, (bool, int, float))
        raise self._expected("text", value, "put it in quotes" if scalar else None)


class ConfigBool(ConfigField[bool]):
    """True or false.

    Text counts too, in any case: ``true``, ``yes``, ``on``, ``1`` and ``false``, ``no``,
    ``off``, ``0`` and the empty text. Vumi takes any other text for true; here it is refused.
    """

    kind = "true or false"

    def clean(self, value: Any) -> bool:
        """:raises ConfigError: neither true nor false."""
        spelt = str(value).strip().lower() if isinstance(value, (bool, int, str)) else None
        if spelt in _TRUE:
            return True
        if spelt in _FALSE:
            return False
        raise self._expected("true or false", value)


class ConfigList(ConfigField[list[Any]]):
    """A list; the value is a copy."""

    kind = "list"

    def clean(self, value: Any) -> list[Any]:
        """:raises ConfigError: not a list."""
        if isinstance(value, (list, tuple)):
            return [copied(each) for each in value]
        raise self._expected("a list", value, "as [one, two]")


class ConfigDict(ConfigField[dict[str, Any]]):
    """A mapping; the value is a copy."""

    kind = "mapping"

    def clean(self, value: Any) -> dict[str, Any]:
        """:raises ConfigError: not a mapping."""
        if isinstance(value, Mapping):
            return {key: copied(each) for key, each in value.items()}
        raise self._expected("a mapping", value)


class ConfigChoice(ConfigField[str]):
    """One of some texts.

    :param values: what is allowed.
    """

    def __init__(
        self,
        doc: str,
        required: bool = False,
        default: str | None = None,
        static: bool = False,
        *,
        values: Sequence[str],
    ) -> None:
        super().__init__(doc, required, default, static)
        self.values = tuple(values)

    @property
    def kind(self) -> str:  # type: ignore[override]  # a class attribute in the others
        """The values, as ``json | msgpack``."""
        return " | ".join(self.values)

    def clean(self, value: Any) -> str:
        """:raises ConfigError: none of the values."""
        if isinstance(value, str) and value in self.values:
            return value
        allowed = ", ".join(self.values)
        close = suggestion(value, self.values) if isinstance(value, str) else None
        hint = close if close and close.startswith("did") else None
        raise self._expected(f"one of {allowed}", value, hint)
