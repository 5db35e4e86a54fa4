"""Tests of pipeline.testing.tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import TaskAborted, TaskFailed
from pipeline.tasks import chain
from pipeline.tasks.schedule import every
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.places import InMemory, OnServer
from pipeline.testing.tasks import TaskHelper
from tests.test_house import run
from tests.testing.jobs import (
    double,
    flaky,
    fragile,
    heavy,
    nap,
    parents,
    pool,
    runs_others,
    shipped,
    slow,
    waits_for_another,
)


class Loud:
    """Task middleware that blocks."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        run(*args, **{**kwargs, "loud": True})


class Noted:
    """Task middleware that blocks, and notes what is over."""

    after: list[str] = []

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        run(*args, **kwargs)
        self.after.append(task.func_name)

    def process_outcome(self, task: Any, *exc_info: Any) -> bool:
        return exc_info[0] is ValueError


class HelperCase(PipelineTestCase):
    """Has a helper for these tasks."""

    def helper(self, *tasks: Any, **options: Any) -> TaskHelper:
        given = tasks or (double, flaky, fragile, heavy, nap, parents, runs_others, shipped)
        return self.add_helper(TaskHelper(*given, **options))


class OnClock(HelperCase):
    """Everything runs here, when the test says so."""

    def test_run(self) -> None:
        """A call waits until it is run; what it gave is listed, and comes to its handle."""
        helper = self.helper()
        handle = helper.now(double.send(4))
        self.assertEqual([], helper.succeeded)
        self.assertEqual(1, helper.run())
        [call] = helper.succeeded
        self.assertEqual((handle.id, double.name, [4], {}), (call.id, call.task, call.args, {}))
        self.assertEqual((8, None, 1), (call.result, call.error, call.attempts))
        self.assertEqual(8, helper.now(handle.result()))
        self.assertEqual((0, [], []), (helper.run(), helper.failed, helper.cancelled))

    async def test_awaited(self) -> None:
        """A test that is async may await everything, as over real time."""
        helper = self.helper()
        await double.send(4)
        self.assertEqual(1, await helper.run())
        self.assertEqual(0, await helper.advance(1))

    def test_many(self) -> None:
        """More than a worker takes at a time are run, with those that they send in turn."""
        helper = self.helper(config={"max_in_flight": 2})
        for number in range(50):
            helper.now(parents.send(number))
        self.assertEqual(100, helper.run())
        self.assertEqual(100, len(helper.succeeded))

    def test_failed(self) -> None:
        """A failed call is listed with arguments, error and traceback; who waits is told."""
        helper = self.helper()
        handle = helper.now(fragile.send("oh", loud=True))
        self.assertEqual(1, helper.run())
        [call] = helper.failed
        self.assertEqual((["oh"], {"loud": True}), (call.args, call.kwargs))
        self.assertEqual("OH", str(call.error))
        self.assertIn("raise ValueError", call.traceback or "")
        with self.assertRaises(TaskFailed):
            helper.now(handle.result())

    def test_retries(self) -> None:
        """A retry is not due until its time has come."""
        helper = self.helper()
        helper.now(flaky.send())
        self.assertEqual([0, 0], [helper.run(), helper.advance(9)])
        self.assertEqual(0, helper.advance(1))
        self.assertEqual(1, helper.advance(3600))
        [call] = helper.succeeded
        self.assertEqual((3, "at last"), (call.attempts, call.result))

    def test_delay(self) -> None:
        """A delayed call is run when its time has come."""
        helper = self.helper()
        helper.now(double.send_with_options([1], delay=timedelta(hours=1)))
        self.assertEqual([0, 0], [helper.run(), helper.advance(3599)])
        self.assertEqual(1, helper.advance(1))

    def test_cancelled(self) -> None:
        """A call that was cancelled, or has expired, is listed as that."""
        helper = self.helper()
        handle = helper.now(double.send(1))
        self.assertTrue(helper.now(handle.cancel()))
        helper.now(shipped.send(1))
        helper.client.clock.advance(61)
        self.assertEqual(2, helper.run())
        first, second = sorted(helper.cancelled, key=lambda call: call.task)
        self.assertEqual((handle.id, double.name), (first.id, first.task))
        self.assertIn("expired", str(second.error))
        self.assertEqual([], helper.succeeded)

    def test_cancelled_while_it_runs(self) -> None:
        """What has begun may be cancelled between two steps of time."""
        helper = self.helper()
        pool["clock"] = helper.clock
        handle = helper.now(nap.send(30))
        self.assertEqual(0, helper.advance(1))
        self.assertTrue(helper.now(handle.cancel()))
        self.assertEqual(1, helper.advance(1))
        self.assertEqual([handle.id], [call.id for call in helper.cancelled])

    def test_timeout(self) -> None:
        """An async task that takes longer than its time has failed."""
        helper = self.helper()
        pool["clock"] = helper.clock
        helper.now(nap.send_with_options([30], timeout=5))
        self.assertEqual(1, helper.run())
        self.assertIsInstance(helper.failed[0].error, TaskAborted)

    def test_limited(self) -> None:
        """What a rate limit holds back comes with its time."""
        helper = self.helper(slow)
        for number in range(3):
            helper.now(slow.send(number))
        self.assertEqual(1, helper.run())
        self.assertEqual(2, helper.advance(2.5))

    def test_unique(self) -> None:
        """An equal call of a unique task is queued once."""
        helper = self.helper(waits_for_another)
        first = helper.now(waits_for_another.send(1))
        self.assertEqual(first.id, helper.now(waits_for_another.send(1)).id)

    def test_waits_inside(self) -> None:
        """A task that waits for another by blocking is told that it can't, and others go on."""
        helper = self.helper(waits_for_another, double, config={"retry": {"attempts": 1}})
        helper.now(waits_for_another.send(1))
        helper.now(double.send(2))
        self.assertEqual(2, helper.run())
        [call] = helper.failed
        self.assertIn("can't be waited for here", str(call.error))

    def test_run_inside(self) -> None:
        """To run calls while they are run is refused."""
        helper = self.helper()
        pool["run"] = helper.run
        self.addCleanup(pool.pop, "run")
        helper.now(runs_others.send())
        self.assertEqual(1, helper.run())
        self.assertIn("runs calls already", str(helper.failed[0].error))

    def test_process(self) -> None:
        """A task for a process runs in this thread, with its arguments as hinted."""
        helper = self.helper()
        order = uuid4()
        helper.now(heavy.send(order))
        self.assertEqual(1, helper.run())
        [call] = helper.succeeded
        self.assertEqual(([order], ("UUID", "MainThread")), (call.args, call.result))

    def test_time(self) -> None:
        """Time passes for a task that waits; for one that takes more than a minute it is said."""
        helper = self.helper()
        pool["clock"] = helper.clock
        helper.now(nap.send(30))
        self.assertEqual(1, helper.run())
        helper.now(nap.send(300))
        with self.assertRaisesRegex(AssertionError, nap.name):
            helper.run()
        self.assertEqual(1, helper.advance(300))

    def test_chain(self) -> None:
        """A chain runs to its end."""
        helper = self.helper()
        handle = helper.now(chain(double.s(1), double.s(), double.s()).send())
        self.assertEqual(3, helper.run())
        self.assertEqual(8, helper.now(handle.result()))

    def test_sync(self) -> None:
        """Synchronous code may send; its wait for the result runs what is queued."""
        helper = self.helper()
        self.assertEqual(6, double.send_sync(3).result_sync(1))
        self.assertEqual(1, len(helper.succeeded))

    def test_schedule(self) -> None:
        """Slots of a schedule come with their time."""
        entry = double.schedule(every(minutes=10), args=[5])
        self.addCleanup(double.schedules.remove, entry)
        helper = self.helper(double)
        self.assertEqual(0, helper.run())
        self.assertEqual(3, helper.advance(1800))
        self.assertEqual([10] * 3, [call.result for call in helper.succeeded])

    def test_middleware(self) -> None:
        """Task middleware is around the calls, and judges them; also what blocks, and async."""
        Noted.after.clear()
        helper = self.helper(middleware=[Noted])
        pool["clock"] = helper.clock
        for sending in (
            double.send(1),
            nap.send(5),
            fragile.send("swallowed"),
            heavy.send(uuid4()),
        ):
            helper.now(sending)
        self.assertEqual(4, helper.run())
        self.assertEqual({double.name, nap.name, heavy.name}, set(Noted.after))
        self.assertEqual((4, []), (len(helper.succeeded), helper.failed))

    def test_middleware_entry(self) -> None:
        """Entries of a configuration come first; one that changes arguments does so."""
        Noted.after.clear()
        helper = self.helper(config={"middleware": [{"loud": Loud}]}, middleware=[Noted])
        helper.now(fragile.send("heard"))
        self.assertEqual(1, helper.run())
        self.assertEqual([], helper.failed)  # the other has swallowed it
        helper = self.helper(middleware=[{"loud": Loud}])
        helper.now(fragile.send("heard"))
        self.assertEqual(1, helper.run())
        self.assertEqual(["HEARD"], [str(call.error) for call in helper.failed])

    def test_unknown(self) -> None:
        """A call of a task that isn't among them has failed."""
        helper = self.helper(double)
        helper.now(fragile.send("x"))
        self.assertEqual(1, helper.run())
        [call] = helper.failed
        self.assertIn("no task", str(call.error))


class Ending(SynchronousTestCase):
    """What is left when a test is over."""

    def test_not_looked_at(self) -> None:
        """A failed call that the test hasn't looked at fails the test."""
        helper = TaskHelper(fragile)
        helper.now(fragile.send("unseen"))
        helper.run()
        helper.cleanup().now()
        with self.assertRaisesRegex(AssertionError, "unseen"):
            helper.check()

    def test_unbound(self) -> None:
        """Nothing is sent to the helper when it is over."""
        with TaskHelper(double) as helper:
            helper.now(double.send(1))
        with self.assertRaisesRegex(RuntimeError, "nothing says where"):
            helper.now(double.send(1))
        with self.assertRaisesRegex(RuntimeError, "nothing says where"):
            double.send_sync(1)

    def test_not_on_a_server(self) -> None:
        """A place on a server is refused."""
        with self.assertRaisesRegex(TypeError, "in memory"):
            TaskHelper(double, place=OnServer.__new__(OnServer))  # type: ignore[arg-type]

    def test_all_known(self) -> None:
        """With no tasks named, all are run that the process knows, as soon as it knows them."""
        done = run(
            "from pipeline import task\n"
            "from pipeline.testing import TaskHelper\n"
            "with TaskHelper() as helper:\n"
            "    one = task(name='one')(lambda: 1)\n"
            "    helper.now(one.send())\n"
            "    first = helper.run()\n"
            "    two = task(name='two', isolation='process')(lambda: 2)\n"
            "    helper.now(two.send()), helper.now(one.send())\n"
            "    print(first, helper.run(), [call.result for call in helper.succeeded])\n"
        )
        self.assertEqual("1 2 [1, 2, 1]", done)


class ReallyPassing(HelperCase):
    """In real time threads and processes are real."""

    async def test_thread(self) -> None:
        """A plain task runs in a thread, one for a process in a process."""
        from twisted.internet import reactor

        helper = self.helper(double, heavy, place=InMemory(reactor))
        await double.send(2)
        await heavy.send(uuid4())
        self.assertEqual(2, await helper.run())
        self.assertEqual({double.name, heavy.name}, {call.task for call in helper.succeeded})
