"""Which messages a middleware looks at: options for it, and putting its handlers in place.

A handler that isn't put in place costs nothing: the chains of other kinds don't have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from types import MethodType
from typing import Any

from pipeline.config.fields import ConfigField
from pipeline.config.problems import described, suggestion
from pipeline.errors import ConfigError
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import KINDS

__all__ = ["DIRECTIONS", "ConfigChoices", "ConfigKinds", "attach", "detach"]

Handler = Callable[[Any, str], Any]

#: How messages pass a stack: as they are read, and as they go out.
DIRECTIONS = ("consume", "publish")


class ConfigChoices(ConfigField[tuple[str, ...]]):
    """Some of a few texts, as a list; a single text is a list of one.

    :param values: what is allowed.
    """

    def __init__(
        self,
        doc: str,
        required: bool = False,
        default: Sequence[str] | None = None,
        static: bool = False,
        *,
        values: Sequence[str],
    ) -> None:
        super().__init__(doc, required, default, static)
        self.values = tuple(values)

    @property
    def kind(self) -> str:  # type: ignore[override]  # what the values are is known per field
        """The values, as ``list of consume | publish``."""
        return f"list of {' | '.join(self.values)}"

    def clean(self, value: Any) -> tuple[str, ...]:
        """:raises ConfigError: not a list of the values, or an empty one."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or not listed:
            raise self._expected(f"a list of {', '.join(self.values)}", value)
        for each in listed:
            if each not in self.values:
                hint = suggestion(str(each), self.values)
                raise ConfigError(f"there is no {described(each)}", hint=hint)
        return tuple(dict.fromkeys(listed))


class ConfigKinds(ConfigChoices):
    """Kinds of message.

    :param default: the kinds if none are given.
    """

    def __init__(self, doc: str, default: Sequence[str]) -> None:
        super().__init__(doc, default=default, static=True, values=KINDS)


def attach(
    middleware: Any, direction: str, kinds: Iterable[str], handler_of: Callable[[str], Handler]
) -> None:
    """Put handlers in place, for these kinds and no others; from ``setup_middleware``.

    :param direction: one of :data:`DIRECTIONS`.
    :param handler_of: given a kind, the handler for it.
    """
    for kind in kinds:
        setattr(middleware, f"handle_{direction}_{kind}", handler_of(kind))


def detach(middleware: Any, cls: type, *kinds: str) -> None:
    """Take handlers away that would do nothing, from ``setup_middleware``.

    :param cls: whose ``handle_<kind>`` they are; what a subclass has instead stays.
    """
    for kind in kinds:
        name = f"handle_{kind}"
        if getattr(type(middleware), name) is getattr(cls, name):
            setattr(middleware, name, MethodType(getattr(BaseMiddleware, name), middleware))
