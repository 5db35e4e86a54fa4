"""The class that declared options live in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from inspect import cleandoc, getattr_static
from textwrap import indent
from typing import Any, ClassVar, NoReturn, Self, TypeVar

from pipeline.config.fields import ConfigField
from pipeline.config.positions import key_position, position
from pipeline.config.problems import Problems, described, suggestion
from pipeline.errors import ConfigError

__all__ = ["BaseConfig", "Config", "ConfigSection"]


class Config:
    """Options with types, met once and then read-only.

    ::

        class GreeterConfig(Config):
            greeting = ConfigText("What to say.", default="hello", static=True)

        GreeterConfig({"greeting": "hi"}).greeting

    Every value is converted when the config is made; reading one is reading an attribute. The
    class's docstring is continued with its options. Behaviour follows Vumi 0.6.19, except that
    null is the same as absent and that all errors are raised at once.

    :param data: the options by name; null and nothing are empty. Where it is a
        :class:`~pipeline.config.positions.Section`, errors say where they are in the file.
    :param static: leave out the options that are not static.
    :raises ConfigError: one option is wrong; :class:`~pipeline.config.problems.ConfigErrors`,
        a subclass, when several are.
    """

    _fields: ClassVar[tuple[ConfigField[Any], ...]] = ()
    _data: Mapping[str, Any]
    static: bool

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._fields = tuple(_declared(cls))
        cls.__doc__ = _documented(cls)

    def __init__(self, data: Mapping[str, Any] | None = None, static: bool = False) -> None:
        section = {} if data is None else data
        if not isinstance(section, Mapping):
            raise ConfigError(f"expected a mapping of options, got {described(data)}")
        values = self.__dict__
        values.update(_data=section, static=static)
        problems = Problems()
        for field in self._fields:
            if static and not field.static:
                continue
            with problems.collecting():
                values[field.name] = field.value_in(section)
        problems.raise_any()
        self.post_validate()

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is read-only")

    def with_options(self, options: Mapping[str, Any]) -> Self:
        """The same config with some options otherwise; this one stays as it is.

        :raises ConfigError: as when it is made.
        """
        return type(self)({**self._data, **options}, self.static)

    def post_validate(self) -> None:
        """Check what no single option can: override. Runs when every option is right.

        :raises ConfigError: by :meth:`raise_config_error`, for one.
        """

    def raise_config_error(self, what: str, option: str | None = None) -> NoReturn:
        """Raise a ConfigError that knows where these options were written.

        :param what: what is wrong and what was expected.
        :param option: the option at fault, for a closer position.
        """
        path = () if option is None else (option,)
        raise ConfigError(what, at=position(self._data, path))

    @classmethod
    def fields(cls) -> tuple[ConfigField[Any], ...]:
        """Give the options, inherited ones first, each in order of declaration."""
        return cls._fields

    @classmethod
    def unknown_keys(
        cls, data: Mapping[str, Any] | None, besides: Iterable[str] = ()
    ) -> tuple[ConfigError, ...]:
        """Say which keys are no options of this class, without raising anything.

        :param data: what would be given to the class.
        :param besides: further keys that are fine, as the names of middleware sections.
        :return: an error for each, with its position and the nearest name, to raise or log.
        """
        known = {field.name for field in cls._fields}
        accepted = known | set(besides)
        return tuple(
            ConfigError(
                f"there is no option {key!r}",
                at=key_position(data, key),
                hint=suggestion(str(key), known),
            )
            for key in data or ()
            if key not in accepted
        )


#: Another name for :class:`Config`, by which subclasses called ``Config`` can derive from it.
BaseConfig = Config

C = TypeVar("C", bound=Config)


class ConfigSection(ConfigField[C]):
    """Options within an option; its value is a Config. A key that it doesn't know is refused.

    When it is absent the value is the inner class with all its defaults.

    :param config_class: the inner options.
    """

    kind = "section"

    def __init__(
        self,
        doc: str,
        config_class: type[C],
        required: bool = False,
        static: bool = False,
    ) -> None:
        super().__init__(doc, required, {}, static)
        self.config_class = config_class

    def clean(self, value: Any) -> C:
        """:raises ConfigError: not a mapping, an option in it is wrong, or unknown."""
        if not isinstance(value, Mapping):
            raise self._expected("a mapping", value)
        problems = Problems()
        problems.add(*self.config_class.unknown_keys(value))
        with problems.collecting():
            made = self.config_class(value)
        problems.raise_any()
        return made


def _declared(cls: type) -> Iterator[ConfigField[Any]]:
    names = dict.fromkeys(name for base in reversed(cls.__mro__) for name in vars(base))
    for name in names:
        field = getattr_static(cls, name)
        if not isinstance(field, ConfigField):
            continue
        if name.startswith("_") or hasattr(Config, name) or name == "static":
            raise TypeError(f"{cls.__name__}: an option can't be called {name!r}")
        yield field


def _documented(cls: type[Config]) -> str:
    own = cleandoc(cls.__dict__.get("__doc__") or f"Options of {cls.__qualname__}.")
    options = [_described_field(field) for field in cls.fields()]
    return "\n\n".join([own, "Options:", "\n".join(options)]) if options else own


def _described_field(field: ConfigField[Any]) -> str:
    facts = [field.kind]
    if field.required:
        facts.append("required")
    elif field.default not in (None, {}, []):
        facts.append(f"default {_shown(field.default)}")
    if field.static:
        facts.append("static")
    text = indent(cleandoc(field.doc), "    ")
    return f"``{field.name}`` ({', '.join(facts)})\n{text}"


def _shown(default: Any) -> str:
    if isinstance(default, (list, tuple, Mapping)):
        return str(default)
    return default if isinstance(default, str) and default else described(default)
