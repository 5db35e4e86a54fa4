"""A process of a supervisor, as the supervisor sees it."""

from __future__ import annotations

import json
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from pipeline.supervisor.bond import BEAT, DONE, HURRY, OWNER, READY, REPORTS, VARIABLE, WRONG
from pipeline.supervisor.lines import Lines
from pipeline.supervisor.program import environment

__all__ = ["Child", "Ending", "Start"]

#: Lines of its standard error that are kept, for when it has crashed.
LAST_WORDS = 20
#: Seconds for the last of them to arrive.
LAST_WORDS_WITHIN = 0.5
#: The first number of a socket in the process.
_FIRST_SOCKET = 5


@dataclass(frozen=True)
class Start:
    """How a process is started.

    :param number: its number, from 1; the first one has standard input.
    :param command: what it runs.
    :param sockets: the description of an endpoint -> the number of the socket here.
    :param variables: more for its environment.
    :param null: the number of an open ``/dev/null``.
    """

    number: int
    command: Sequence[str]
    sockets: Mapping[str, int]
    variables: Mapping[str, str]
    null: int


@dataclass(frozen=True)
class Ending:
    """How a process has ended.

    :param status: its exit status; None when it was killed.
    :param signal: the number of the signal that killed it, if one did.
    :param was_done: it had done all there was to do.
    """

    status: int | None
    signal: int | None
    was_done: bool = False

    @property
    def is_wrong(self) -> bool:
        """Its configuration was wrong, as it found at its start."""
        return self.status == WRONG

    def __str__(self) -> str:
        if self.signal is None:
            return f"ended with status {self.status}"
        with suppress(ValueError):
            return f"was killed by {signal.Signals(self.signal).name}"
        return f"was killed by signal {self.signal}"


@contextmanager
def _not_interrupted() -> Iterator[None]:
    """What begins here is not interrupted until it says so: Ctrl-C is for the supervisor, and would
    have a Python that still imports end with a traceback."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Child(ProcessProtocol):
    """A process.

    :param number: its number.
    :param clock: the reactor.
    :param line: takes a line that it has logged.
    :ivar variables: what it was given in its environment.
    :ivar is_ready: all its workers run.
    :ivar has_begun: its reactor runs.
    :ivar is_ending: it was asked to end.
    :ivar silent: for how many seconds it has given no sign of life; whoever looks counts.
    :ivar began: when it was started.
    :ivar last_words: the last lines that it has logged.
    """

    transport: Any

    def __init__(self, number: int, clock: Any, line: Callable[[bytes], None]) -> None:
        self.number = number
        self.variables: Mapping[str, str] = {}
        self.is_ready = False
        self.has_begun = False
        self.is_ending = False
        self.silent = 0.0
        self.pid = 0
        self.began = clock.seconds()
        self.last_words: deque[bytes] = deque(maxlen=LAST_WORDS)
        self.ending: Ending | None = None
        self._clock = clock
        self._line = line
        self._lines = Lines(self._said)
        self._was_done = False
        self._exited: Ending | None = None
        self._killing: Any = None
        self._closing: Any = None
        self._until_ready: list[Deferred[bool]] = []
        self._until_ended: list[Deferred[Ending]] = []

    @classmethod
    def spawn(cls, start: Start, reactor: Any, line: Callable[[bytes], None]) -> Child:
        """Start one.

        :raise OSError: the system has none to give.
        """
        child = cls(start.number, reactor, line)
        child.variables = start.variables
        numbers = {each: _FIRST_SOCKET + n for n, each in enumerate(sorted(start.sockets))}
        bond = json.dumps({"number": start.number, "sockets": numbers})
        pipes: dict[int, Any] = {
            0: 0 if start.number == 1 else start.null,
            1: 1,
            2: "r",
            OWNER: "w",
            REPORTS: "r",
            **{numbers[each]: descriptor for each, descriptor in start.sockets.items()},
        }
        variables = environment(**{VARIABLE: bond, **start.variables})
        with _not_interrupted():
            reactor.spawnProcess(child, start.command[0], start.command, variables, childFDs=pipes)
        return child

    def until_ready(self) -> Deferred[bool]:
        """Fires with True when its workers run, with False when it has ended before."""
        waiting: Deferred[bool] = Deferred()
        self._until_ready.append(waiting)
        if self.is_ready or self.ending is not None:
            self._tell_ready()
        return waiting

    def until_ended(self) -> Deferred[Ending]:
        """Fires when it has ended."""
        waiting: Deferred[Ending] = Deferred()
        self._until_ended.append(waiting)
        if self.ending is not None:
            self._tell_ended(self.ending)
        return waiting

    def stop(self, seconds: float) -> Deferred[Ending]:
        """Ask it to end, and kill it if it hasn't in so many seconds."""
        self.is_ending = True
        self.signal(signal.SIGTERM)
        self._kill_after(seconds)
        return self.until_ended()

    def signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(number)

    def hurry(self) -> None:
        """Have it hand back what is in hand, and end at once."""
        if self._exited is None:
            self.transport.writeToChild(OWNER, HURRY)

    def _kill_after(self, seconds: float) -> None:
        if self.ending is not None:
            return
        at = self._clock.seconds() + seconds
        if self._killing is not None and self._killing.active():
            at = min(at, self._killing.getTime())
            self._killing.cancel()
        seconds = max(0.0, at - self._clock.seconds())
        self._killing = self._clock.callLater(seconds, self.signal, signal.SIGKILL)

    # Twisted's -----------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self.pid = self.transport.pid

    def childDataReceived(self, descriptor: int, data: bytes) -> None:
        if descriptor == REPORTS:
            self._reported(data)
        else:
            self._lines.feed(data)

    def processExited(self, reason: Failure) -> None:
        value: Any = reason.value
        self._exited = Ending(value.exitCode, value.signal, self._was_done)
        # Its last words may still come; but what it has started may keep its pipes open.
        self._closing = self._clock.callLater(LAST_WORDS_WITHIN, self._over)

    def processEnded(self, reason: Failure) -> None:
        if self._closing is not None and self._closing.active():
            self._closing.cancel()
            self._over()

    def _over(self) -> None:
        assert self._exited is not None
        self._lines.end()
        for descriptor in (2, OWNER, REPORTS):
            self.transport.closeChildFD(descriptor)
        if self._killing is not None and self._killing.active():
            self._killing.cancel()
        # What it has reported last may have come after its end.
        self.ending = replace(self._exited, was_done=self._was_done)
        self._tell_ready()
        self._tell_ended(self.ending)

    def _reported(self, data: bytes) -> None:
        self.silent = 0.0
        self.has_begun = self.has_begun or BEAT in data
        self._was_done = self._was_done or DONE in data
        if READY in data:
            self.is_ready = True
            self._tell_ready()

    def _said(self, line: bytes) -> None:
        self.last_words.append(line)
        self._line(line)

    def _tell_ready(self) -> None:
        waiting, self._until_ready = self._until_ready, []
        for each in waiting:
            if not each.called:
                each.callback(self.is_ready and self.ending is None)

    def _tell_ended(self, ending: Ending) -> None:
        waiting, self._until_ended = self._until_ended, []
        for each in waiting:
            if not each.called:
                each.callback(ending)
