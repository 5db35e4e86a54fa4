"""There is a short form for each kind of message."""

from __future__ import annotations

from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.workers import WorkerHelper

#: The kind that each of the makers is sent as.
MAKERS = {
    "inbound": "inbound",
    "outbound": "outbound",
    "ack": "event",
    "nack": "event",
    "delivery_report": "event",
    "status": "status",
    "failure": "failure",
}
PLURALS = {
    "inbound": "inbound",
    "outbound": "outbound",
    "event": "events",
    "status": "statuses",
    "failure": "failures",
}
QUEUES = {kind: f"sms.{kind}" for kind in PLURALS} | {"failure": "sms.failures"}


class Short(PipelineTestCase):
    """Sending and seeing, of the helper's connector and of another."""

    def setUp(self) -> None:
        self.helper = self.add_helper(WorkerHelper("sms"))

    def test_make_dispatch(self) -> None:
        """Each message lies on the queue of its kind, and is given to the caller."""
        for name, kind in MAKERS.items():
            sent = getattr(self.helper, f"make_dispatch_{name}")().now()
            [seen] = getattr(self.helper, f"get_dispatched_{PLURALS[kind]}")()
            [same] = self.helper.get_dispatched(QUEUES[kind])
            self.assertEqual([sent.to_json()] * 2, [seen.to_json(), same.to_json()])
            getattr(self.helper, f"clear_dispatched_{PLURALS[kind]}")()
            self.assertEqual([], self.helper.get_dispatched(kind))

    def test_other_connector(self) -> None:
        """A connector can be named with each."""
        for kind, plural in PLURALS.items():
            maker = "ack" if kind == "event" else kind
            message = getattr(self.helper, f"make_{maker}")()
            getattr(self.helper, f"dispatch_{kind}")(message, "other")
            self.assertEqual([], getattr(self.helper, f"get_dispatched_{plural}")())
            [seen] = getattr(self.helper, f"wait_for_dispatched_{plural}")(1, "other").now()
            self.assertEqual(message.to_json(), seen.to_json())
            getattr(self.helper, f"clear_dispatched_{plural}")("other").now()
            self.assertEqual([], getattr(self.helper, f"get_dispatched_{plural}")("other"))

    def test_reply_and_task(self) -> None:
        """An answer goes out, a call of a task comes in."""
        message = self.helper.make_inbound()
        self.helper.make_dispatch_reply(message, "bye")
        self.helper.make_dispatch_task("a.task", 1)
        [reply], [call] = (
            self.helper.get_dispatched_outbound(),
            self.helper.get_dispatched_inbound(),
        )
        self.assertEqual((message.message_id, "a.task"), (reply.in_reply_to, call.task))
