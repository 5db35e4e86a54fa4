"""Tests of pipeline.supervisor.seat, with small real processes."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.supervisor import seat as seat_module
from pipeline.supervisor.child import Child
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.seat import Seat
from pipeline.testing.times import RealTime
from tests.supervisor import small


class Seats(TestCase):
    """Whoever ends is followed by another."""

    timeout = 120

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.lines: list[bytes] = []
        self.events: list[str] = []
        self.begun: list[tuple[int, str]] = []
        self.program = small.READY
        self.patch(Seat, "log", self)

    def info(self, text: str, **values: Any) -> None:
        """A log of our own, since trial takes an error for a failure."""
        self.events.append(text.format(**values))

    warn = error = info

    def spawn(self, number: int, plan: Plan) -> Child:
        self.begun.append((number, plan.namespace))
        start = small.small(self.program, number, plan.namespace)
        return Child.spawn(start, self.reactor, self.lines.append)

    def refuse(self, number: int, plan: Plan) -> Child:
        raise OSError("no more processes")

    def seat(self, **plan: Any) -> Seat:
        """A seat that is started, and left when the test ends."""
        plan.setdefault("namespace", "first")
        seat = Seat(1, Plan(**plan), self.spawn, self.reactor, lambda: None)
        self.addCleanup(lambda: Deferred.fromCoroutine(seat.stop(30)))
        seat.start()
        return seat

    async def until(self, claim: Any) -> None:
        await RealTime(self.reactor, 60).until(claim)

    async def test_killed(self) -> None:
        """Who is killed is followed at once; it is said who, and how it ended."""
        seat = self.seat()
        self.assertEqual("starts", seat.trouble)
        await self.until(lambda: seat.is_ready)
        self.assertIsNone(seat.trouble)
        assert seat.child is not None
        first = seat.child.pid
        os.kill(first, signal.SIGKILL)
        await self.until(lambda: not seat.is_ready)
        await self.until(lambda: seat.is_ready)
        self.assertNotEqual(first, seat.child.pid)
        self.assertEqual(f"process 1 is ready, pid {first}", self.events[0])
        said = "process 1 was killed by SIGKILL: another one is started in 0.1 s"
        self.assertEqual(said, self.events[1])

    async def test_loop(self) -> None:
        """Who crashes again and again is tried slowly, which is said with its last words."""
        self.program = small.CRASH
        seat = self.seat()
        await self.until(lambda: seat.pace.is_looping)
        self.assertEqual(5, len(self.begun))
        self.assertIn("process 1 has crashed 5 times within 60 s", self.events[-1])
        self.assertIn("its last words:\n    what a pity", self.events[-1])
        self.assertIn("crashes again and again: the last one ended with status 3", seat.trouble)
        self.program = small.READY
        self.assertTrue(await seat.replace(Plan(namespace="mended")))
        self.assertIsNone(seat.trouble)
        self.assertFalse(seat.pace.is_looping)

    async def test_replaced(self) -> None:
        """The new one is ready before the old one stops; if it doesn't get ready the old one
        goes on."""
        seat = self.seat()
        await self.until(lambda: self.lines == [b"first"])
        self.assertTrue(await seat.replace(Plan(namespace="second")))
        await self.until(lambda: len(self.lines) == 3)  # what it writes comes on a way of its own
        self.assertEqual({b"first", b"second", b"asked to end"}, set(self.lines))
        self.assertEqual("second", seat.plan.namespace)
        for program in (small.CRASH, small.DEAF):
            self.program = program
            self.assertFalse(await seat.replace(Plan(namespace="third", start_timeout=0.5)))
            self.assertEqual(("second", True), (seat.plan.namespace, seat.is_ready))
        told = "process 1 did not get ready: it ended with status 3\nits last words:"
        self.assertTrue([each for each in self.events if each.startswith(told)], self.events)
        self.assertIn("process 1 is not ready after 0.5 s: it is ended", self.events)

    async def test_single(self) -> None:
        """What must not run twice stops first; if the new one crashes, the old one follows."""
        seat = self.seat(single=("one",))
        await self.until(lambda: self.lines == [b"first"])
        self.assertTrue(await seat.replace(Plan(namespace="second", single=("one",))))
        await self.until(lambda: len(self.lines) == 3)
        self.assertEqual([b"first", b"asked to end", b"second"], self.lines)
        self.program = small.CRASH
        self.assertFalse(await seat.replace(Plan(namespace="third", single=("one",))))
        self.program = small.READY
        await self.until(lambda: seat.is_ready)
        self.assertEqual("second", self.begun[-1][1])

    async def test_hung(self) -> None:
        """Who gives no sign of life is ended: one that runs, and one that never begins."""
        self.program = small.DEAF
        seat = self.seat(hung_after=2.0, start_timeout=3.0)
        await self.until(lambda: seat.child is not None and seat.child.has_begun)
        seat.look(1.0)
        self.assertEqual([], self.events)
        self.program = "time.sleep(120)"
        seat.look(1.0)
        seat.look(1.0)
        self.assertEqual(["process 1 gives no sign of life for 2 s: it is ended"], self.events)
        await self.until(lambda: len(self.begun) == 2)
        self.assertIn("process 1 was killed by SIGKILL", self.events[1])
        seat.look(3.0)
        self.assertEqual("process 1 does not begin for 3 s: it is ended", self.events[2])

    async def test_done(self) -> None:
        """Who has done all there was is not followed, and is no trouble."""
        self.program = small.DONE
        seat = self.seat()
        await self.until(lambda: seat.is_done)
        self.assertIsNone(seat.trouble)
        self.assertEqual("process 1 has done all there was to do", self.events[-1])

    async def test_wrong(self) -> None:
        """A configuration that was wrong at the very first start is hopeless; not later."""
        self.program = small.WRONG
        seat = self.seat()
        await self.until(lambda: seat.is_hopeless)
        self.program = small.READY
        await self.until(lambda: seat.is_ready)
        self.assertFalse(seat.is_hopeless)

    async def test_stop(self) -> None:
        """All that runs is ended, and nobody follows."""
        seat = self.seat()
        await self.until(lambda: seat.is_ready)
        await seat.stop(30)
        self.assertEqual([], seat._all)
        self.assertFalse(await seat.replace(Plan()))
        self.assertEqual(1, len(self.begun))

    async def test_none_to_give(self) -> None:
        """When the system has no process to give, it is said and tried again."""
        seat = Seat(1, Plan(), self.refuse, self.reactor, lambda: None)
        seat.start()
        self.assertEqual(["process 1 can't be started: no more processes"], self.events)
        self.assertFalse(await seat.replace(Plan()))
        await seat.stop(1)

    async def test_none_to_give_for_another(self) -> None:
        """When there is none to give and the old one has stopped, one of the old plan follows."""
        self.patch(seat_module, "LONGEST", 0.05)
        seat = self.seat(single=("one",))
        await self.until(lambda: seat.is_ready)
        spawn, seat._spawn = seat._spawn, self.refuse
        self.assertFalse(await seat.replace(Plan(namespace="second", single=("one",))))
        seat._spawn = spawn
        await self.until(lambda: seat.is_ready)
        self.assertEqual([(1, "first"), (1, "first")], self.begun)
