"""Tests of pipeline.crew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from pipeline.crew import Crew, Work

colour: ContextVar[str] = ContextVar("colour", default="none")


class Threads(TestCase):
    """Functions run in threads, at most so many at a time."""

    timeout = 60

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor = reactor
        self.crew = self._crew(2)

    def _crew(self, size: int) -> Crew:
        crew = Crew(self.reactor, size, "test")
        self.addCleanup(crew.stop)
        return crew

    def _do(self, function: Callable[[], object], crew: Crew | None = None) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        (crew or self.crew).do(done.callback, function)
        return done

    async def _until(self, is_so: Callable[[], object]) -> None:
        while not is_so():
            await deferLater(self.reactor, 0)

    async def test_elsewhere(self) -> None:
        """A function runs in a thread, with the context variables of here and changes none."""
        colour.set("blue")

        def where() -> tuple[bool, str]:
            seen = colour.get()
            colour.set("red")
            return threading.current_thread() is threading.main_thread(), seen

        self.assertEqual((False, "blue"), await self._do(where))
        self.assertEqual("blue", colour.get())

    async def test_error(self) -> None:
        """Whatever it raises comes back as a Failure, and its thread goes on."""

        def leave() -> None:
            raise SystemExit(3)

        for error, function in ((ZeroDivisionError, lambda: 1 / 0), (SystemExit, leave)):
            for _ in range(3):
                with self.assertRaises(error):
                    await self._do(function)
        self.assertEqual(0, self.crew.busy)

    async def test_side_by_side(self) -> None:
        """All threads take part while calls wait in line, and no more than there are."""
        crew, most, inside = self._crew(3), [0], [0]
        lock, meeting = threading.Lock(), threading.Barrier(3, timeout=30)

        def meet() -> None:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            meeting.wait()
            with lock:
                inside[0] -= 1

        running = [self._do(meet, crew) for _ in range(12)]
        self.assertEqual(3, crew.busy)
        await gatherResults(running)
        self.assertEqual((3, 0), (most[0], crew.busy))

    async def test_slow(self) -> None:
        """What is quick does not wait behind what is slow while another thread is there."""
        gate = threading.Event()
        self.addCleanup(gate.set)
        slow = self._do(lambda: gate.wait(30))
        for n in range(50):
            self.assertEqual(n, await self._do(lambda n=n: n))  # type: ignore[misc]
        self.assertFalse(slow.called)
        gate.set()
        await slow

    async def test_not_held_up(self) -> None:
        """What is done comes back, though all threads take something slow behind it."""
        crew = self._crew(3)
        for quick in (1, 2, 5) * 10:
            gate = threading.Event()
            self.addCleanup(gate.set)
            done = [self._do(int, crew) for _ in range(quick)]
            slow = [self._do(partial(gate.wait, 30), crew) for _ in range(5)]
            await gatherResults(done)
            gate.set()
            await gatherResults(slow)

    async def test_in_line(self) -> None:
        """What waits begins in its order, behind all that goes first."""
        gate, order = threading.Event(), list[str]()
        crew = self._crew(1)
        running = [self._do(lambda: gate.wait(30), crew)]
        for name in "abABc":
            done: Deferred[Any] = Deferred()
            do = crew.do_first if name.isupper() else crew.do
            do(done.callback, order.append, name)
            running.append(done)
        gate.set()
        await gatherResults(running)
        self.assertEqual("ABabc", "".join(order))

    async def test_withdrawn(self) -> None:
        """What waits can be withdrawn and never runs; what has a thread can't."""
        gate, ran = threading.Event(), list[str]()
        crew = self._crew(1)
        ends: dict[str, Any] = {}

        def do(name: str) -> Work:
            def run() -> None:
                gate.wait(30)
                ran.append(name)

            return crew.do(lambda result: ends.update({name: result}), run)

        first, second, third = do("first"), do("second"), do("third")
        self.assertFalse(crew.withdraw(first))
        self.assertTrue(crew.withdraw(second))
        self.assertIsInstance(ends["second"], Failure)
        self.assertIs(CancelledError, ends["second"].type)
        self.assertFalse(crew.withdraw(second))
        gate.set()
        await self._until(lambda: "third" in ends)
        self.assertFalse(crew.withdraw(third))
        self.assertEqual((["first", "third"], 0), (ran, crew.busy))

    async def test_begun(self) -> None:
        """What has a thread has begun; what waits begins when one is free for it."""
        gate = threading.Event()
        crew = self._crew(1)
        last: Deferred[Any] = Deferred()
        first = crew.do(lambda _: None, gate.wait, 30)
        second = crew.do(last.callback, lambda: None)
        self.assertIsNotNone(first.begun_at)
        self.assertIsNone(second.begun_at)
        gate.set()
        await last
        self.assertIsNotNone(second.begun_at)

    async def test_none_is_forgotten(self) -> None:
        """However threads fall asleep and wake up meanwhile, all that is given comes back."""
        crew, back = self._crew(4), list[int]()
        for n in range(3000):
            crew.do(back.append, int, n)
            if n % 7 == 0:
                await deferLater(self.reactor, 0)
        await self._until(lambda: len(back) == 3000)
        self.assertEqual(list(range(3000)), sorted(back))

    async def test_no_thread(self) -> None:
        """What no thread can be begun for is an error and never runs; the next tries again."""
        crew, back = self._crew(1), list[object]()
        no_more = RuntimeError("can't start new thread")
        with patch.object(threading.Thread, "start", side_effect=no_more):
            self.assertRaises(RuntimeError, crew.do, back.append, int)
        self.assertEqual(0, crew.busy)
        self.assertEqual(7, await self._do(lambda: 7, crew))
        self.assertEqual([], back)

    async def test_taking_fails(self) -> None:
        """That one result can't be taken is logged, and keeps no other from being taken."""
        self.crew.do(lambda _: 1 / 0, int)
        await self._do(int)
        self.crew.do(lambda _: 1 / 0, int)
        await self._do(int)
        await self._until(lambda: not self.crew.busy)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    async def test_stop(self) -> None:
        """Stopping ends the threads without waiting for them; what comes late still runs."""
        gate, seen = threading.Event(), list[threading.Thread]()

        def stubborn() -> None:
            seen.append(threading.current_thread())
            gate.wait(30)

        running = self._do(stubborn)
        self.crew.stop()
        self.assertFalse(running.called)
        gate.set()
        await running
        self.assertTrue(seen[0].daemon)
        self.assertEqual(7, await self._do(lambda: 7))
        seen[0].join(30)
        self.assertFalse(seen[0].is_alive())


@implementer(IReactorFromThreads)
class _Deaf(Clock):
    """A reactor that doesn't come to what threads tell it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Callable[[], object]] = []
        self.is_told = threading.Semaphore(0)

    def callFromThread(self, call: Callable[[], object]) -> None:
        """Only keep it."""
        self.told.append(call)
        self.is_told.release()


class Told(TestCase):
    """The reactor is woken once for many."""

    def test_once(self) -> None:
        """It is told of what is done once until it looks, then anew."""
        reactor, back = _Deaf(), list[object]()
        crew = Crew(reactor, 1, "test")
        self.addCleanup(crew.stop)
        others_are_done, gate = threading.Event(), threading.Event()
        self.addCleanup(gate.set)

        def last() -> None:
            others_are_done.set()
            gate.wait(30)

        for _ in range(20):
            crew.do(back.append, int)
        crew.do(back.append, last)
        self.assertTrue(others_are_done.wait(30))
        (look,) = reactor.told
        look()
        self.assertEqual((20, 1), (len(back), crew.busy))
        gate.set()
        for _ in range(2):
            self.assertTrue(reactor.is_told.acquire(timeout=30))
        reactor.told[1]()
        self.assertEqual((21, 0), (len(back), crew.busy))
