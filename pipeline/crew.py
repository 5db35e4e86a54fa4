"""Threads that take what is to be done from one line, and give back many results at a time.

A thread that is done takes the next itself, and the reactor is woken once for all that is done
meanwhile: what is short costs neither a wake-up on the way out nor one on the way back.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["Crew", "Work", "threaded"]


class Work:
    """A function that a thread runs, or will run.

    :ivar begun_at: when a thread was there for it, in seconds of the clock; None: it waits.
    :ivar is_over: the reactor knows what it has come to.
    """

    __slots__ = ("args", "begun_at", "context", "ended", "function", "is_over", "result")

    def __init__(
        self,
        ended: Callable[[Any], object],
        function: Callable[..., Any],
        args: tuple[Any, ...],
        begun_at: float | None,
    ) -> None:
        self.ended = ended
        self.function = function
        self.args = args
        self.begun_at = begun_at
        self.is_over = False
        self.context: Context = copy_context()
        self.result: Any = None


class Crew:
    """Runs functions in at most so many threads; what comes beyond waits in line.

    All methods are for the reactor's thread.

    :param clock: where what is done comes back; for a Clock, the reactor that is installed. It
        says when something begins.
    :param size: how many threads, at most; they are made when first needed. They never keep the
        process from ending.
    :param name: what their names begin with.
    """

    log = Logger()

    def __init__(self, clock: Any, size: int, name: str) -> None:
        self.size = size
        self._name = name
        self._seconds: Callable[[], float] = clock.seconds
        self._tell_reactor = threaded(clock).callFromThread
        self._first: deque[Work] = deque()
        self._line: deque[Work] = deque()
        self._done: deque[Work] = deque()
        #: How much waits or runs.
        self._out = 0
        self._is_stopped = False
        # What follows is changed in all threads, each time by one step that no other can divide.
        #: The bells of all threads; and of those that rest, until somebody rings.
        self._bells: set[threading.Lock] = set()
        self._resting: list[threading.Lock] = []
        #: A thread was rung up and has taken nothing yet: it will ring up the next.
        self._is_ringing = False
        #: The reactor knows that something is done, and has not looked yet.
        self._is_told = False

    @property
    def busy(self) -> int:
        """How many threads are taken."""
        return min(self._out, self.size)

    def start(self) -> None:
        """Be ready to run."""
        self._is_stopped = False

    def stop(self) -> None:
        """Let the threads end when nothing waits, without waiting for that."""
        self._is_stopped = True
        with suppress(IndexError):
            while True:
                self._resting.pop().release()

    def do(self, ended: Callable[[Any], object], function: Callable[..., Any], *args: Any) -> Work:
        """Run a function as soon as a thread is free, with the context variables of here.

        :param ended: called in the reactor with what it returns, or with a Failure.
        :raise RuntimeError: the system lets no thread begin; it won't run.
        """
        return self._line_up(self._line, ended, function, args)

    def do_first(
        self, ended: Callable[[Any], object], function: Callable[..., Any], *args: Any
    ) -> Work:
        """As :meth:`do`, but before all that waits by that."""
        return self._line_up(self._first, ended, function, args)

    def withdraw(self, work: Work) -> bool:
        """Don't run what still waits: it ends by a CancelledError, now.

        :return: whether it waited; else it runs, or has run.
        """
        if work.begun_at is not None or not self._is_out_of_line(work):
            return False
        work.result = Failure(CancelledError())
        self._end(work)
        return True

    def _is_out_of_line(self, work: Work) -> bool:
        for line in (self._first, self._line):
            with suppress(ValueError):
                line.remove(work)
                return True
        return False

    def _line_up(
        self,
        line: deque[Work],
        ended: Callable[[Any], object],
        function: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> Work:
        self._out += 1
        now = self._seconds() if self._out <= self.size else None
        work = Work(ended, function, args, now)
        line.append(work)
        if len(self._bells) < min(self._out, self.size):
            self._hire(work)
        else:
            self._ring()
        return work

    def _hire(self, work: Work) -> None:
        bell = threading.Lock()
        bell.acquire()
        self._bells.add(bell)
        name = f"{self._name}-{len(self._bells)}"
        thread = threading.Thread(target=self._serve, args=(bell,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the system has no more
            self._bells.discard(bell)
            if self._is_out_of_line(work):  # else another was quicker
                self._out -= 1
                raise

    def _ring(self) -> None:
        """Wake one thread that rests, unless one wakes up already: it will wake the next.

        So threads that are not needed sleep on, where one is done with all before a second wakes.
        """
        if self._is_ringing:
            return
        try:
            bell = self._resting.pop()
        except IndexError:
            return
        self._is_ringing = True
        bell.release()

    def _take_back(self) -> None:
        """Say what has ended. What ends from now on is told anew."""
        self._is_told = False
        for _ in range(len(self._done)):
            try:
                self._end(self._done.popleft())
            except Exception:  # noqa: BLE001  # the others must be taken all the same
                self.log.failure("{name}: what came back could not be taken", name=self._name)

    def _end(self, work: Work) -> None:
        self._out -= 1
        work.is_over = True
        work.ended(work.result)

    # In the threads ----------------------------------------------------------------------------

    def _serve(self, bell: threading.Lock) -> None:
        while True:
            try:
                work = (self._first or self._line).popleft()
            except IndexError:
                if self._rests(bell):
                    continue
                return
            if self._line or self._first:
                self._ring()
            if work.begun_at is None:
                work.begun_at = self._seconds()
            try:
                work.result = work.context.run(work.function, *work.args)
            except BaseException:  # noqa: BLE001  # whatever it is, it is what the function came to
                work.result = Failure()
            self._done.append(work)
            del work  # who rests keeps nothing alive
            # While more waits, this is left to who wakes up: it comes at once if that blocks.
            if not (self._is_ringing and (self._line or self._first)):
                self._tell()

    def _rests(self, bell: threading.Lock) -> bool:
        """Sleep until there may be something to do; False: go."""
        if self._is_stopped:
            self._bells.discard(bell)
            if not (self._line or self._first):
                return False
            self._bells.add(bell)
            return True
        self._resting.append(bell)
        if self._line or self._first or self._is_stopped:
            # It came while we lay down: we look ourselves, unless somebody has rung meanwhile.
            with suppress(ValueError):
                self._resting.remove(bell)
                return True
        bell.acquire()
        self._is_ringing = False
        if self._done:
            self._tell()
        return True

    def _tell(self) -> None:
        """Have the reactor look at what is done, once for all until it does."""
        if not self._is_told:
            self._is_told = True
            self._tell_reactor(self._take_back)


def threaded(clock: Any) -> Any:
    """The reactor that threads report to: this one, unless it is a Clock."""
    if IReactorFromThreads.providedBy(clock):
        return clock
    from twisted.internet import reactor

    return reactor
