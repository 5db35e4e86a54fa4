"""Setting middlewares up and tearing them down, one after another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["set_up", "tear_down"]

_log = Logger()


async def set_up(middlewares: Sequence[Any]) -> None:
    """Set middlewares up in order; all of them or none.

    If one fails, those before it are torn down, the last first. (Vumi leaves them set up.)

    :raise Exception: what the first one that failed raised.
    """
    done: list[Any] = []
    try:
        for middleware in middlewares:
            await _called(middleware, "setup_middleware")
            done.append(middleware)
    except BaseException:
        for error in await _all_torn_down(reversed(done)):
            _report(error)
        raise


async def tear_down(middlewares: Iterable[Any]) -> None:
    """Tear middlewares down in order, all of them whatever happens.

    :raise Exception: what the first one that failed raised; what others raised is logged.
    """
    errors = await _all_torn_down(middlewares)
    for error in errors[1:]:
        _report(error)
    if errors:
        raise errors[0]


async def _all_torn_down(middlewares: Iterable[Any]) -> list[Exception]:
    errors = []
    for middleware in middlewares:
        try:
            await _called(middleware, "teardown_middleware")
        except Exception as error:  # noqa: BLE001 - the others are torn down too
            errors.append(error)
    return errors


async def _called(middleware: Any, method: str) -> None:
    function = getattr(middleware, method, None)
    result = None if function is None else function()
    if isinstance(result, CoroutineType | Deferred):
        await result


def _report(error: Exception) -> None:
    _log.failure("A middleware could not be torn down", Failure(error))
