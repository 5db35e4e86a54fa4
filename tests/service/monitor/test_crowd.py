"""One answer for several processes."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from pipeline.service.monitor import crowd
from pipeline.service.monitor.crowd import Crowd
from pipeline.service.monitor.endpoint import Endpoint
from pipeline.service.monitor.metrics import metrics_page
from pipeline.service.monitor.options import private_options
from pipeline.transports.answers import Answer


class Processes(TestCase):
    """Two of them, each with an endpoint of its own on a unix socket."""

    timeout = 60

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.places: dict[str, str] = {}
        self.said = {"0": {"live": True, "reasons": []}, "1": {"live": True, "reasons": []}}
        self.counted = {
            "0": b"# TYPE n_total counter\nn_total 2\n",
            "1": b"# TYPE n_total counter\nn_total 3\n",
        }
        self.wrong: list[str] = []
        self.crowd = Crowd(lambda: self.places, reactor, lambda: self.wrong, metrics=True)
        for name in self.said:
            await self.serve(name)

    async def serve(self, name: str) -> None:
        path = os.path.relpath(f"{self.mktemp()}.{name}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self.places[name] = f"unix:{path}"
        pages = {
            "/live": lambda: self.answer(name, "live"),
            "/ready": lambda: self.answer(name, "ready"),
            "/metrics": lambda: metrics_page(self.counted[name]),
        }
        endpoint = Endpoint(private_options(None, self.places[name]), pages, self.reactor)
        await endpoint.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(endpoint.stop()))

    def answer(self, name: str, what: str) -> Answer:
        said = {what: self.said[name]["live"], "reasons": self.said[name]["reasons"]}
        return Answer(200 if said[what] else 503, said)

    async def test_well(self) -> None:
        """200 when all are well, and what each says."""
        for what, make in (("live", self.crowd.live), ("ready", self.crowd.ready)):
            answer = await make()
            well = {what: True, "reasons": []}
            self.assertEqual(200, answer.status)
            self.assertEqual({**well, "processes": {"0": well, "1": well}}, answer.content)

    async def test_one_is_not(self) -> None:
        """503 when one isn't, with its reasons and its name."""
        self.said["1"] = {"live": False, "reasons": ["no beat"]}
        answer = await self.crowd.live()
        self.assertEqual((503, ["process 1: no beat"]), (answer.status, answer.content["reasons"]))
        self.assertTrue(answer.content["processes"]["0"]["live"])

    async def test_besides(self) -> None:
        """What is wrong besides makes them unready, and not dead; so does that nobody is there."""
        self.wrong.append("process 2 ended 5 times in a minute")
        answer = await self.crowd.ready()
        self.assertEqual((503, self.wrong), (answer.status, answer.content["reasons"]))
        self.assertEqual(200, (await self.crowd.live()).status)
        self.wrong.clear()
        self.places.clear()
        self.assertEqual(["no process runs"], (await self.crowd.ready()).content["reasons"])

    async def test_no_answer(self) -> None:
        """Who doesn't answer, or nonsense, is not well, and the others are asked all the same."""
        self.patch(crowd, "SECONDS", 0.3)
        path = self.places["1"].removeprefix("unix:") + "s"
        port = self.reactor.listenUNIX(path, Factory.forProtocol(Protocol))
        self.addCleanup(port.stopListening)
        self.places["1"] = f"unix:{path}"
        answer = await self.crowd.live()
        self.assertEqual(503, answer.status)
        self.assertEqual(["process 1: it has not answered within 0.3 s"], answer.content["reasons"])
        self.said["0"] = {"live": "well", "reasons": []}
        answer = await self.crowd.live()
        self.assertIn("process 0: its answer can't be read", answer.content["reasons"])

    async def test_metrics(self) -> None:
        """What they count is summed, and stays when one has ended; nonsense is left out."""
        self.assertIn(b"n_total 5.0", (await self.crowd.metrics()).content)
        self.counted["0"] = b"no {metrics"
        self.assertIn(b"n_total 5.0", (await self.crowd.metrics()).content)
        del self.places["1"]
        self.crowd.ended("1")
        self.counted["0"] = b"# TYPE n_total counter\nn_total 4\n"
        self.assertIn(b"n_total 7.0", (await self.crowd.metrics()).content)

    def test_pages(self) -> None:
        """Without metrics there is no such page."""
        self.assertEqual(["/live", "/ready", "/metrics"], list(self.crowd.pages))
        without = Crowd(dict, self.reactor)
        without.ended("0")
        self.assertEqual(["/live", "/ready"], list(without.pages))
