"""A child process, as its worker sees it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Protocol

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from pipeline.errors import PermanentFailure, TaskAborted
from pipeline.observe.carrying import carried
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.processes.output import Output
from pipeline.tasks.processes.problems import problem_of, rebuilt
from pipeline.tasks.processes.wire import (
    CALLS,
    CONTROL,
    REPORTS,
    Answer,
    BrokenFrame,
    Call,
    Failed,
    Frames,
    FromChild,
    Progress,
    Ready,
    Returned,
    Said,
    Send,
    Setup,
    Tell,
    Unready,
    check_size,
    framed,
)

__all__ = ["Child", "ChildEvents"]

_PROGRAM = "pipeline.tasks.processes.child"
_PIPES = {0: "w", 1: "r", 2: "r", CALLS: "w", REPORTS: "r", CONTROL: "w"}
_encode = msgspec.json.Encoder().encode


class ChildEvents(Protocol):
    """Who wants to know of a child; a pool."""

    def ready(self, child: Child) -> None:
        """It can run calls."""

    def kill(self, child: Child) -> None:
        """It has to be killed."""

    def gone(self, child: Child, why: BaseException) -> None:
        """It has ended, after its call, if it had one."""

    async def send(self, steps: list[tuple[str, bytes]], options: dict[str, Any]) -> Answer:
        """Send a call, or a chain, for the call that runs."""

    def progress(self, values: list[Any]) -> None:
        """The call that runs is so far."""


class Child(ProcessProtocol):
    """A process that runs one call at a time.

    :param setup: what it is told first.
    :param events: who is told what becomes of it.
    :ivar calls: how many calls it was given.
    :ivar memory: its bytes of memory after the last call, if that is measured.
    :ivar is_ready: it has imported its tasks.
    :ivar has_refused: it has said why it can't run calls.
    :ivar is_ending: it was told to end, or killed.
    """

    log = Logger("pipeline.tasks")

    transport: Any = None

    def __init__(self, setup: Setup, events: ChildEvents) -> None:
        self.calls = 0
        self.memory = 0
        self.is_ready = False
        self.has_refused = False
        self.is_ending = False
        self._setup = setup
        self._events = events
        self._frames: Frames[Any] = Frames(FromChild)
        self._outputs = {
            1: Output(self._said_plainly, "info"),
            2: Output(self._said_plainly, "warn"),
        }
        self._call: CurrentTask | None = None
        self._context: Context = copy_context()
        self._done: Deferred[Any] | None = None
        self._why: BaseException | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it has ended."""
        pid: int | None = self.transport.pid if self.transport is not None else None
        return pid

    @property
    def is_busy(self) -> bool:
        """Whether it has a call."""
        return self._done is not None

    def spawn(self, reactor: Any) -> None:
        """Start it.

        :raise OSError: the system has none to give.
        """
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        command = [sys.executable, "-m", _PROGRAM, str(os.getpid())]
        reactor.spawnProcess(self, sys.executable, command, environment, childFDs=_PIPES)

    def has_ended(self) -> bool:
        """Whether it has ended, though the reactor may not have been told yet."""
        if self.pid is None:
            return True
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        try:
            return os.waitid(os.P_PID, self.pid, options) is not None
        except ChildProcessError:  # somebody else has waited for it
            return True

    def call(self, call: CurrentTask, is_awaited: bool) -> Deferred[Any]:
        """Have it run a call, with what it sends in the context of here.

        :return: what the call returns, or raises.
        :raise PermanentFailure: the call is too large.
        """
        asked = _encode(call)
        check_size(f"the call of {call.name}", len(asked))
        self.calls += 1
        for output in self._outputs.values():
            output.begin()
        self._call, self._context = call, copy_context()
        self._done = Deferred()
        self._write(CALLS, Call(self.calls, asked, is_awaited, carried()))
        return self._done

    def tell(self, why: BaseException) -> None:
        """Raise this in the task that runs."""
        if self.is_busy:
            self._write(CONTROL, Tell(self.calls, problem_of(why)))

    def kill(self) -> None:
        """End it now, and all that its task has started."""
        self.is_ending = True
        pid = self.pid
        if pid is None:
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # it leads no group yet
            os.kill(pid, signal.SIGKILL)

    def retire(self) -> None:
        """Have it end by itself, after the call that it has."""
        self.is_ending = True
        if self.transport is not None:
            self.transport.closeChildFD(CALLS)

    # What Twisted says ---------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """It has started."""
        self.transport.closeChildFD(0)
        self._write(CALLS, self._setup)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """It says something."""
        if childFD != REPORTS:
            self._outputs[childFD].feed(data)
            return
        try:
            for message in self._frames.feed(data):
                self._came(message)
        except BrokenFrame as error:
            self._why = TaskAborted(f"its process spoke nonsense: {error}")
            self._events.kill(self)

    def processExited(self, reason: Failure) -> None:
        """It has ended; its pipes may live on, in what its task has started."""
        for output in self._outputs.values():
            output.end()
        why = self._why or TaskAborted(f"its process died: {_ending(reason.value)}")
        self.transport.loseConnection()
        self._finish(Failure(why))
        self._events.gone(self, why)

    # What it says --------------------------------------------------------------------------------

    def _came(self, message: Any) -> None:
        self._WAYS[type(message)](self, message)

    def _ready(self, message: Ready) -> None:
        self.is_ready = True
        self._events.ready(self)

    def _unready(self, message: Unready) -> None:
        self.has_refused = True
        self._why = rebuilt(message.problem)

    def _returned(self, message: Returned) -> None:
        self.memory = message.memory
        self._finish(msgspec.json.decode(message.value))

    def _failed(self, message: Failed) -> None:
        self.memory = message.memory
        self._finish(Failure(rebuilt(message.problem)))

    def _said(self, message: Said) -> None:
        self._log(message.level, message.source, message.text)

    def _send(self, message: Send) -> None:
        context = self._context if message.number == self.calls and self.is_busy else None
        sending = Deferred.fromCoroutine(self._sent(message, context))
        sending.addErrback(_not_sent)
        sending.addCallback(partial(self._write, CALLS))

    async def _sent(self, message: Send, context: Context | None) -> Answer:
        if context is None:
            raise PermanentFailure(f"{message.steps[0][0]} was sent by a call that is over")
        sending = self._events.send(message.steps, message.options)
        return await context.run(Deferred.fromCoroutine, sending)

    def _progress(self, message: Progress) -> None:
        if message.number == self.calls and self.is_busy:
            self._context.run(self._events.progress, msgspec.json.decode(message.values))

    _WAYS: dict[type, Callable[..., None]] = {
        Ready: _ready,
        Unready: _unready,
        Returned: _returned,
        Failed: _failed,
        Said: _said,
        Send: _send,
        Progress: _progress,
    }

    def _finish(self, result: Any) -> None:
        """Give a result to who waits for it."""
        done, self._done = self._done, None
        if done is not None:
            done.callback(result)

    def _write(self, fd: int, message: Any) -> None:
        if self.transport is not None and fd in self.transport.pipes:
            self.transport.writeToChild(fd, framed(message))

    # Its log -------------------------------------------------------------------------------------

    def _said_plainly(self, level: str, text: str) -> None:
        self._log(level, "output", text)

    def _log(self, level: str, source: str, text: str) -> None:
        call = self._call
        event = {
            "task": call and call.name,
            "id": call and call.id,
            "pid": self.pid,
            "source": source,
            "text": text,
        }
        form = "{task} {id}: {source}: {text}" if call else "child {pid}: {source}: {text}"

        def emit() -> None:
            self.log.emit(LogLevel.lookupByName(level), form, **event)

        if self.is_busy:
            self._context.run(emit)  # where the call began, the log knows its message
        else:
            emit()


def _not_sent(failure: Failure) -> Answer:
    assert failure.value is not None
    return Answer([], problem=problem_of(failure.value))


def _ending(error: Any) -> str:
    number = getattr(error, "signal", None)
    if number is not None:
        return f"signal {number}"
    return f"exit status {getattr(error, 'exitCode', '?')}"
