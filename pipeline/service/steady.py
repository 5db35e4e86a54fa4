"""A reactor whose time goes on evenly, whatever is done to the clock of its host."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

__all__ = ["keep_steady"]


def keep_steady(reactor: Any, monotonic: Callable[[], float] = time.monotonic) -> None:
    """Let the time of a reactor start as it is and go on with the monotonic clock.

    Twisted's own is the host's. When that is set back by an hour, everything that waits for a
    second waits for an hour more: delayed messages, handlers that sleep, the watch over the others.

    :param reactor: the one that runs, before anything waits on it for long.
    """
    began, since = reactor.seconds(), monotonic()

    def seconds() -> float:
        return began + monotonic() - since  # type: ignore[no-any-return]  # a reactor's time

    reactor.seconds = seconds
