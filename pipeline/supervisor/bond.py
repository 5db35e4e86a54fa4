"""What ties a process to its supervisor, seen from the process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from pipeline.service.monitor.monitor import PRIVATE
from pipeline.service.process import end_soon, stop
from pipeline.service.running import System
from pipeline.transports.inherited import offered

__all__ = ["BEAT", "DONE", "HURRY", "OWNER", "READY", "REPORTS", "VARIABLE", "WRONG", "Bond"]

#: The environment's variable that makes a process one of a supervisor.
VARIABLE = "PIPELINE_SUPERVISED"
#: The pipe whose end tells that the supervisor is gone, and the one for reports.
OWNER, REPORTS = 3, 4
#: What is reported, a byte each: a turn of the reactor, all workers run, all is done.
BEAT, READY, DONE = b".", b"r", b"d"
#: What the supervisor says when it won't wait.
HURRY = b"h"
#: Seconds between two beats.
TURN = 1.0
#: The exit status of a process whose configuration is wrong (EX_CONFIG of sysexits.h).
WRONG = 78


class Bond:
    """Reports to the supervisor, and ends the process in good order when that is gone.

    :param number: the process', from 1.
    """

    log = Logger()

    def __init__(self, number: int) -> None:
        self.number = number
        self._system: Any = None
        self._reactor: Any = None

    @classmethod
    def found(cls, environment: Any = os.environ) -> Bond:
        """The bond of this process.

        It is taken from the environment, so that what this process runs is none of the
        supervisor's.
        """
        told: Mapping[str, Any] = json.loads(environment.pop(VARIABLE))
        offered.update(told["sockets"])
        for descriptor in (OWNER, REPORTS, *offered.values()):
            os.set_inheritable(descriptor, False)
            os.set_blocking(descriptor, False)
        # It was held back until now, and has a handler when the reactor runs.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        return cls(told["number"])

    def tie(self, system: System, reactor: Any) -> None:
        """Watch the supervisor, and report on a system, from the moment that the reactor runs."""
        self._system, self._reactor = system, reactor
        # It has been read: what this process runs has no place of ours.
        os.environ.pop(PRIVATE, None)
        reactor.callWhenRunning(self._begin)
        system.ready.addCallback(self._system_ready)

    def done(self) -> None:
        """There is nothing more to do: end, and say so."""
        self._report(DONE)
        stop(self._reactor)

    def _begin(self) -> None:
        # A terminal that is closed tells everybody; what is to be done says the supervisor.
        signal.signal(signal.SIGHUP, lambda number, frame: None)
        _Owner(self._reactor, self._owner_told).startReading()
        beating = LoopingCall(self._report, BEAT)
        beating.clock = self._reactor
        beating.start(TURN).addErrback(lambda failure: self.log.failure("no beats", failure))

    def _system_ready(self, is_ready: bool) -> bool:
        if is_ready:
            self._report(READY)
        return is_ready

    def _owner_told(self, what: bytes) -> None:
        if what:
            words = "pipeline: ended at once, as the supervisor"
            end_soon(self._reactor, self._system.hurry, 128 + signal.SIGTERM, words)
            return
        self.log.warn("the supervisor is gone: stopping")
        stop(self._reactor)

    def _report(self, what: bytes) -> None:
        # When the pipe is full nobody has read it for hours; when it is closed, it will be seen.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(REPORTS, what)


class _Owner(FileDescriptor):
    """The pipe from the supervisor, which ends with it."""

    def __init__(self, reactor: Any, told: Callable[[bytes], None]) -> None:
        super().__init__(reactor)
        self._told = told

    def fileno(self) -> int:
        return OWNER

    def doRead(self) -> None:
        told = os.read(OWNER, 1)
        if not told:
            self.stopReading()
        self._told(told)

    def connectionLost(self, reason: Any) -> None:
        """The reactor has found the end by itself; or it ends, and there is nothing to read."""
        with suppress(BlockingIOError):
            self.doRead()

    def logPrefix(self) -> str:
        return "the supervisor"
