"""How a task in a child is told to end: an exception raised in it, and only in it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from pipeline.errors import WorkerShutdown

__all__ = ["Interruption"]


class Interruption:
    """Raises in the main thread what another thread tells, while a task runs there.

    Not in middleware around the task, which so can clean up (redis-tasks), and not while something
    is :attr:`held`; then as soon as that is over, if the task still runs.

    :ivar held: a context in which nothing is raised; may be nested. In other threads than the main
        one it does nothing: there nothing is raised anyway.
    """

    def __init__(self) -> None:
        self.held = _Held(self)
        self._main = threading.main_thread().ident
        self._number = 0
        self._why: tuple[int, BaseException] | None = None
        self._is_inside = False
        self._holding = 0
        self._postponing = 0

    def install(self) -> None:
        """Take the signal that this works by; in the main thread."""
        signal.signal(signal.SIGUSR1, self._signalled)

    def begin(self, number: int) -> None:
        """A call with this number begins, and holds nothing yet."""
        self._number = number
        self._postponing = 0

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function, in which may be raised what was told or will be."""
        self._is_inside = True
        try:
            self.check()
            return function(*args)
        finally:
            self._is_inside = False

    def tell(self, number: int, why: BaseException) -> None:
        """Raise this in the task of a call, once; nothing happens if another call runs.

        Called from another thread than the main one.
        """
        self._why = (number, why)
        assert self._main is not None
        signal.pthread_kill(self._main, signal.SIGUSR1)

    def hold(self) -> None:
        """Raise no WorkerShutdown from now on, but anything else."""
        if threading.get_ident() == self._main:
            self._postponing += 1

    def release(self) -> None:
        """Raise it again; now, if it was told meanwhile."""
        if threading.get_ident() == self._main:
            self._postponing -= 1
            self.check()

    def hold_all(self) -> None:
        """Raise nothing from now on."""
        if threading.get_ident() == self._main:
            self._holding += 1

    def release_all(self) -> None:
        """Raise again what is told; now, if it was told meanwhile."""
        if threading.get_ident() == self._main:
            self._holding -= 1
            self.check()

    def check(self) -> None:
        """Raise now what was told, if this is the place."""
        told = self._why
        if told is None or self._holding or not self._is_inside or told[0] != self._number:
            return
        if self._postponing and isinstance(told[1], WorkerShutdown):
            return
        self._why = None
        self._is_inside = False
        raise told[1]

    def _signalled(self, number: int, frame: Any) -> None:
        self.check()


class _Held:
    """Holds an interruption; one instance serves all uses, however nested."""

    def __init__(self, interruption: Interruption) -> None:
        self._interruption = interruption

    def __enter__(self) -> None:
        self._interruption.hold_all()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._interruption.release_all()
