"""Spans of messages, and the context that travels."""

from __future__ import annotations

import json
from contextvars import copy_context
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode
from twisted.trial.unittest import SynchronousTestCase

from pipeline.delivery import Delivery
from pipeline.errors import RetryLater
from pipeline.message import TaskMessage, UserMessage
from pipeline.observe.tracing import LONGEST, Tracing
from pipeline.outcome import DONE, DeadLetter, Dropped, Retry

MESSAGE = UserMessage(to_addr="a", from_addr="b", transport_name="t", transport_type="x")
CALL = TaskMessage(task="shop.pay", transport_name="t", transport_type="task")


class TracingCase(SynchronousTestCase):
    """Has a provider of its own, which remembers spans."""

    def setUp(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.tracing = Tracing(self.provider)

    def spans(self) -> list[Any]:
        """The spans that have ended, the first to end first."""
        return list(self.exporter.get_finished_spans())

    def delivery(self, headers: tuple[bytes, ...] = (), message: Any = MESSAGE) -> Delivery:
        """What comes of a message that was published with these headers."""
        said = dict(zip(headers[::2], headers[1::2], strict=True)).get(b"c", b"")
        made = Delivery("sms.inbound", b"1-0", b"12345", attempt=2, trace=said)
        made.message, made.handler = message, ("echo", "inbound")
        return made

    def handled(self, delivery: Delivery, outcome: Any = None, **more: Any) -> None:
        """Begin and end its span, in a context of its own."""

        def handle() -> None:
            self.tracing.end(self.tracing.begin(delivery), outcome, **more)

        copy_context().run(handle)


class Spans(TracingCase):
    def test_publish(self) -> None:
        """A message that is published has a span, whose W3C context is its header."""
        name, said = self.tracing.headers("sms.inbound", MESSAGE, None)
        (span,) = self.spans()
        self.assertEqual(("publish sms.inbound", SpanKind.PRODUCER), (span.name, span.kind))
        self.assertEqual(
            {
                "messaging.system": "redis",
                "messaging.operation.type": "send",
                "messaging.operation.name": "publish",
                "messaging.destination.name": "sms.inbound",
                "messaging.message.id": MESSAGE.message_id,
            },
            dict(span.attributes),
        )
        ids = f"{span.context.trace_id:032x}-{span.context.span_id:016x}"
        carrier = json.loads(said)
        context, _, flags = carrier.pop("traceparent").rpartition("-")
        self.assertEqual((b"c", f"00-{ids}", 1, {}), (name, context, int(flags) & 1, carrier))

    def test_parents(self) -> None:
        """Who publishes within a span publishes within its trace; who handles goes on with it."""
        with self.provider.get_tracer("x").start_as_current_span("caller"):
            headers = self.tracing.headers("sms.inbound", MESSAGE, None)
        delivery = self.delivery(headers)

        def handle() -> None:
            span = self.tracing.begin(delivery)
            with self.provider.get_tracer("x").start_as_current_span("query"):
                pass
            self.tracing.headers("sms.outbound", MESSAGE, delivery)
            self.tracing.end(span, None)

        copy_context().run(handle)
        found = {span.name: span for span in self.spans()}
        publish, process = found["publish sms.inbound"], found["process sms.inbound"]
        self.assertEqual(1, len({span.context.trace_id for span in found.values()}))
        self.assertEqual(found["caller"].context.span_id, publish.parent.span_id)
        self.assertEqual(publish.context.span_id, process.parent.span_id)
        for inner in ("query", "publish sms.outbound"):
            self.assertEqual(process.context.span_id, found[inner].parent.span_id)
        self.assertEqual(SpanKind.CONSUMER, process.kind)
        self.assertEqual({}, self.tracing.ids())

    def test_join(self) -> None:
        """What is published for a request of a trace is in that trace; nonsense begins another."""
        parent = f"00-{1:032x}-{2:016x}-01"

        def publish(traceparent: str) -> None:
            self.tracing.join(traceparent, "a=b")
            self.tracing.headers("sms.inbound", MESSAGE, None)

        for said in (parent, "", "00-zz"):
            copy_context().run(publish, said)
        first, *others = self.spans()
        self.assertEqual((1, 2), (first.context.trace_id, first.parent.span_id))
        self.assertEqual([None, None], [span.parent for span in others])

    def test_callback(self) -> None:
        """What is published for a delivery where no span is current stays in its trace."""
        headers = self.tracing.headers("sms.inbound", MESSAGE, None)
        self.tracing.headers("sms.outbound", MESSAGE, self.delivery(headers))
        first, second = self.spans()
        self.assertEqual(first.context.span_id, second.parent.span_id)

    def test_attributes(self) -> None:
        """The span of a handling says what was handled, where, and which attempt it was."""
        self.handled(self.delivery())
        attributes = dict(self.spans()[0].attributes)
        self.assertEqual(
            {
                "messaging.message.body.size": 5,
                "pipeline.attempt": 2,
                "pipeline.partition": 0,
                "pipeline.worker": "echo",
                "pipeline.kind": "inbound",
                "pipeline.outcome": "done",
            },
            {n: v for n, v in attributes.items() if n.startswith("pipeline.") or "size" in n},
        )

    def test_tasks(self) -> None:
        """Calls are named for their task; an instance's queue for its connector's."""
        self.tracing.headers("tasks.inbound", CALL, None)
        self.handled(self.delivery(message=CALL))
        self.tracing.headers("web.outbound@12", MESSAGE, None)
        self.handled(self.delivery(message=None))
        names = ["send shop.pay", "shop.pay", "publish web.outbound", "process sms.inbound"]
        self.assertEqual(names, [span.name for span in self.spans()])

    def test_outcomes(self) -> None:
        """What was decided is told; an error is, and is no error where nothing has failed."""
        error = ValueError("Authorization: Bearer abc123xyz")
        for outcome, name, is_error in (
            (DONE, "done", False),
            (Dropped("spam"), "dropped", False),
            (Retry(1, error=error), "retried", True),
            (Retry(1, error=RetryLater(1)), "retried", False),
            (DeadLetter(error), "dead_lettered", True),
            (DeadLetter(None, "gone"), "dead_lettered", True),
        ):
            self.exporter.clear()
            self.handled(self.delivery(), outcome)
            (span,) = self.spans()
            self.assertEqual(name, span.attributes["pipeline.outcome"])
            self.assertEqual(is_error, span.status.status_code is StatusCode.ERROR)
            for event in span.events:
                self.assertEqual("ValueError", event.attributes["exception.type"])
                self.assertNotIn("abc123xyz", str(event.attributes) + str(span.status.description))
        self.handled(self.delivery(), is_handed_back=True)
        self.assertEqual("handed_back", self.spans()[-1].attributes["pipeline.outcome"])

    def test_broken(self) -> None:
        """A handling that doesn't end in an outcome is an error."""
        copy_context().run(
            lambda: self.tracing.broken(self.tracing.begin(self.delivery()), KeyError("x"))
        )
        self.assertEqual("KeyError", self.spans()[0].attributes["error.type"])

    def test_anything(self) -> None:
        """A header that can't be read begins a new trace; one that is too long isn't written."""
        for said in (b"{", b"[]", b"null", b'{"traceparent": 7}', b'{"traceparent": "00-zz"}'):
            self.handled(self.delivery((b"c", said)))
        self.handled(self.delivery((b"c", b" " * LONGEST + b"{}")))
        self.assertEqual([None] * 6, [span.parent for span in self.spans()])

    def test_baggage(self) -> None:
        """Baggage travels as well, up to a size."""
        from opentelemetry import baggage, context

        def publish(size: int) -> tuple[bytes, ...]:
            context.attach(baggage.set_baggage("who", "x" * size))
            return self.tracing.headers("sms.inbound", MESSAGE, None)

        _, said = copy_context().run(publish, 3)
        self.assertEqual("who=xxx", json.loads(said)["baggage"])
        many = copy_context().run(publish, 4000)
        self.assertLess(sum(map(len, many)), LONGEST + 2)

    def test_sampled_out(self) -> None:
        """What isn't sampled here isn't sampled further on."""
        tracing = Tracing(TracerProvider(sampler=ALWAYS_OFF))
        _, said = tracing.headers("sms.inbound", MESSAGE, None)
        self.assertEqual(0, int(json.loads(said)["traceparent"][-2:]) & 1)

    def test_ids(self) -> None:
        """The log is told the ids of the span that is current."""
        with self.provider.get_tracer("x").start_as_current_span("caller") as span:
            ids = dict(self.tracing.ids())
        context = span.get_span_context()
        self.assertEqual(trace.format_trace_id(context.trace_id), ids["trace_id"])
        self.assertEqual(trace.format_span_id(context.span_id), ids["span_id"])
