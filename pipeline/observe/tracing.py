"""Spans of OpenTelemetry around messages, whose context travels beside them.

Imported only where tracing is on. Names and attributes follow OpenTelemetry's semantic conventions
for messaging (1.36); what these don't know begins with ``pipeline.``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opentelemetry import context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from twisted.python.failure import Failure

from pipeline.delivery import Delivery
from pipeline.errors import RetryLater
from pipeline.masking import masked
from pipeline.outcome import DeadLetter, Dropped, Retry

__all__ = ["LONGEST", "Tracing"]

#: The longest context that travels, and that is read, in bytes.
LONGEST = 8192
#: The longest texts of an error in a span, in characters; of a traceback the end is kept.
LONGEST_TEXT, LONGEST_TRACEBACK = 4096, 16_384

_W3C = TraceContextTextMapPropagator()
_OUTCOMES: dict[type, str] = {Retry: "retried", DeadLetter: "dead_lettered", Dropped: "dropped"}


class Tracing:
    """Begins and ends the spans of one process.

    :param provider: makes the tracer; None for the one that is set for the whole process.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("pipeline", tracer_provider=provider)

    # Publishing --------------------------------------------------------------------------------

    def headers(self, queue: str, message: Any, delivery: Delivery | None) -> tuple[bytes, ...]:
        """The headers of a message that is published, whose context is that of its own span.

        The span's parent is the one that is current; where none is, as in a callback, what the
        delivery in hand came with.
        """
        parent = context.get_current()
        if delivery is not None and not trace.get_current_span(parent).get_span_context().is_valid:
            parent = _context_in(delivery.trace)
        task, place = _task(message), _place(queue)
        span = self._tracer.start_span(
            f"send {task}" if task else f"publish {place}",
            parent,
            SpanKind.PRODUCER,
            _attributes("send", "publish", place, message, task),
        )
        said = _said(trace.set_span_in_context(span, parent))
        span.end()
        return (b"c", said) if said else ()

    def carried(self) -> bytes:
        """The context of what runs now, as it travels."""
        return _said(context.get_current())

    def enter(self, said: bytes) -> None:
        """Let the context that came be the current one, as :meth:`join` does."""
        context.attach(_context_in(said))

    def join(self, traceparent: str, tracestate: str) -> None:
        """Let what is published from now on be in the trace of a request, as W3C's headers say it.

        It is for a coroutine that has a context of its own, in which nothing must be put back.
        Baggage is not taken: that would travel on with every message.

        :param traceparent: empty, or nonsense: a trace begins here.
        """
        carrier = {"traceparent": traceparent, "tracestate": tracestate}
        context.attach(_W3C.extract(carrier, context.get_current()))

    # Handling ----------------------------------------------------------------------------------

    def begin(self, delivery: Delivery) -> Span:
        """A span for the handling of a delivery, which is current from now on.

        It is for a coroutine that has a context of its own, in which nothing must be put back.
        """
        parent = _context_in(delivery.trace)
        message, place = delivery.message, _place(delivery.queue)
        task = _task(message)
        attributes = _attributes("process", "process", place, message, task)
        attributes["messaging.message.body.size"] = len(delivery.payload)
        attributes["pipeline.attempt"] = delivery.attempt
        attributes["pipeline.partition"] = delivery.partition
        if delivery.deaths:
            attributes["pipeline.deaths"] = delivery.deaths
        if delivery.handler is not None:
            attributes["pipeline.worker"], attributes["pipeline.kind"] = delivery.handler
        span = self._tracer.start_span(
            task or f"process {place}", parent, SpanKind.CONSUMER, attributes
        )
        context.attach(trace.set_span_in_context(span, parent))
        return span

    def end(self, span: Span, outcome: Any, *, is_handed_back: bool = False) -> None:
        """The handling is over.

        :param outcome: what was decided; None for Done.
        :param is_handed_back: it goes to another worker, without an outcome.
        """
        if span.is_recording():
            name = "handed_back" if is_handed_back else _OUTCOMES.get(type(outcome), "done")
            span.set_attribute("pipeline.outcome", name)
            error = getattr(outcome, "error", None)
            if isinstance(error, BaseException) and not isinstance(error, RetryLater):
                _tell(span, error)
            elif isinstance(outcome, DeadLetter):
                span.set_status(Status(StatusCode.ERROR, outcome.reason))
        span.end()

    def broken(self, span: Span, error: BaseException) -> None:
        """The handling has ended in an error of the framework, or was given up."""
        _tell(span, error)
        span.end()

    # Besides -----------------------------------------------------------------------------------

    def ids(self) -> Mapping[str, str]:
        """Where what is logged now belongs: ``trace_id`` and ``span_id``, as W3C writes them."""
        found = trace.get_current_span().get_span_context()
        if not found.is_valid:
            return {}
        return {
            "trace_id": trace.format_trace_id(found.trace_id),
            "span_id": trace.format_span_id(found.span_id),
        }


def _said(where: Context) -> bytes:
    """A context as it travels; b"" if there is none, or too much of it."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier, where)
    said = json.dumps(carrier, separators=(",", ":")).encode()
    return said if carrier and len(said) <= LONGEST else b""


def _context_in(said: bytes) -> Context:
    """The context that came with a message; an empty one if none did that can be read."""
    if not said or len(said) > LONGEST:
        return Context()
    try:
        carrier = json.loads(said)
    except ValueError:
        return Context()
    if not isinstance(carrier, dict):
        return Context()
    texts = {name: value for name, value in carrier.items() if isinstance(value, str)}
    return propagate.extract(texts, Context())


def _attributes(kind: str, name: str, place: str, message: Any, task: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "messaging.system": "redis",
        "messaging.operation.type": kind,
        "messaging.operation.name": name,
        "messaging.destination.name": place,
    }
    message_id = getattr(message, "message_id", None)
    if isinstance(message_id, str):
        found["messaging.message.id"] = message_id
    if task:
        found["pipeline.task"] = task
    return found


def _task(message: Any) -> str:
    task = getattr(message, "task", None)
    return task if isinstance(task, str) else ""


def _place(queue: str) -> str:
    """The queue; an instance's is its connector's, else there were names without number."""
    return queue.partition("@")[0]


def _tell(span: Span, error: BaseException) -> None:
    text = masked(str(error))[:LONGEST_TEXT]
    remote = getattr(error, "remote_traceback", "")  # of a task in another process
    traceback = masked(remote or Failure(error).getTraceback())[-LONGEST_TRACEBACK:]
    kind = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    span.add_event(
        "exception",
        {"exception.type": kind, "exception.message": text, "exception.stacktrace": traceback},
    )
    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR, text))
