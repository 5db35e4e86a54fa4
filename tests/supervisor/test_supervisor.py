"""Tests of pipeline.supervisor.supervisor, with small real processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.supervisor.child import Child
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.seat import Seat
from pipeline.supervisor.sockets import Sockets
from pipeline.supervisor.supervisor import Supervisor
from pipeline.testing.times import RealTime
from pipeline.transports.binding import Binding
from tests.supervisor import small
from tests.test_two_processes import free_port

HOST = "127.0.0.1"


class Supervisors(TestCase):
    """All processes together."""

    timeout = 120

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.events: list[str] = []
        self.ended: list[str | None] = []
        self.begun: list[tuple[int, str]] = []
        self.programs: dict[str, str] = {}
        self.next: Callable[[], Deferred[Plan]] = lambda: succeed(Plan())
        for cls in (Seat, Supervisor):
            self.patch(cls, "log", self)

    def info(self, text: str, **values: Any) -> None:
        """A log of our own, since trial takes an error for a failure."""
        self.events.append(text.format(**values))

    warn = error = info

    def failure(self, text: str, failure: Any) -> None:
        """What nobody expected."""
        self.events.append(f"{text}: {failure.getTraceback()}")

    def spawn(self, number: int, plan: Plan) -> Child:
        self.begun.append((number, plan.namespace))
        start = small.small(self.programs.get(plan.namespace, small.READY), number)
        return Child.spawn(start, self.reactor, lambda line: None)

    def started(self, plan: Plan) -> Supervisor:
        """A supervisor that runs."""
        self.sockets = Sockets()
        self.sockets.bind(plan.bindings)
        made = Supervisor(
            plan, self.sockets, self.spawn, lambda: self.next(), self.reactor, self.ended.append
        )
        self.addCleanup(self.sockets.close)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.stop(30)))
        made.start()
        return made

    async def until(self, claim: Callable[[], Any]) -> None:
        await RealTime(self.reactor, 60).until(claim)

    def said(self, text: str) -> Callable[[], bool]:
        return lambda: any(text in event for event in self.events)

    def is_open(self, port: int) -> bool:
        with socket.socket() as client:
            return client.connect_ex((HOST, port)) == 0

    async def test_ready(self) -> None:
        """It is ready when all are, and says so once; what is not ready is told."""
        made = self.started(Plan(processes=2))
        self.assertEqual({1: "starts", 2: "starts"}, made.troubles)
        self.assertFalse(made.is_ready)
        await self.until(lambda: made.is_ready)
        await self.until(self.said("all 2 processes are ready"))
        self.assertEqual({}, made.troubles)

    async def test_done(self) -> None:
        """When all have done all there was to do, nothing is left to be supervised."""
        self.programs[""] = small.DONE
        self.started(Plan(processes=2))
        await self.until(lambda: self.ended)
        self.assertEqual([None], self.ended)

    async def test_wrong(self) -> None:
        """When all have found the configuration wrong when they first began, it is over."""
        self.programs[""] = small.WRONG
        self.started(Plan(processes=2))
        await self.until(lambda: self.ended)
        self.assertIn("the configuration is wrong", str(self.ended[0]))

    async def test_refused(self) -> None:
        """A new configuration that is wrong, wants another private server, or a port that is
        taken, changes nothing; who reloads meanwhile is served afterwards."""
        with socket.create_server((HOST, 0)) as other:
            taken = Binding(host=HOST, port=other.getsockname()[1])
            answers = [
                fail(ConfigError("no such thing", at="a.yaml:1:1")),
                succeed(Plan(is_private=True)),
                succeed(Plan(bindings={"tcp:1": taken})),
            ]
            made = self.started(Plan())
            await self.until(lambda: made.is_ready)
            waiting: Deferred[None] = Deferred()
            self.next = lambda: waiting.addCallback(lambda _: answers.pop(0))
            made.reload()
            self.next = lambda: answers.pop(0)
            made.reload()
            made.reload()
            waiting.callback(None)
            await self.until(self.said("another private server needs another start"))
            made.reload()
            await self.until(self.said("Address already in use; nothing was changed"))
        self.assertTrue(self.said("a.yaml:1:1: no such thing")())
        self.assertEqual([(1, "")], self.begun)

    async def test_not_ready(self) -> None:
        """When a process doesn't get ready with the new configuration, those that have it keep it,
        the others keep the old one, and only what is in use is listened on."""
        first, second = free_port(), free_port()
        old = Plan(processes=2, bindings={"a": Binding(host=HOST, port=first)})
        made = self.started(old)
        await self.until(lambda: made.is_ready)
        self.programs["new"] = small.CRASH
        new = Plan(processes=2, namespace="new", bindings={"b": Binding(host=HOST, port=second)})
        self.next = lambda: succeed(new)
        made.reload()
        await self.until(self.said("keep the old one"))
        self.assertEqual([(1, ""), (2, ""), (1, "new")], self.begun)
        self.assertEqual((True, False), (self.is_open(first), self.is_open(second)))
        self.assertEqual(old, made.plan)

    async def test_resize(self) -> None:
        """The number of processes follows the configuration."""
        made = self.started(Plan(processes=3))
        await self.until(lambda: made.is_ready)
        for processes in (1, 2):
            self.events.clear()
            self.next = lambda n=processes: succeed(Plan(processes=n))  # type: ignore[misc]
            made.reload()
            await self.until(self.said("the new configuration has been taken over"))
            await self.until(lambda n=processes: made.is_ready and len(made.seats) == n)

    async def test_memory(self) -> None:
        """A process with too much memory is replaced, but not again and again."""
        made = self.started(Plan(max_memory=1024))
        await self.until(lambda: made.is_ready)
        made._weigh()
        made._weigh()
        await self.until(lambda: len(self.begun) == 2 and len(made.seats[0]._all) == 1)
        made._weigh()
        self.assertEqual(2, len(self.begun))
        weighed = [event for event in self.events if "more than max_memory" in event]
        self.assertEqual(1, len(weighed))

    async def test_hurry(self) -> None:
        """Who won't wait has all processes told so."""
        self.programs[""] = small.FAITHFUL
        made = self.started(Plan(processes=2))
        await self.until(lambda: made.is_ready)
        made.hurry()
        await self.until(lambda: sum("ended with status 7" in each for each in self.events) == 2)

    async def test_stop(self) -> None:
        """All end, and nothing is started any more."""
        made = self.started(Plan(processes=2))
        await self.until(lambda: made.is_ready)
        pids = [seat.child.pid for seat in made.seats if seat.child is not None]
        await made.stop(30)
        for pid in pids:
            with self.assertRaises(ProcessLookupError):
                os.kill(pid, 0)
        made.reload()
        self.assertFalse(made.is_ready)
        self.assertEqual(2, len(self.begun))
