"""Coroutines that make a Deferred only when they wait."""

from __future__ import annotations

import gc
from contextvars import ContextVar
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipeline.eager import begun, eager, finished

place: ContextVar[str] = ContextVar("place", default="nowhere")


async def waits(*promises: Deferred[Any]) -> list[Any]:
    return [await promise for promise in promises]


class Eager(SynchronousTestCase):
    def test_at_once(self) -> None:
        """A coroutine that doesn't wait gives its value, and no Deferred."""
        self.assertEqual([], eager(waits()))
        self.assertEqual([1, 2], eager(waits(succeed(1), succeed(2))))

    def test_raises_at_once(self) -> None:
        """What it raises without waiting is raised."""
        with self.assertRaises(KeyError):
            eager(waits(fail(KeyError("x"))))

    def test_waits(self) -> None:
        """One that waits, several times, gives a Deferred of its value."""
        first: Deferred[int] = Deferred()
        second: Deferred[int] = Deferred()
        result: Any = eager(waits(first, succeed(0), second))
        self.assertNoResult(result)
        first.callback(1)
        self.assertNoResult(result)
        second.callback(2)
        self.assertEqual([1, 0, 2], self.successResultOf(result))

    def test_fails_later(self) -> None:
        """An error that comes later is raised where it is awaited, and then in the Deferred."""
        seen = []

        async def handler(promise: Deferred[Any]) -> None:
            try:
                await promise
            except KeyError as error:
                seen.append(error)
                raise ValueError("worse") from error

        promise: Deferred[Any] = Deferred()
        result: Any = eager(handler(promise))
        promise.errback(KeyError("x"))
        self.failureResultOf(result, ValueError)
        self.assertEqual(1, len(seen))

    def test_recovers(self) -> None:
        """One that catches a later error goes on and may wait again."""

        async def handler(first: Deferred[Any], second: Deferred[Any]) -> Any:
            try:
                await first
            except KeyError:
                return await second

        first: Deferred[Any] = Deferred()
        second: Deferred[Any] = Deferred()
        result: Any = eager(handler(first, second))
        first.errback(KeyError())
        second.callback("saved")
        self.assertEqual("saved", self.successResultOf(result))

    def test_cancelled(self) -> None:
        """Cancelling the Deferred cancels what the coroutine waits for."""
        cancelled: list[Any] = []
        promise: Deferred[Any] = Deferred(cancelled.append)
        result: Any = eager(waits(promise))
        result.cancel()
        self.assertEqual([promise], cancelled)
        self.failureResultOf(result, CancelledError)

    def test_given_up(self) -> None:
        """A coroutine whose Deferred nobody keeps any more is closed, its finally clauses run."""
        closed = []

        async def handler(promise: Deferred[Any]) -> None:
            try:
                await promise
            finally:
                closed.append(True)

        eager(handler(Deferred()))
        gc.collect()
        self.assertEqual([True], closed)


class Contexts(SynchronousTestCase):
    def test_kept(self) -> None:
        """After a wait it still sees what was set before the call, whoever ended the wait."""

        async def handler(promise: Deferred[Any]) -> str:
            await promise
            return place.get()

        promise: Deferred[Any] = Deferred()
        token = place.set("here")
        result: Any = eager(handler(promise))
        place.reset(token)
        promise.callback(None)
        self.assertEqual("here", self.successResultOf(result))

    def test_reset_after_a_wait(self) -> None:
        """It may reset after a wait what it set before it."""

        async def handler(promise: Deferred[Any]) -> str:
            token = place.set("inside")
            await promise
            place.reset(token)
            return place.get()

        promise: Deferred[Any] = Deferred()
        result: Any = eager(handler(promise))
        promise.callback(None)
        self.assertEqual("nowhere", self.successResultOf(result))

    def test_isolated(self) -> None:
        """What it sets stays inside, whether it waits or not."""

        async def handler() -> None:
            place.set("inside")

        eager(handler())
        self.assertEqual("nowhere", place.get())


class Finished(SynchronousTestCase):
    """What may be there at once or later."""

    def test_any(self) -> None:
        """A value, a Deferred and a coroutine all come to a value."""

        async def later() -> int:
            return 7

        async def gathered() -> list[Any]:
            return [await finished(each) for each in (7, succeed(7), later())]

        self.assertEqual([7, 7, 7], self.successResultOf(Deferred.fromCoroutine(gathered())))


class Begun(SynchronousTestCase):
    def test_function(self) -> None:
        """What a function returns is given, whatever it is; what it raises is raised."""
        promise = succeed(1)
        for result in (None, 0, promise):
            self.assertIs(result, begun(lambda given: given, result))
        with self.assertRaises(KeyError):
            begun({}.__getitem__, "x")

    def test_coroutine(self) -> None:
        """A coroutine that is returned is gone on with, as if it were run eagerly."""
        promise: Deferred[int] = Deferred()
        self.assertEqual([1], begun(waits, succeed(1)))
        result = begun(waits, promise)
        promise.callback(2)
        self.assertEqual([2], self.successResultOf(result))

    def test_context(self) -> None:
        """Function and coroutine have one context, which nobody else has."""
        promise: Deferred[int] = Deferred()

        async def going() -> tuple[str, int]:
            return place.get(), await promise

        def function(where: str) -> Any:
            place.set(where)
            return going()

        result = begun(function, "here")
        self.assertEqual("nowhere", place.get())
        promise.callback(1)
        self.assertEqual(("here", 1), self.successResultOf(result))
