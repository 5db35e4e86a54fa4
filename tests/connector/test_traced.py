"""Deliveries that are handled within spans."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.connector.handling import Inlet
from pipeline.connector.traced import TracedInlet
from pipeline.observe.meter import Meter
from pipeline.observe.tracing import Tracing
from tests.workers import WorkerCase, inbound


class Traced(WorkerCase):
    def setUp(self) -> None:
        super().setUp()
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.untraced = self.runtime
        self.runtime = replace(self.runtime, tracing=Tracing(self.provider))

    def spans(self, name: str) -> list[Any]:
        """The spans of this name that have ended."""
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def publish(self, connector: Any, content: str = "hi") -> None:
        """Publish an inbound message, from the edge."""
        self.successResultOf(connector.publish("inbound", inbound(content)))
        self.helper.advance()

    def test_chosen(self) -> None:
        """Only a worker that is traced has inlets that trace."""
        for runtime, wanted in ((self.untraced, Inlet), (self.runtime, TracedInlet)):
            self.runtime = runtime
            connector = self.connector()
            self.assertIs(wanted, type(connector._inlets["inbound"]))
            self.stop(connector)

    def test_measured(self) -> None:
        """What is counted and timed as well has its spans, and what is staged in a trace counts."""
        meter = Meter(1, self.clock.seconds)
        self.runtime = replace(self.runtime, meter=meter)
        self.test_reply()
        queues = ("sms.inbound", "sms.outbound")
        published = [meter.counter("pipeline_messages_published", "worker", q) for q in queues]
        self.assertEqual([1, 1], [count.value for count in published])
        timed = meter.histogram("pipeline_handling_seconds", "worker", "sms", "inbound")
        self.assertEqual(1, sum(timed.counts))

    def test_reply(self) -> None:
        """A message, what its handler begins after a wait, and its reply are one trace."""
        connector = self.connector(publishes=("inbound", "outbound"), consumes=("inbound",))

        async def handle(message: Any) -> None:
            await deferLater(self.clock, 1)
            with self.provider.get_tracer("x").start_as_current_span("query"):
                pass
            await connector.publish("outbound", message.reply("yes"))

        connector.add_handler("inbound", handle)
        self.publish(connector)
        self.helper.advance(1)
        [sent], [handled] = self.spans("publish sms.inbound"), self.spans("process sms.inbound")
        [query], [reply] = self.spans("query"), self.spans("publish sms.outbound")
        self.assertEqual(sent.context.span_id, handled.parent.span_id)
        self.assertEqual({handled.context.span_id}, {s.parent.span_id for s in (query, reply)})
        [delivery] = self.taken("sms.outbound")
        self.assertIn(f"{reply.context.span_id:016x}".encode(), delivery.trace)

    def test_retry(self) -> None:
        """Each attempt has a span of its own under the one that published; the last is dead."""
        connector = self.connector(publishes=("inbound",), consumes=("inbound",))

        def handle(message: Any) -> None:
            raise ValueError("no")

        connector.add_handler("inbound", handle)
        self.publish(connector)
        for _ in range(3):
            self.helper.advance(10)
        [sent], handled = self.spans("publish sms.inbound"), self.spans("process sms.inbound")
        self.assertEqual({sent.context.span_id}, {span.parent.span_id for span in handled})
        told = [
            (s.attributes["pipeline.attempt"], s.attributes["pipeline.outcome"]) for s in handled
        ]
        self.assertEqual([(1, "retried"), (2, "retried"), (3, "dead_lettered")], told)
        [letter] = self.dead("sms.inbound")
        self.assertIn(f"{sent.context.span_id:016x}".encode(), letter.fields["trace"])

    def test_untraced_between(self) -> None:
        """A worker that isn't traced leaves a message in its trace when that is tried again."""
        publisher = self.connector(publishes=("inbound",), consumes=())
        traced, self.runtime = self.runtime, self.untraced
        untraced = self.connector(consumes=("inbound",))
        untraced.add_handler("inbound", lambda message: 1 / 0)
        self.publish(publisher)
        self.stop(untraced)
        self.runtime = traced
        connector = self.connector(consumes=("inbound",))
        connector.add_handler("inbound", lambda message: None)
        self.helper.advance(10)
        [sent], [handled] = self.spans("publish sms.inbound"), self.spans("process sms.inbound")
        self.assertEqual(sent.context.span_id, handled.parent.span_id)
        self.assertEqual(2, handled.attributes["pipeline.attempt"])

    def test_together(self) -> None:
        """Of messages that are published together each has a context of its own."""
        connector = self.connector(publishes=("inbound",), consumes=())
        with self.provider.get_tracer("x").start_as_current_span("caller") as caller:
            self.successResultOf(connector.publish_many("inbound", [inbound("1"), inbound("2")]))
        sent = self.spans("publish sms.inbound")
        self.assertEqual([caller.context.span_id] * 2, [span.parent.span_id for span in sent])
        contexts = [delivery.trace.decode() for delivery in self.taken("sms.inbound")]
        for span, context in zip(sent, contexts, strict=True):
            self.assertIn(f"{span.context.span_id:016x}", context)

    def test_undecodable(self) -> None:
        """What is no message has a span, too."""
        self.connector(consumes=("inbound",))
        self.put("sms.inbound", b"?")
        [handled] = self.spans("process sms.inbound")
        self.assertEqual("dead_lettered", handled.attributes["pipeline.outcome"])

    def test_stopped(self) -> None:
        """A handling that is cut off is handed back; no span is left open."""
        connector = self.connector(consumes=("inbound",))
        connector.add_handler("inbound", lambda message: Deferred())
        self.put("sms.inbound", inbound())
        self.stop(connector)
        [handled] = self.spans("process sms.inbound")
        self.assertEqual("handed_back", handled.attributes["pipeline.outcome"])

    def test_publish_in_callback(self) -> None:
        """What a callback publishes for the delivery in hand stays in its trace."""
        connector = self.connector(publishes=("inbound", "outbound"), consumes=("inbound",))

        def handle(message: Any) -> Any:
            waiting: Deferred[Any] = deferLater(self.clock, 1)
            reply = message.reply("yes")
            return waiting.addCallback(
                lambda _: connector.publish("outbound", reply, delivery=message._delivery)
            )

        connector.add_handler("inbound", handle)
        self.publish(connector)
        self.helper.advance(1)
        [sent], [reply] = self.spans("publish sms.inbound"), self.spans("publish sms.outbound")
        self.assertEqual(sent.context.trace_id, reply.context.trace_id)
