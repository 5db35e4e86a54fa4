"""Vumi's names for what a connector does."""

from __future__ import annotations

from typing import Any

from pipeline.errors import PipelineError
from pipeline.testing import PipelineTestCase, WorkerHelper
from pipeline.worker import Worker

KINDS = ("inbound", "outbound", "event", "status")


class Ported(Worker):
    """Sets its connectors up as a worker of Vumi does."""

    def setup_connectors(self) -> None:
        self.heard: list[tuple[str, str]] = []
        for kind in KINDS:
            connector = self.setup_connector(f"c-{kind}", (kind,), ())
            getattr(connector, f"set_{kind}_handler")(self._hear(kind))
            getattr(connector, f"set_{kind}_handler")(self._hear(f"{kind} aside"), "side")
            getattr(connector, f"set_default_{kind}_handler")(self._hear(f"other {kind}"))
        self.out = self.setup_connector("out", (), KINDS)

    def _hear(self, name: str) -> Any:
        return lambda message: self.heard.append((name, message.get_routing_endpoint()))


class Names(PipelineTestCase):
    """Each name is the general method for one kind."""

    def setUp(self) -> None:
        self.helper = self.add_helper(WorkerHelper("out"))
        self.worker = self.helper.get_worker(Ported).now()

    def made(self, kind: str, **fields: Any) -> Any:
        return getattr(self.helper, f"make_{'ack' if kind == 'event' else kind}")(**fields)

    def test_handlers(self) -> None:
        """A handler for an endpoint, None being ``default``, and one for all the others."""
        for kind in KINDS:
            self.worker.heard.clear()
            for endpoint in (None, "side", "elsewhere"):
                self.helper.dispatch(kind, self.made(kind, endpoint=endpoint), f"c-{kind}")
            expected = [
                (kind, "default"),
                (f"{kind} aside", "side"),
                (f"other {kind}", "elsewhere"),
            ]
            self.assertEqual(expected, self.worker.heard)

    def test_publish(self) -> None:
        """A message is published on an endpoint, or the one that it has."""
        for kind in KINDS:
            publish = getattr(self.worker.out, f"publish_{kind}")
            self.helper.now(publish(self.made(kind), "side"))
            self.helper.now(publish(self.made(kind)))
            endpoints = [each.get_routing_endpoint() for each in self.helper.get_dispatched(kind)]
            self.assertEqual(["side", "default"], endpoints)

    def test_wrong_kind(self) -> None:
        """A kind that it doesn't have is refused in words."""
        with self.assertRaises(PipelineError) as caught:
            self.worker.out.set_inbound_handler(print)
        self.assertEqual("connector 'out' does not consume 'inbound'", str(caught.exception))
        with self.assertRaises(PipelineError):
            self.helper.now(self.worker.connectors["c-event"].publish_event(self.made("event")))
