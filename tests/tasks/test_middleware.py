"""Tests of pipeline.tasks.middleware: what redis-tasks promises its middleware."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.tasks import process_outcome, run_task
from pipeline.tasks.middleware import SUCCESS, ExcInfo, TaskStack

TASK = object()


class MiddlewareCase(TestCase):
    """Has a log, and makes middleware that writes into it."""

    def setUp(self) -> None:
        self.log: list[Any] = []

    def around(self, name: str) -> type:
        """A plain middleware that logs before and after."""
        log = self.log

        class Around:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                log.append(f"{name} before")
                run(*args, **kwargs)
                log.append(f"{name} after")

        return Around

    def around_async(self, name: str) -> type:
        """The same, ``async def``."""
        log = self.log

        class Around:
            async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                log.append(f"{name} before")
                await run(*args, **kwargs)
                log.append(f"{name} after")

        return Around

    def outcome(self, name: str, answer: Callable[[ExcInfo], Any] = lambda _: None) -> type:
        """A middleware that logs the outcome's class, and answers it."""
        log = self.log

        class Outcome:
            def process_outcome(self, task: Any, *exc_info: Any) -> Any:
                log.append((name, exc_info[0]))
                return answer(exc_info)  # type: ignore[arg-type]

        return Outcome

    def run_plain(self, *args: Any, **kwargs: Any) -> str:
        self.log.append(("ran", args, kwargs))
        return "ignored"


class AroundTheTask(MiddlewareCase):
    """``run_task`` of plain middleware around a plain call."""

    def test_order(self) -> None:
        """The first of the list is the outermost; nothing is returned; no Deferred is made."""
        returned = run_task(
            [self.around("a"), self.around("b")], TASK, self.run_plain, (1,), {"x": 2}
        )
        self.assertIsNone(returned)
        expected = ["a before", "b before", ("ran", (1,), {"x": 2}), "b after", "a after"]
        self.assertEqual(expected, self.log)

    def test_task(self) -> None:
        """It is told of the task, and gets arguments and run as they come."""
        seen: list[Any] = []

        class Looks:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                seen.append((task, args, kwargs))

        run_task([Looks], TASK, self.run_plain, (1, 2), {"x": 3})
        self.assertEqual(([(TASK, (1, 2), {"x": 3})], []), (seen, self.log))

    def test_changes(self) -> None:
        """It may change arguments, run the call again, or not at all."""

        class Twice:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                run(*args, extra=1)
                run()

        run_task([Twice], TASK, self.run_plain, (1,))
        self.assertEqual([("ran", (1,), {"extra": 1}), ("ran", (), {})], self.log)

    def test_errors(self) -> None:
        """An error passes outwards; who catches it has swallowed it."""

        class Swallows:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                try:
                    run()
                except KeyError as error:
                    log.append(repr(error))

        log = self.log

        def fails() -> None:
            raise KeyError("x")

        with self.assertRaises(KeyError):
            run_task([self.around("a")], TASK, fails)
        run_task([Swallows, self.around("b")], TASK, fails)
        self.assertEqual(["a before", "b before", "KeyError('x')"], self.log)

    def test_instances(self) -> None:
        """An instance is made for each call, when the call reaches it, also when it is repeated."""
        log = self.log

        class Counts:
            def __init__(self) -> None:
                log.append("made")

            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                run()

        class Twice:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                run()
                run()

        run_task([Twice, Counts], TASK, lambda: log.append("ran"))
        self.assertEqual(["made", "ran", "made", "ran"], self.log)

    def test_constructor(self) -> None:
        """An error of a constructor is an exception at its layer."""

        class Broken:
            def __init__(self) -> None:
                raise LookupError("no settings")

            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                run()

        with self.assertRaises(LookupError):
            run_task([self.around("a"), Broken, self.around("b")], TASK, self.run_plain)
        self.assertEqual(["a before"], self.log)

    def test_one_method(self) -> None:
        """A middleware without run_task is passed over, also one that a callable makes."""
        lone = self.outcome("o")
        run_task([lone, lambda: lone(), self.around("a")], TASK, self.run_plain)
        self.assertEqual(["a before", ("ran", (), {}), "a after"], self.log)

    def test_deferred(self) -> None:
        """A plain call that returns a Deferred is waited for in the end, with its error."""
        later: Deferred[Any] = Deferred()
        done = run_task([self.around("a")], TASK, lambda: later)
        self.assertNoResult(done)
        later.errback(KeyError("x"))
        self.failureResultOf(done, KeyError)


class AroundSomethingAsync(MiddlewareCase):
    """``run_task`` where something has to be waited for."""

    async def run_async(self, *args: Any) -> None:
        from twisted.internet import reactor

        await deferLater(reactor, 0)
        self.log.append(("ran", args, threading.current_thread() is threading.main_thread()))

    async def test_after_means_after(self) -> None:
        """Plain middleware runs its code after run() when the async task has ended, and doesn't
        hold up the reactor meanwhile."""
        done = run_task([self.around("a"), self.around("b")], TASK, self.run_async, (1,))
        self.assertIsInstance(done, Deferred)
        self.assertIsNone(await done)
        expected = ["a before", "b before", ("ran", (1,), True), "b after", "a after"]
        self.assertEqual(expected, self.log)

    async def test_mixed(self) -> None:
        """Plain and async ones take turns, in the order of the list."""
        stack = [self.around("a"), self.around_async("b"), self.around("c")]
        await run_task(stack, TASK, self.run_async)
        before = ["a before", "b before", "c before"]
        self.assertEqual([*before, ("ran", (), True), "c after", "b after", "a after"], self.log)

    def test_async_alone(self) -> None:
        """Where no plain one is there, no thread is needed."""
        gate: Deferred[None] = Deferred()

        async def run() -> None:
            await gate
            self.log.append("ran")

        done = run_task([self.around_async("a")], TASK, run)
        self.assertEqual(["a before"], self.log)
        gate.callback(None)
        self.successResultOf(done)
        self.assertEqual(["a before", "ran", "a after"], self.log)

    def test_async_around_plain(self) -> None:
        """An async middleware awaits a plain call, too."""
        self.successResultOf(run_task([self.around_async("a")], TASK, self.run_plain, (1,)))
        self.assertEqual(["a before", ("ran", (1,), {}), "a after"], self.log)

    def test_not_blocking(self) -> None:
        """A class that says it never blocks runs in the reactor and handles Deferreds itself."""
        log = self.log

        class Twisted:
            blocking = False

            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> Any:
                return run(*args, **kwargs).addCallback(lambda _: log.append("after"))

        gate: Deferred[None] = Deferred()

        async def run() -> None:
            await gate

        done = run_task([Twisted], TASK, run)
        self.assertEqual([], log)
        gate.callback(None)
        self.successResultOf(done)
        self.assertEqual(["after"], log)

    def test_forgotten(self) -> None:
        """A call that a middleware doesn't wait for is waited for all the same."""

        class Forgets:
            async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                run()

        gate: Deferred[None] = Deferred()

        async def run() -> None:
            await gate

        done = run_task([Forgets], TASK, run)
        self.assertNoResult(done)
        gate.errback(KeyError("x"))
        self.failureResultOf(done, KeyError)

    async def test_error_through_a_thread(self) -> None:
        """An error of the async task is raised in the thread of plain middleware, and passes it."""
        log = self.log

        class Looks:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                try:
                    run()
                except KeyError:
                    log.append(threading.current_thread() is threading.main_thread())
                    raise

        async def fails() -> None:
            raise KeyError("x")

        with self.assertRaises(KeyError):
            await run_task([Looks], TASK, fails)
        self.assertEqual([False], self.log)

    def test_threads(self) -> None:
        """A stack knows how many threads a call may hold: one for each run of plain ones."""
        plain, waits = self.around("p"), self.around_async("w")
        self.assertEqual(2, TaskStack([plain, plain, waits, plain]).threads)
        self.assertEqual((True, False), (TaskStack([plain]).blocks, TaskStack([waits]).blocks))
        self.assertEqual((True, False), (TaskStack([plain]).runs, TaskStack([plain]).judges))


def error(kind: type[Exception] = KeyError) -> ExcInfo:
    """The exc_info of an error that was raised."""
    try:
        raise kind("x")
    except kind:
        return sys.exc_info()


class AfterTheTask(MiddlewareCase):
    """``process_outcome``."""

    def test_success(self) -> None:
        """All are told, the last of the list first, with three times None; nothing is changed."""
        left = process_outcome([self.outcome("a"), self.outcome("b")], TASK, SUCCESS)
        self.assertEqual(([("b", None), ("a", None)], SUCCESS), (self.log, left))

    def test_error(self) -> None:
        """An error is given as sys.exc_info has it, and left if nobody swallows it."""
        given = error()
        left = process_outcome([self.outcome("a"), self.around("b")], TASK, given)
        self.assertEqual(([("a", KeyError)], given), (self.log, left))

    def test_swallowed(self) -> None:
        """A truthy return swallows the error for those that follow."""
        stack = [self.outcome("a"), self.outcome("b", lambda _: True), self.outcome("c")]
        self.assertEqual(SUCCESS, process_outcome(stack, TASK, error()))
        self.assertEqual([("c", KeyError), ("b", KeyError), ("a", None)], self.log)

    def test_replaced(self) -> None:
        """An error raised in one is the outcome for those that follow, also after a success."""

        def fails(_: ExcInfo) -> None:
            raise LookupError("worse")

        for given in (SUCCESS, error()):
            self.log.clear()
            stack = [self.outcome("a"), self.outcome("b", fails)]
            left = process_outcome(stack, TASK, given)
            self.assertEqual([("b", given[0]), ("a", LookupError)], self.log)
            self.assertEqual((LookupError, "worse"), (left[0], str(left[1])))

    def test_constructor(self) -> None:
        """An error of a constructor replaces the outcome; the others are told of it."""

        class Broken:
            def __init__(self) -> None:
                raise LookupError("no settings")

            def process_outcome(self, task: Any, *exc_info: Any) -> None: ...

        left = process_outcome([self.outcome("a"), Broken], TASK, SUCCESS)
        self.assertIs(LookupError, left[0])
        self.assertEqual([("a", LookupError)], self.log)

    def test_own_instance(self) -> None:
        """It is not the instance whose run_task was called."""
        log = self.log

        class Both:
            def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
                log.append(self)

            def process_outcome(self, task: Any, *exc_info: Any) -> None:
                log.append(self)

        run_task([Both], TASK, self.run_plain)
        process_outcome([Both], TASK, SUCCESS)
        self.assertIsNot(*log)

    async def test_async(self) -> None:
        """Async ones are awaited, and plain ones beside them run in a thread."""
        log = self.log

        class Waits:
            async def process_outcome(self, task: Any, *exc_info: Any) -> bool:
                log.append("waits")
                return True

        class Blocks:
            def process_outcome(self, task: Any, *exc_info: Any) -> None:
                here = threading.current_thread() is threading.main_thread()
                log.append(("blocks", exc_info[0], here))

        left = await process_outcome([Blocks, Waits], TASK, error())
        self.assertEqual((SUCCESS, ["waits", ("blocks", None, False)]), (left, self.log))

    def test_returned_deferred(self) -> None:
        """A plain one that returns a Deferred is waited for."""
        later: Deferred[bool] = Deferred()
        left = process_outcome([self.outcome("a", lambda _: later)], TASK, error())
        self.assertNoResult(left)
        later.callback(True)
        self.assertEqual(SUCCESS, self.successResultOf(left))
