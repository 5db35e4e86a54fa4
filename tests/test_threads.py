"""Tests of pipeline.threads."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from unittest.mock import patch

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.threads import Threads, anywhere, wait_in_thread

colour: ContextVar[str] = ContextVar("colour", default="none")


class Pool(TestCase):
    """Functions run in threads, at most so many at a time."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.threads = Threads(reactor, 2, "test")
        self.threads.start()
        self.addCleanup(self.threads.stop)

    async def _call(self, function: object) -> object:
        await self.threads.free()
        return await self.threads.run(function)  # type: ignore[arg-type]

    async def test_elsewhere(self) -> None:
        """A function runs in a thread of the pool, with the context variables of its caller."""
        colour.set("blue")

        def where() -> tuple[bool, str]:
            return threading.current_thread() is threading.main_thread(), colour.get()

        self.assertEqual((False, "blue"), await self._call(where))

    async def test_first(self) -> None:
        """Who goes first has a thread before all others that wait, in their order."""
        order: list[str] = []

        async def take(name: str) -> None:
            await (self.threads.free_first() if name.isupper() else self.threads.free())
            order.append(name)

        for _ in range(2):
            await self.threads.free()
        taking = [Deferred.fromCoroutine(take(name)) for name in "abABcC"]
        taking[3].addErrback(lambda _: None)
        taking[3].cancel()
        for _ in range(5):
            self.threads.give_back()
        self.assertEqual("ACabc", "".join(order))

    async def test_error(self) -> None:
        """An error comes back, and the thread is free again."""
        for _ in range(5):
            with self.assertRaises(ZeroDivisionError):
                await self._call(lambda: 1 / 0)
        self.assertEqual(0, self.threads.busy)

    async def test_no_thread(self) -> None:
        """That no thread can be begun is an error that comes back, and holds none up."""
        no_more = RuntimeError("can't start new thread")
        with patch.object(threading.Thread, "start", side_effect=no_more):
            for _ in range(3):
                with self.assertRaises(RuntimeError):
                    await self._call(int)
        self.assertEqual((0, 0), (self.threads.busy, await self._call(int)))

    async def test_bound(self) -> None:
        """No more run at a time than there are threads; the rest waits its turn."""
        pairs, most, inside = threading.Barrier(2, timeout=5), [0], [0]
        lock = threading.Lock()

        def count() -> None:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            pairs.wait()
            with lock:
                inside[0] -= 1

        running = [Deferred.fromCoroutine(self._call(count)) for _ in range(6)]
        self.assertEqual(2, self.threads.busy)
        await gatherResults(running)
        self.assertEqual((2, 0), (most[0], self.threads.busy))

    async def test_stop_does_not_wait(self) -> None:
        """Stopping doesn't wait for what runs, nor does the end of the process."""
        gate = threading.Event()
        daemons: list[bool] = []

        def stubborn() -> None:
            daemons.append(threading.current_thread().daemon)
            gate.wait(5)

        running = Deferred.fromCoroutine(self._call(stubborn))
        self.threads.stop()
        self.assertFalse(running.called)
        gate.set()
        await running
        self.assertEqual([True], daemons)


class FromThread(TestCase):
    """A thread may wait for what runs in the reactor."""

    async def test_waits(self) -> None:
        """The coroutine runs in the reactor's thread, with the thread's context variables."""
        from twisted.internet import reactor
        from twisted.internet.threads import deferToThread

        async def where() -> tuple[bool, str]:
            await deferLater(reactor, 0)
            return threading.current_thread() is threading.main_thread(), colour.get()

        def in_thread() -> tuple[bool, str]:
            colour.set("red")
            return wait_in_thread(reactor, where())

        self.assertEqual((True, "red"), await deferToThread(in_thread))

    async def test_in_reactor(self) -> None:
        """In the reactor's own thread it would wait for ever, so it is refused."""
        from twisted.internet import reactor

        async def nothing() -> None: ...

        await deferLater(reactor, 0)  # before it runs it doesn't know its thread

        self.assertRaises(RuntimeError, wait_in_thread, None, nothing())

    async def test_anywhere(self) -> None:
        """It is a Deferred in the reactor, and the result itself in a thread."""
        from twisted.internet import reactor
        from twisted.internet.threads import deferToThread

        async def answer() -> int:
            await deferLater(reactor, 0)
            return 7

        self.assertEqual(7, await anywhere(reactor, answer()))
        self.assertEqual(7, await deferToThread(lambda: anywhere(reactor, answer()) + 0))
