"""Tests of pipeline.supervisor.overlook; test_service asks processes of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from pipeline.service.monitor.asking import ask
from pipeline.service.monitor.endpoint import Endpoint
from pipeline.service.monitor.monitor import PRIVATE
from pipeline.service.monitor.options import private_options
from pipeline.supervisor.child import Child, Start
from pipeline.supervisor.overlook import Overlook
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.seat import Seat
from pipeline.supervisor.sockets import Sockets
from pipeline.supervisor.supervisor import Supervisor
from pipeline.testing.times import RealTime
from pipeline.transports.answers import Answer
from tests.supervisor import small
from tests.test_two_processes import free_port


class Overlooking(TestCase):
    """Small processes, for which this test answers at their places."""

    timeout = 120

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.until = RealTime(reactor, 60).until
        self.events: list[str] = []
        self.patch(Seat, "log", self)
        self.places: list[str] = []
        #: What each process says of its life.
        self.said: dict[str, Answer] = {}
        self.port = free_port()
        plan = Plan(monitor=self.monitor(self.port))
        self.supervisor = Supervisor(
            plan, Sockets(), self.spawn, lambda: Deferred(), reactor, lambda why: None
        )
        self.overlook = Overlook(self.supervisor, reactor)
        self.part = self.overlook.part
        await self.part.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(self.end()))
        self.supervisor.start()
        await self.until(lambda: self.supervisor.is_ready)

    async def end(self) -> None:
        await self.supervisor.stop(30)
        await self.part.stop(1)

    def monitor(self, port: int) -> dict[str, Any]:
        return {"listen": f"tcp:{port}", "metrics": False}

    def info(self, text: str, **values: Any) -> None:
        """A log of our own, since trial takes an error for a failure."""
        self.events.append(text.format(**values))

    error = info

    def spawn(self, number: int, plan: Plan) -> Child:
        made, variables = small.small(small.READY, number), self.overlook.place()
        start = Start(number, made.command, {}, variables, made.null)
        child = Child.spawn(start, self.reactor, lambda line: None)
        child.until_ended().addCallback(lambda ending: self.overlook.left(child))
        self.places.append(variables[PRIVATE])
        return child

    async def serve(self, place: str) -> None:
        """Answer at the place of a process."""
        well = Answer(200, {"live": True, "reasons": []})
        pages = {"/live": lambda: self.said.get(place, well)}
        endpoint = Endpoint(private_options(None, f"{place}:lockfile=0"), pages, self.reactor)
        await endpoint.start()

        async def stop() -> None:
            Path(place.removeprefix("unix:")).touch()
            await endpoint.stop()

        self.addCleanup(lambda: Deferred.fromCoroutine(stop()))

    async def asked(self, port: int, path: str) -> tuple[int, Any]:
        said = await ask(f"tcp:127.0.0.1:{port}", path, 30, self.reactor)
        return said.status, json.loads(said.body) if said.status else None

    async def test_dead(self) -> None:
        """A process that says that only a new start will help is ended, and another follows; one
        that says nothing is left alone. What it leaves at its place is removed."""
        [place] = self.places
        await self.overlook._look()
        self.assertEqual(1, len(self.events))
        await self.serve(place)
        self.assertEqual((200, True), self.shortened(await self.asked(self.port, "/live")))
        await self.overlook._look()
        self.assertEqual(1, len(self.events))
        self.said[place] = Answer(503, {"live": False, "reasons": ["it reads nothing"]})
        self.assertEqual((503, False), self.shortened(await self.asked(self.port, "/live")))
        await self.overlook._look()
        await self.until(lambda: len(self.places) == 2 and self.supervisor.is_ready)
        self.assertEqual("process 1 is ended: it reads nothing", self.events[1])
        self.assertFalse(Path(place.removeprefix("unix:")).exists())
        self.assertTrue(self.folder().exists())

    def shortened(self, answer: tuple[int, Any]) -> tuple[int, Any]:
        return answer[0], answer[1]["live"]

    def folder(self) -> Path:
        """Where the places are: nobody else gets there."""
        folder = Path(self.places[0].removeprefix("unix:")).parent
        self.assertEqual(0o700, folder.stat().st_mode & 0o777)
        return folder

    async def test_moved(self) -> None:
        """With another configuration it answers elsewhere, or nowhere; a place that is taken is an
        error. At the end its folder is gone."""
        status, told = await self.asked(self.port, "/ready")
        self.assertEqual((503, ["1"]), (status, list(told["processes"])))
        other = free_port()
        await self.overlook.take(Plan(monitor=self.monitor(other)))
        self.assertEqual(0, (await self.asked(self.port, "/live"))[0])
        self.assertEqual(503, (await self.asked(other, "/live"))[0])
        await self.overlook.take(Plan())
        self.assertEqual(0, (await self.asked(other, "/live"))[0])
        listening = self.reactor.listenTCP(0, Factory(), interface="127.0.0.1")
        self.addCleanup(listening.stopListening)
        taken = self.monitor(listening.getHost().port)
        await self.assertFailure(
            Deferred.fromCoroutine(self.overlook.take(Plan(monitor=taken))), CannotListenError
        )
        await self.overlook.take(Plan(monitor=self.monitor(other)))
        self.assertEqual(503, (await self.asked(other, "/live"))[0])
        folder = self.folder()
        await self.end()
        self.assertFalse(folder.exists())
