"""A supervisor as a service, with what it brings along for its processes."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.errors import ConfigError
from pipeline.service.monitor.notify import Notifier
from pipeline.service.private import PrivateServer
from pipeline.service.process import stop
from pipeline.service.running import Part, System, explained
from pipeline.supervisor.checker import Checker
from pipeline.supervisor.child import Child, Start
from pipeline.supervisor.notices import Notices
from pipeline.supervisor.output import Output, told_json, told_text
from pipeline.supervisor.overlook import Overlook
from pipeline.supervisor.plan import Asked, Plan
from pipeline.supervisor.program import command
from pipeline.supervisor.seat import GRACE
from pipeline.supervisor.sockets import Sockets
from pipeline.supervisor.supervisor import Supervisor
from pipeline.threads import in_pool

__all__ = ["Supervision"]


class Supervision:
    """Puts a supervisor together.

    :param asked: what is to be run.
    :param plan: what the configuration says.
    :param reactor: the reactor.
    :param output: where the processes' lines go.
    """

    log = Logger()

    def __init__(self, asked: Asked, plan: Plan, reactor: Any, output: Output) -> None:
        self._asked = asked
        self._plan = plan
        self._reactor = reactor
        self._output = output
        self._sockets = Sockets()
        self._checker = Checker(asked)
        self._null = os.open(os.devnull, os.O_RDWR)
        self._server = EmbeddedServer(plan.folder, reactor=reactor) if plan.is_private else None
        self._failed: Callable[[str], None] = lambda explanation: None
        #: What it is all about.
        self.supervisor = Supervisor(
            plan, self._sockets, self._spawn, self._check, reactor, self._ended
        )
        self._overlook = Overlook(self.supervisor, reactor)

    def system(self, failed: Callable[[str], None]) -> System:
        """The service.

        :param failed: called with an explanation if it can't go on.
        """
        self._failed = failed
        sockets = Part("every socket", self._bind, self._close)
        parts = [sockets, self._overlook.part, self._part()]
        notifier = Notifier.of(os.environ)
        if notifier is not None:
            parts.insert(0, Notices(notifier, self.supervisor, self._reactor).part)
        if self._server is not None:
            private = PrivateServer(self._server, self._server_answers, self._reactor)
            parts.insert(0, private.part)
        timeout = self._plan.stop_timeout + GRACE
        namespace = self._plan.namespace
        system = System(
            parts, self._reactor, stop_timeout=timeout, namespace=namespace, failed=failed
        )

        async def taken_over(plan: Plan) -> None:
            system.stop_timeout = plan.stop_timeout + GRACE
            try:
                await self._overlook.take(plan)
            except (CannotListenError, ConfigError) as error:
                self.log.error("the monitor answers no more: {why}", why=explained(error))

        self.supervisor.taken_over = taken_over
        return system

    def reload_on_hangup(self) -> None:
        """Let SIGHUP reload the configuration; but end when it tells that the terminal is gone."""
        has_terminal = _terminal()

        def handle(number: int, frame: Any) -> None:
            if has_terminal and not _terminal():
                self._reactor.callFromThread(stop, self._reactor)
            else:
                self._reactor.callFromThread(self.supervisor.reload)

        self._reactor.callWhenRunning(signal.signal, signal.SIGHUP, handle)

    def _part(self) -> Part:
        async def start() -> None:
            self.supervisor.start()

        async def end(seconds: float) -> None:
            self._checker.stop()
            await self.supervisor.stop(seconds)

        return Part("the supervisor", start, end, self.supervisor)

    async def _bind(self) -> None:
        self._sockets.bind(self._plan.bindings)

    async def _close(self, seconds: float) -> None:
        self._sockets.close()
        os.close(self._null)

    def _check(self) -> Deferred[Plan]:
        return Deferred.fromCoroutine(in_pool(self._checker.plan))

    def _ended(self, explanation: str | None) -> None:
        if explanation is not None:
            self._failed(explanation)
        stop(self._reactor)

    def _spawn(self, number: int, plan: Plan) -> Child:
        sockets = self._sockets.descriptors(plan.bindings)
        place = self._overlook.place()
        start = Start(number, self._command(number, plan), sockets, place, self._null)
        told = told_json if plan.log_format == "json" else told_text
        child = Child.spawn(
            start, self._reactor, lambda line: self._output.write(told(number, line))
        )
        child.until_ended().addCallback(lambda ending: self._overlook.left(child))
        return child

    def _command(self, number: int, plan: Plan) -> list[str]:
        options = list(self._asked.set_option)
        if self._server is not None:
            options.append(f"redis:unix://{quote(self._server.socket_path)}")
        return command(
            "pipeline",
            "run",
            self._asked.file,
            "--log-format",
            plan.log_format,
            "--log-level",
            plan.log_level,
            *(word for each in options for word in ("--set-option", each)),
            *(word for each in plan.workers_of(number) for word in ("--worker", each)),
        )

    def _server_answers(self) -> bool:
        """Whether our private server, or the one that it shares, is there."""
        assert self._server is not None
        with socket.socket(socket.AF_UNIX) as asking:
            asking.setblocking(False)
            try:
                asking.connect(self._server.socket_path)
            except BlockingIOError:  # so many wait: it is there
                return True
            except OSError:
                return False
        return True


def _terminal() -> bool:
    """Whether there is a terminal that this process belongs to."""
    with suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
        return True
    return False
