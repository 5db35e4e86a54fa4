"""Readers that make no progress are seen, and those that only have nothing to do are not."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.service.monitor.readers import HALTED, SILENT, SILENT_ALONE, Readers
from tests.workers import Bare, WorkerCase, inbound


class Reading(Bare):
    """A worker that reads, and never ends what it has got."""

    def setup_connectors(self) -> None:
        self.own = self.setup_connector("sms", ("inbound",))
        self.own.add_handler("inbound", lambda message: Deferred())


class Progress(WorkerCase):
    """A worker of one connector, on a clock."""

    STUCK = 300.0

    def setUp(self) -> None:
        super().setUp()
        self.one: Any = self.running(Reading, max_in_flight=2, stop_timeout=0)
        self.readers = Readers(self.clock, self.STUCK)

    def look(self) -> tuple[list[str], list[str]]:
        found = self.readers.look({"one": self.one})["one"]
        return found.unready, found.dead

    def test_idle(self) -> None:
        """With nothing to do for an hour all is well."""
        for _ in range(60):
            self.assertEqual(([], []), self.look())
            self.clock.advance(60)

    def test_silent(self) -> None:
        """A read without an answer makes it unready, and in the end dead; an answer ends that."""
        consumer = self.one.own._flow.sources[0].consumer
        consumer.waiting_since = self.clock.seconds()
        self.clock.advance(SILENT)
        self.assertEqual(([], []), self.look())
        self.clock.advance(1)
        said = "sms.inbound: the server has not answered a read for 13 s"
        self.assertEqual(([said], []), self.look())
        self.clock.advance(SILENT_ALONE)
        unready, dead = self.look()
        self.assertEqual(unready, dead)
        self.assertEqual(1, len(dead))
        consumer.waiting_since = self.clock.seconds()
        self.assertEqual(([], []), self.look())

    def test_full(self) -> None:
        """A connector that is full for long is stuck, but not for a restart."""
        self.put("sms.inbound", *map(inbound, "abc"))
        self.assertEqual(([], []), self.look())
        self.clock.advance(self.STUCK + 1)
        unready, dead = self.look()
        self.assertEqual([], dead)
        said = "sms.inbound: nothing was taken for 301 s: 2 are in hand, there is no room for more"
        self.assertEqual([said], unready)
        self.readers = Readers(self.clock, 0)
        self.look()
        self.clock.advance(1e6)
        self.assertEqual(([], []), self.look())

    def test_halted(self) -> None:
        """A reader that has forgotten to read for some seconds needs a restart."""
        reader = self.one.own._flow.sources[0].reader
        reader._taking = False
        self.assertEqual(([], []), self.look())
        self.clock.advance(HALTED + 1)
        said = ["sms.inbound: the reader has stopped reading"]
        self.assertEqual((said, said), self.look())
        reader._taking = True
        self.assertEqual(([], []), self.look())

    def test_paused(self) -> None:
        """What is paused on purpose is not stuck."""
        self.one.pause_connectors()
        self.look()
        self.clock.advance(1e6)
        self.assertEqual(([], []), self.look())
