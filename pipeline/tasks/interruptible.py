"""A coroutine that is told why it was cancelled."""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from twisted.internet.defer import CancelledError

__all__ = ["interruptible"]


@types.coroutine
def interruptible(
    inner: Coroutine[Any, Any, Any], reason: Callable[[], BaseException | None]
) -> Generator[Any, Any, Any]:
    """Run a coroutine, and raise ``reason()`` in it instead of a bare CancelledError.

    :param reason: gives the exception to raise inside; None: the CancelledError itself.
    :return: what the coroutine returns.
    """
    try:
        waited = inner.send(None)
        while True:
            try:
                value = yield waited
            except CancelledError as error:
                waited = inner.throw(reason() or error)
            except GeneratorExit:
                inner.close()
                raise
            except BaseException as error:  # noqa: BLE001  # it is raised again, inside
                waited = inner.throw(error)
            else:
                waited = inner.send(value)
    except StopIteration as done:
        return done.value
