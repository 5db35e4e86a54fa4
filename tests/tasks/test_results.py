"""Tests of pipeline.tasks.results."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.message import TaskMessage
from pipeline.tasks.results import keep, kept
from tests.workers import WorkerCase, inbound


class Keeping(WorkerCase):
    """Results are kept with the settlement of their call."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def test_kept(self) -> None:
        """A result is found, whatever partition its call was in, once that is settled."""
        call = TaskMessage(task="t")
        self.put("work.inbound", inbound(), partition=2)
        consumer = self.broker.consumer("work.inbound", 2)
        self.successResultOf(consumer.open())
        (delivery,) = self.successResultOf(consumer.take(1))
        keep(delivery, call.result([1]), 60)
        self.assertIsNone(self._kept(call.message_id))
        self.successResultOf(consumer.settle([delivery]))
        self.assertEqual([1], self._kept(call.message_id).value)
        self.clock.advance(61)
        self.assertIsNone(self._kept(call.message_id))

    def _kept(self, call_id: str) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(kept(self.looker, call_id)))
