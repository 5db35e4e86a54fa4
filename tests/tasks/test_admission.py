"""Tests of pipeline.tasks.admission, as the application uses it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.errors import TaskFailed
from pipeline.message import TaskMessage
from pipeline.tasks.handle import TaskHandle
from tests.applications.test_task_limits import JOBS, LimitCase
from tests.tasks import jobs, limited_jobs


class Refused(LimitCase):
    """Looks at calls that weren't run."""

    def error(self, handle: TaskHandle) -> BaseException:
        """What is raised at who waits."""
        waiting = Deferred.fromCoroutine(handle.result())
        error: BaseException = self.failureResultOf(waiting, TaskFailed).value
        return error


class Expiring(Refused):
    """A call that has not begun in time never does."""

    def test_in_time(self) -> None:
        """A call that is taken in time is run."""
        self.send(limited_jobs.fleeting)
        self.clock.advance(59)
        self.start()
        self.assertEqual(1, len(jobs.ran))

    def test_late(self) -> None:
        """A call that is taken later is cancelled; who waits for it is told why."""
        handle = self.send(limited_jobs.fleeting)
        self.clock.advance(61)
        self.start()
        self.assertEqual([], jobs.ran)
        error = self.error(handle)
        self.assertIn("expired: tests.tasks.limited_jobs.fleeting had not begun", str(error))
        self.assertEqual((0, 0, 0, 0), tuple(self.depth("work.inbound")))

    def test_begun(self) -> None:
        """A call that has begun in time is tried again, however late that is."""
        self.start(retry={"base": 100, "jitter": 0})
        self.send(limited_jobs.fleeting, -1)
        self.clock.advance(101)
        self.assertEqual(2, len(jobs.ran))

    def test_unsaid(self) -> None:
        """A call that does not say when it was sent is as old as its message."""
        self.put("work.inbound", TaskMessage(task=f"{JOBS}.fleeting"))
        self.clock.advance(61)
        self.start()
        self.assertEqual([], jobs.ran)


class Unique(Refused):
    """Of unique calls with a key one is there."""

    def send_only(self, *args: Any) -> bool:
        """Send a call of ``only``; whether that was new."""
        return bool(self.send(limited_jobs.only, *args).is_new)

    def test_until_done(self) -> None:
        """A second is not sent while the first waits, and runs; afterwards it is."""
        self.assertEqual([True, False], [self.send_only(-1), self.send_only(-1)])
        self.start()
        self.assertFalse(self.send_only(-1))
        jobs.gates[0].callback(None)
        self.helper.advance()
        self.assertEqual(1, len(jobs.ran))
        self.assertTrue(self.send_only(-1))
        jobs.gates[1].callback(None)

    def test_other_arguments(self) -> None:
        """Calls with other arguments are others."""
        self.assertEqual([True, True], [self.send_only(1), self.send_only(2)])

    def test_result(self) -> None:
        """Who sent the second where the first was sent gets the result of the first."""
        first, second = self.send(limited_jobs.only, 3), self.send(limited_jobs.only, 3)
        self.assertEqual((first.id, True, False), (second.id, first.is_new, second.is_new))
        self.start()
        self.assertTrue(second.done)
        self.assertEqual([3, 3], [self.helper.now(each.result()) for each in (first, second)])

    def test_status(self) -> None:
        """Both handles tell of the one call."""
        sent = [self.send(limited_jobs.only, 3), self.send(limited_jobs.only, 3)]
        states = [self.helper.now(handle.status()).state for handle in sent]
        self.assertEqual(["queued", "queued"], states)

    def test_retried(self) -> None:
        """A call that waits for another try is still there; when it is done it is not."""
        self.start(retry={"jitter": 0})
        self.assertTrue(self.send_only(4, 1))
        self.assertFalse(self.send_only(4, 1))
        self.clock.advance(5)
        self.assertEqual(2, len(jobs.ran))
        self.assertTrue(self.send_only(4, 1))

    def test_failed(self) -> None:
        """A call that has failed for good, or was dropped, is not there any more."""
        self.start(retry={"jitter": 0})
        for b in (2, 3, 2, 3):
            self.assertTrue(self.send_only(b, b))
            self.clock.advance(5)

    def test_until_begun(self) -> None:
        """With ``queued`` a second is sent as soon as the first has begun."""
        task = limited_jobs.refresh
        sent = [self.send(task, "ann", "1"), self.send(task, "ann", "2"), self.send(task, "bob")]
        self.assertEqual([True, False, True], [handle.is_new for handle in sent])
        self.start()
        self.assertTrue(self.send(task, "ann", "3").is_new)
        self.assertEqual(
            [("ann", "1"), ("bob", ""), ("ann", "3")], [(user, why) for _, user, why in jobs.ran]
        )
        for gate in jobs.gates:
            gate.callback(None)

    def test_staged(self) -> None:
        """In a task the second is found too; both are sent, or not, with its settlement."""
        self.start()
        asked = self.send(limited_jobs.asks, -5)
        self.assertEqual(1, self.helper.now(asked.result()))
        self.assertEqual([("only", -5)], jobs.ran)
        again = self.send(limited_jobs.asks, -5)
        self.assertEqual(0, self.helper.now(again.result()))
        jobs.gates[0].callback(None)

    def test_dropped_by_nobody(self) -> None:
        """Who dropped himself is cancelled, and who waits for him is told."""
        self.start()
        handle = self.send(limited_jobs.only, 7, 3)
        error = self.error(handle)
        self.assertIn("not wanted", str(error))
