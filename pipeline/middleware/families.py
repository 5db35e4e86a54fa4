"""The three families of middleware, told apart by their methods.

A class needs no base class and no more than one of its family's methods. Django's middleware comes
in two forms: classes of hooks, and factories that take ``get_response``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from enum import Enum
from typing import Any, Final

from pipeline.errors import ConfigError

__all__ = ["HOOKS", "KINDS", "Family", "family_of", "is_factory"]

#: The kinds of message that pass a stack.
KINDS: Final = ("inbound", "outbound", "event", "failure", "status")

_LIFETIME = ("setup_middleware", "teardown_middleware")
_MESSAGE = (
    *(f"handle_{kind}" for kind in KINDS),
    *(f"handle_{direction}_{kind}" for direction in ("consume", "publish") for kind in KINDS),
)


class Family(Enum):
    """Whose hooks a middleware has."""

    MESSAGE = "message"
    TASK = "task"
    REQUEST = "request"


#: The methods of each family; one of them is enough to belong to it.
HOOKS: Final[dict[Family, tuple[str, ...]]] = {
    Family.MESSAGE: _MESSAGE,
    Family.TASK: ("run_task", "process_outcome"),
    Family.REQUEST: (
        "process_request",
        "process_view",
        "process_result",
        "process_template_response",
        "process_response",
        "process_exception",
    ),
}


def family_of(middleware: Any, at: str | None = None) -> Family:
    """The family of a middleware class, or of a factory.

    :param middleware: what a dotted name of the configuration named.
    :param at: where it was named, for errors.
    :raise ConfigError: it has methods of two families, or of none.
    """
    if not callable(middleware):
        raise ConfigError(f"{_named(middleware)} is no middleware: it can't be called", at=at)
    found = {family: _present(middleware, HOOKS[family]) for family in Family}
    families = [family for family in Family if found[family]]
    if len(families) > 1:
        raise _of_two(middleware, [found[family][0] for family in families], at)
    if families:
        return families[0]
    if is_factory(middleware):
        return Family.REQUEST
    # A message middleware may do all its work in setup_middleware.
    if _present(middleware, _LIFETIME):
        return Family.MESSAGE
    raise _of_none(middleware, at)


def is_factory(middleware: Any) -> bool:
    """Whether it is made with ``get_response``: a function, or a class whose instances are called.

    Django's new style; its classes may have ``process_view`` and other hooks besides.
    """
    if not inspect.isclass(middleware):
        return callable(middleware)
    return any("__call__" in vars(base) for base in middleware.__mro__)


def _present(middleware: Any, names: Iterable[str]) -> list[str]:
    return [name for name in names if callable(getattr(middleware, name, None))]


def _of_two(middleware: Any, methods: list[str], at: str | None) -> ConfigError:
    return ConfigError(
        f"{_named(middleware)} has methods of {len(methods)} families of middleware: "
        + ", ".join(methods),
        at=at,
        hint="make a class for each family",
    )


def _of_none(middleware: Any, at: str | None) -> ConfigError:
    some = ", ".join(hooks[0] for hooks in HOOKS.values())
    return ConfigError(
        f"{_named(middleware)} is no middleware: it has no hook, as {some}",
        at=at,
    )


def _named(middleware: Any) -> str:
    module = getattr(middleware, "__module__", None)
    name = getattr(middleware, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(middleware)
