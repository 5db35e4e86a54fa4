"""What is known of the message in hand when something is logged."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Delivery, current
from pipeline.message import TaskMessage, UserMessage
from pipeline.observe.logs.facts import correlate, facts_of


def delivery(message: Any = None) -> Delivery:
    """A delivery that a worker has begun to handle."""
    made = Delivery("sms.inbound", b"1-0", b"", attempt=2)
    made.message, made.handler = message, ("echo", "inbound")
    return made


class Facts(SynchronousTestCase):
    def test_nothing(self) -> None:
        """Where no message is in hand nothing is known."""
        self.assertEqual({}, facts_of({}))

    def test_in_hand(self) -> None:
        """What is in hand is found by the code that handles it, and by nobody else."""
        message = UserMessage(to_addr="a", from_addr="b", transport_name="t", transport_type="x")

        def handle() -> dict[str, Any]:
            current.set(delivery(message))
            return facts_of({})

        self.assertEqual(
            {
                "message_id": message.message_id,
                "queue": "sms.inbound",
                "worker": "echo",
                "kind": "inbound",
                "attempt": 2,
            },
            copy_context().run(handle),
        )
        self.assertEqual({}, facts_of({}))

    def test_own(self) -> None:
        """An event's own delivery goes first; a call says its task, a failure where it was."""
        call = TaskMessage(task="resize", transport_name="t", transport_type="task")
        error = ValueError("x")
        error.pipeline_where = "dedup (a.B)"  # type: ignore[attr-defined]  # set by the chain
        event = {"delivery": delivery(call), "log_failure": Failure(error)}
        facts = facts_of(event)
        self.assertEqual(("resize", "dedup (a.B)"), (facts["task"], facts["where"]))
        self.assertEqual({}, facts_of({"delivery": "by van"}))

    def test_undecoded(self) -> None:
        """What could not be decoded has a queue, and no id."""
        facts = facts_of({"delivery": Delivery("sms.inbound", b"1-0", b"?")})
        self.assertEqual({"queue": "sms.inbound", "attempt": 1}, facts)

    def test_correlate(self) -> None:
        """Somebody may add what an event belongs to besides, until it is taken back."""
        correlate(lambda: {"trace_id": "1"})
        self.addCleanup(correlate, None)
        self.assertEqual({"trace_id": "1"}, facts_of({}))
        correlate(None)
        self.assertEqual({}, facts_of({}))
