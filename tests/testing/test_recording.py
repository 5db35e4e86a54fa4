"""The recording middleware notes all that passes, in order."""

from __future__ import annotations

from pipeline.middleware.families import KINDS
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.middleware import MiddlewareHelper
from pipeline.testing.recording import RecordingMiddleware, passages
from tests.testing.echo import Echo

OPTIONS = {"middleware": [{"outer": RecordingMiddleware}, {"inner": RecordingMiddleware}]}


class Recording(PipelineTestCase):
    """What it notes, and what it changes."""

    def setUp(self) -> None:
        self.helper = self.add_helper(MiddlewareHelper(RecordingMiddleware))

    def test_order(self) -> None:
        """All passages of a worker are had in their order, with direction, kind and connector."""
        worker = self.helper.get_worker(Echo, OPTIONS).now()
        self.helper.make_dispatch_inbound("hi")
        told = [(each.middleware, each.direction, each.kind) for each in passages(worker)]
        expected = [
            ("outer", "consume", "inbound"),
            ("inner", "consume", "inbound"),
            ("inner", "publish", "outbound"),
            ("outer", "publish", "outbound"),
        ]
        self.assertEqual(expected, told)
        self.assertEqual({"sms"}, {each.connector_name for each in passages(worker)})

    def test_every_kind(self) -> None:
        """Every kind is noted, in both directions, as a copy of what passed."""
        recorder = self.helper.create_middleware().now()
        for kind in KINDS:
            message = getattr(self.helper, "make_ack" if kind == "event" else f"make_{kind}")()
            self.helper.consume(kind, message).now()
            self.helper.publish(kind, message).now()
        told = [(each.direction, each.kind) for each in recorder.passages]
        self.assertEqual([(way, kind) for kind in KINDS for way in ("consume", "publish")], told)
        self.assertIsNot(message, recorder.passages[-1].message)

    def test_unchanged(self) -> None:
        """The message isn't changed."""
        self.helper.create_middleware()
        message = self.helper.make_inbound()
        self.assertEqual(message, self.helper.consume("inbound", message).now())

    def test_mark(self) -> None:
        """Unless that is wanted, as in Vumi."""
        self.helper.create_middleware({"mark": True}, name="here")
        passed = self.helper.consume("inbound", self.helper.make_inbound()).now()
        self.assertEqual([["here", "inbound", "sms"]], passed["record"])
        again = self.helper.publish("inbound", passed, "other").now()
        self.assertEqual(["here", "inbound", "other"], again["record"][-1])
