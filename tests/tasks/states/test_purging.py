"""A call whose message is purged has ended: for its state, who waits, and others like it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.delivery import Settled
from pipeline.errors import TaskFailed
from pipeline.store import Store
from pipeline.tasks.chain import chain
from pipeline.tasks.schedule.slot import SLOT
from pipeline.tasks.schedule.state import running_key
from pipeline.tasks.states.purging import watchers
from tests.tasks import jobs, limited_jobs
from tests.tasks.states.support import StatesCase

QUEUE = "work.inbound"


class Purging(StatesCase):
    def found(self, kind: str = "waiting") -> list[Any]:
        """The deliveries of what waits, or is delayed."""
        place = self.looker.overseer().place(QUEUE)
        return [each.delivery for each in self.successResultOf(getattr(place, kind)())]

    def purge(self, kind: str = "waiting", watched: Any = ()) -> list[Settled]:
        """Throw away all calls that wait, or are delayed."""
        deliveries = self.found(kind)
        for each in deliveries:
            message = self.client.codec.decode(each.payload)
            self.now(self.client.stage_purged(each, message, list(watched)))
        place = self.looker.overseer().place(QUEUE)
        purge = place.purge if kind == "waiting" else place.purge_delayed
        results: list[Settled] = self.successResultOf(purge(deliveries))
        for _ in range(5):
            self.clock.advance(0)
        return results

    def failed(self, handle: Any) -> TaskFailed:
        """Why a call brings no result."""
        waiting = Deferred.fromCoroutine(handle.result())
        error: TaskFailed = self.failureResultOf(waiting, TaskFailed).value
        return error

    def test_cancelled(self) -> None:
        """Its state is cancelled, and who waits is told why; also when it is delayed."""
        for kind, delay in (("waiting", 0), ("delayed", 100)):
            handle = self.send(jobs.add, 1, delay=delay)
            self.assertEqual([Settled.WON], self.purge(kind))
            status = self.status(handle)
            self.assertEqual(("cancelled", None), (status.state, status.due_at))
            error = self.failed(handle)
            self.assertEqual("cancelled", error.status)
            self.assertIn("purged", str(error))
        self.start()
        self.clock.advance(200)
        self.assertEqual([], jobs.ran)

    def test_begins_meanwhile(self) -> None:
        """A call that a worker takes before that is left to it, whatever was staged."""
        handle = self.send(jobs.add, 1)
        [delivery] = self.found()
        message = self.client.codec.decode(delivery.payload)
        self.now(self.client.stage_purged(delivery, message, []))
        self.start()
        self.assertEqual("finished", self.status(handle).state)
        place = self.looker.overseer().place(QUEUE)
        self.assertEqual([Settled.LOST], self.successResultOf(place.purge([delivery])))
        self.assertEqual("finished", self.status(handle).state)

    def test_cancelled_before(self) -> None:
        """A call that was cancelled is told of once, and its order goes with it."""
        handle = self.send(jobs.add, 1)
        self.assertTrue(self.now(handle.cancel()))
        self.assertEqual(1, len(self.orders()))
        ended = self.status(handle).ended_at
        self.clock.advance(5)
        self.assertEqual([Settled.WON], self.purge())
        self.assertEqual({}, self.orders())
        self.assertEqual(ended, self.status(handle).ended_at)

    def test_unique(self) -> None:
        """Another call that is like it may be sent."""
        handle = self.send(limited_jobs.only, 1)
        self.assertFalse(self.send(limited_jobs.only, 1).is_new)
        self.purge()
        self.assertTrue(self.send(limited_jobs.only, 1).is_new)
        self.assertEqual("cancelled", self.status(handle).state)

    def test_watched(self) -> None:
        """Who waits elsewhere is told, too."""
        handle = self.send(jobs.add, 1)
        other = self.client.handle_of(handle.id)
        waiting = Deferred.fromCoroutine(other.result())
        for _ in range(5):
            self.clock.advance(0)
        watched = self.now(watchers(self.looker, 0, "work"))
        self.assertEqual([handle.id], list(watched))
        self.purge(watched=watched[handle.id])
        self.failureResultOf(waiting, TaskFailed)
        self.assertEqual({}, self.orders())

    def test_chain(self) -> None:
        """Who waits for a chain is told of the step, and no other step follows."""
        self.client_bound()
        handle = self.now(chain(jobs.add.s(1), jobs.add.s(2)).send())
        self.purge()
        self.assertIn("step 1 of 2", str(self.failed(handle)))
        self.assertEqual([], self.found())

    def test_schedule(self) -> None:
        """The next call of a singleton of a schedule may come."""
        handle = self.send(jobs.add, 1)
        store = Store(self.looker.reader())
        store.set(running_key(handle.id), b"1")
        self.now(store.commit())
        [delivery] = self.found()
        message = self.client.codec.decode(delivery.payload)
        message.helper_metadata = {SLOT: {"name": "x", "slot": 1}}
        self.now(self.client.stage_purged(delivery, message, []))
        self.assertIn(("delete", running_key(handle.id)), [w[:2] for w in delivery.store.writes])
