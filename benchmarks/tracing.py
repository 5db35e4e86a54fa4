"""What tracing costs a message: where it is published, and where it is handled.

Each figure is CPU time of this process with
the thread that exports, to nowhere; the best of three rounds. OpenTelemetry's sampler keeps all
traces, or one in a hundred.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from time import process_time
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from benchmarks.measuring import Size, given, show, written
from pipeline.delivery import Delivery
from pipeline.message import UserMessage
from pipeline.observe.tracing import Tracing

ROUNDS = 3
SIZES = {"messages": Size(5_000, 50, "how many each")}


class Nowhere(SpanExporter):
    """Forgets what it is given."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        return SpanExportResult.SUCCESS


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("tracing", __doc__, SIZES)
    messages, rows = options.messages, []
    for what, ratio in (("all kept", 1.0), ("one in a hundred kept", 0.01)):
        provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(ratio)))
        provider.add_span_processor(BatchSpanProcessor(Nowhere()))
        for step, work in _steps(Tracing(provider)).items():
            best = min(_seconds(work, messages) for _ in range(ROUNDS))
            rows.append({"what": f"{step}, {what}", "CPU us": round(best / messages * 1e6, 2)})
        provider.shutdown()
    show(rows)
    written(options.json, rows)


def _steps(tracing: Tracing) -> dict[str, Callable[[], Any]]:
    message = UserMessage(to_addr="a", from_addr="b", transport_name="t", transport_type="x")

    def publish() -> tuple[bytes, ...]:
        return tracing.headers("sms.inbound", message, None)

    def handle() -> None:
        _, context = publish() or (b"", b"")
        delivery = Delivery("sms.inbound", b"1-0", b"x" * 300, trace=context)
        delivery.message, delivery.handler = message, ("echo", "inbound")
        tracing.end(tracing.begin(delivery), None)

    return {"published": publish, "published and handled": lambda: copy_context().run(handle)}


def _seconds(work: Callable[[], Any], messages: int) -> float:
    since = process_time()
    for _ in range(messages):
        work()
    return process_time() - since


if __name__ == "__main__":
    main()
