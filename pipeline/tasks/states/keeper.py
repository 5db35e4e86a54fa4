"""Keeps the states of the calls that one task application runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.delivery import Delivery
from pipeline.errors import PipelineError, TaskCancelled, UnknownCall, WorkerShutdown
from pipeline.message import ResultMessage, TaskMessage
from pipeline.outcome import Retry
from pipeline.signals import (
    Signal,
    task_cancelled,
    task_failed,
    task_finished,
    task_retried,
    task_started,
)
from pipeline.store import MOST, Store
from pipeline.tasks.current import CurrentTask
from pipeline.tasks.states.cancelling import ended_answer
from pipeline.tasks.states.orders import Orders, cancel_field, watch_field
from pipeline.tasks.states.progress import reporter
from pipeline.tasks.states.records import (
    LIVE_FOR,
    NAMES,
    NOW,
    Writes,
    index_of,
    runs_key,
    waiting_for,
)
from pipeline.tasks.states.running import Notes
from pipeline.tasks.states.status import AbortedRun
from pipeline.tasks.states.tracked import Tracked

__all__ = ["Keeper"]

#: Seconds between two times that what is kept no longer is taken out of the indexes.
TRIM_EVERY = 10.0
#: Seconds that an index outlives what it lists.
SLACK = 600.0

_SIGNALS: dict[str, Signal] = {
    "finished": task_finished,
    "failed": task_failed,
    "cancelled": task_cancelled,
}


class Keeper:
    """Stages each end with the settlement of its call, and notes beside it what runs.

    :param connector: the connector that calls come from.
    :param broker: where states are kept.
    :param clock: the reactor.
    :param keep: seconds that a call is remembered after its end; 0: no states are kept, and no
        call can be cancelled.
    :param cancel: called with the id of a call that may run, and is cancelled.
    :param publish: puts an answer on the queue of an instance; given the answer, the instance, and
        the delivery that it is staged in, or None.
    """

    log = Logger("pipeline.tasks")

    def __init__(
        self,
        connector: str,
        broker: Any,
        clock: Any,
        keep: float,
        cancel: Callable[[str], object],
        publish: Callable[[ResultMessage, str, Delivery | None], Awaitable[Any]],
    ) -> None:
        self._publish = publish
        self._writes = Writes(keep) if keep else None
        self._keep = keep
        self._broker = broker
        self._clock = clock
        self.notes = Notes(self._writes, broker, clock)
        self.orders = Orders(connector, broker, clock, cancel, self._watch)
        self._ended: Counter[tuple[int, str]] = Counter()
        self._trimming: Any = None

    async def start(self, names: Iterable[str]) -> None:
        """Say which tasks there are, and follow orders.

        :raise BrokerError: the store can't be used.
        """
        if self._writes is None:
            return
        store = Store(self._broker.reader(0))
        store.hset(NAMES, dict.fromkeys(names, self._clock.seconds()))
        await store.commit()
        await self.orders.start()
        self._trimming = self._clock.callLater(TRIM_EVERY, self._trim)

    async def stop(self) -> None:
        """Follow nothing more, and write what is left."""
        self.orders.stop()
        if self._trimming is not None:
            self._trimming.cancel()
            self._trimming = None
        try:
            await self.notes.stop()
            ended, self._ended = self._ended, Counter()
            await self._trimmed(ended)
        except PipelineError as error:
            self.log.warn("states of tasks could not be noted: {error}", error=error)

    # A call ------------------------------------------------------------------------------------

    def is_cancelled(self, call_id: str) -> bool:
        """Whether somebody has cancelled this call."""
        return call_id in self.orders.cancelled

    def may_be_ended(self, call_id: str, delivery: Delivery) -> bool:
        """Whether :meth:`is_ended` has to be asked."""
        return delivery.conflicts > 0 or call_id in self.orders.cancelled

    async def is_ended(self, call_id: str, delivery: Delivery) -> bool:
        """Whether a call that was taken has been cancelled before."""
        if delivery.conflicts and self._writes is not None:
            await self.orders.look()  # that may be why it is handled again
        return call_id in self.orders.cancelled

    async def run(
        self, task: Any, call: CurrentTask, delivery: Delivery, run: Callable[..., Awaitable[Any]]
    ) -> Any:
        """Run a call.

        :param run: runs it, given the task and the call.
        :raise TaskCancelled: it was cancelled meanwhile.
        """
        tracked = Tracked(task, call, delivery, self._clock.seconds(), self.notes.changed)
        delivery.message.__dict__["_tracked"] = tracked
        if call.deaths and self._writes is not None:
            await self._note_death(tracked)
        reporter.set(tracked.report)
        if task_started.receivers:
            task_started.send_robust(task, call=call)
        self.notes.begin(tracked)
        try:
            value = await run(task, call)
        except WorkerShutdown as error:
            self._aborted(tracked, error)
            raise
        except Exception:
            if call.id in self.orders.cancelled:
                raise TaskCancelled(f"{task.name} was cancelled") from None
            raise
        finally:
            self.notes.end(tracked)
        if call.id in self.orders.cancelled:
            raise TaskCancelled(f"{task.name} was cancelled")
        return value

    def _aborted(self, tracked: Tracked, why: BaseException) -> None:
        if self._writes is None:
            return
        run = AbortedRun(tracked.started_at, tracked.call.worker, str(why))
        self.notes.write(tracked.partition, *self._writes.aborted(tracked.call.id, run))

    async def _note_death(self, tracked: Tracked) -> None:
        """Make of the run that a dead worker has noted one that was broken off."""
        assert self._writes is not None
        call_id = tracked.call.id
        store = Store(self._broker.reader(tracked.partition))
        started, worker = None, ""
        raw = await store.hget(runs_key(call_id), NOW)
        if raw is not None:
            run = self._writes.run_of(raw)
            started, worker = run.started_at, run.worker
        died = AbortedRun(started, worker, "Worker died")
        self.notes.write(tracked.partition, *self._writes.aborted(call_id, died))

    # Its end, staged ---------------------------------------------------------------------------

    def heeds(self, state: str) -> bool:
        """Whether anything becomes of an end in this state."""
        return self._writes is not None or bool(_SIGNALS[state].receivers)

    def ended(
        self, state: str, task: Any, call: CurrentTask, delivery: Delivery, **how: Any
    ) -> None:
        """Stage the end of a call. It conflicts if the call is cancelled meanwhile.

        :param state: ``finished``, ``failed`` or ``cancelled``.
        :param how: for who listens: ``value`` or ``error``.
        """
        signal = _SIGNALS[state]
        if signal.receivers:
            signal.send_robust(task, call=call, **how)
        if self._writes is None:
            return
        tracked = self._tracked(task, call, delivery)
        record = tracked.record(state)
        record.ended_at = self._clock.seconds()
        if "error" in how:
            record.error = described(how["error"])
        store = delivery.store
        store.expect_field(self.orders.key, cancel_field(call.id), None)
        store.writes += self._writes.ended(call.id, record, had_runs=tracked.had_runs)
        self._ended[delivery.partition, index_of(call.name, state)] += 1

    def cancelled(self, task: Any, call: CurrentTask, delivery: Delivery) -> None:
        """Stage that an order to cancel was carried out; who gave it has written the state."""
        if task_cancelled.receivers:
            task_cancelled.send_robust(task, call=call)
        delivery.store.hdel(self.orders.key, cancel_field(call.id))
        self._ended[delivery.partition, index_of(call.name, "cancelled")] += 1

    def retried(
        self,
        task: Any,
        call: CurrentTask,
        delivery: Delivery,
        outcome: Retry,
        *,
        in_hand: bool,
    ) -> None:
        """Stage that a call will be tried again.

        :param in_hand: it may stay in hand until then, and what it has staged is forgotten.
        """
        error, after = outcome.error or outcome.reason, outcome.after
        if task_retried.receivers:
            task_retried.send_robust(task, call=call, error=error, after=after)
        if self._writes is None:
            return
        tracked = self._tracked(task, call, delivery)
        record = tracked.record("retrying")
        record.attempts = call.attempt
        record.due_at = self._clock.seconds() + after
        record.error = described(error)
        record.reply, record.reply_id = waiting_for(delivery.message)
        writes = (*self._writes.live(call.id, record, after), self._writes.runs_no_more(call.id))
        if in_hand:
            self.notes.write(delivery.partition, *writes)
            return
        store = delivery.store
        store.expect_field(self.orders.key, cancel_field(call.id), None)
        store.writes += writes

    def call_of(self, message: TaskMessage) -> CurrentTask | None:
        """A call as it has run here; None if it has not."""
        tracked: Tracked | None = message.__dict__.get("_tracked")
        return None if tracked is None else tracked.call

    def _tracked(self, task: Any, call: CurrentTask, delivery: Delivery) -> Tracked:
        known: Tracked | None = delivery.message.__dict__.get("_tracked")
        return known or Tracked(task, call, delivery, self._clock.seconds(), None)

    # Who waits elsewhere -----------------------------------------------------------------------

    def is_watched(self, call_id: str) -> bool:
        """Whether somebody else than who sent a call waits for its end."""
        return call_id in self.orders.watched

    async def tell(self, answer: ResultMessage, delivery: Delivery) -> None:
        """Stage the answer for those who wait elsewhere."""
        call_id = answer.in_reply_to or ""
        for instance in self.orders.watched.get(call_id, ()):
            await self._publish(answer, instance, delivery)
            delivery.store.hdel(self.orders.key, watch_field(call_id, instance))

    def _watch(self, partition: int, call_id: str, instance: str) -> None:
        # Who runs it tells; else it may have ended just before the order came.
        telling = Deferred.fromCoroutine(self._tell_late(partition, call_id, instance))
        telling.addErrback(self._not_told)

    async def _tell_late(self, partition: int, call_id: str, instance: str) -> None:
        try:
            answer = await ended_answer(self._broker, call_id)
        except UnknownCall as error:
            answer = ResultMessage(in_reply_to=call_id, status="failed", error=str(error))
        if answer is None:
            return
        await self._publish(answer, instance, None)
        store = Store(self._broker.reader(partition))
        store.hdel(self.orders.key, watch_field(call_id, instance))
        await store.commit()

    def _not_told(self, failure: Failure) -> None:
        self.log.warn("who waits for a task could not be told: {error}", error=failure.value)

    # Old ones ----------------------------------------------------------------------------------

    def _trim(self) -> None:
        self._trimming = self._clock.callLater(TRIM_EVERY, self._trim)
        ended, self._ended = self._ended, Counter()
        if ended:
            trimming = Deferred.fromCoroutine(self._trimmed(ended))
            trimming.addErrback(self._not_trimmed)

    async def _trimmed(self, ended: Counter[tuple[int, str]]) -> None:
        now = self._clock.seconds()
        for (partition, index), count in ended.items():
            store = Store(self._broker.reader(partition))
            for _ in range(min(20, 1 + 2 * count // MOST)):
                store.ztrim(index, now - self._keep, MOST)
            store.expire("z", index, self._keep + SLACK)
            live = index.rpartition(":")[0] + ":live"
            store.ztrim(live, now - LIVE_FOR, MOST)
            store.expire("z", live, 2 * LIVE_FOR)
            await store.commit()

    def _not_trimmed(self, failure: Failure) -> None:
        self.log.warn("old states of tasks could not be removed: {error}", error=failure.value)


def described(error: Any) -> str | None:
    """An error in a line: its class and its text, cut."""
    if not isinstance(error, BaseException):
        return str(error)[:500] if error else None
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return text[:500]
