"""Everything that is counted or measured: its name, its kind, its labels, and what it means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["CATALOGUE", "Measure", "table"]

#: Bounds in seconds: of what may wait for long, and of what should not take any time.
LONG = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
SHORT = (0.00001, 0.000025, 0.0001, 0.00025, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0)


class Measure(NamedTuple):
    """One of them.

    :param name: without the ``_total`` of a counter.
    :param labels: their names, in order.
    :param doc: what it is, in a sentence.
    :param bounds: of a histogram's buckets, in seconds; none for others.
    """

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    doc: str
    bounds: tuple[float, ...] = ()

    @property
    def shown(self) -> str:
        """Its name as Prometheus has it."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


_QUEUE = ("worker", "queue", "kind")

_ALL = (
    Measure(
        "pipeline_messages_settled",
        "counter",
        (*_QUEUE, "outcome"),
        "Messages by what became of them: done, retried, dropped or dead; or lost (settled by"
        " another worker first), conflict (handled again, since what it read had changed), refused,"
        " torn or fenced.",
    ),
    Measure(
        "pipeline_dead_letters",
        "counter",
        (*_QUEUE, "reason"),
        "Messages that became dead letters here, by the reason that the letter has.",
    ),
    Measure(
        "pipeline_messages_published",
        "counter",
        ("worker", "queue"),
        "Messages that a connector has put on a queue: from the edge, or with the message in hand"
        " when that was settled. Retries and dead letters don't count.",
    ),
    Measure(
        "pipeline_tasks",
        "counter",
        ("worker", "task", "end"),
        "Calls of tasks by how they ended: finished, failed or cancelled; or retried, which is no"
        " end yet. A task that nobody has is `other`.",
    ),
    Measure(
        "pipeline_messages_shed",
        "counter",
        ("worker", "connector"),
        "Messages that were thrown away since their queue was full.",
    ),
    Measure(
        "pipeline_wait_seconds",
        "histogram",
        _QUEUE,
        "From when a message was put on its queue to when it was taken, at its first attempt.",
        LONG,
    ),
    Measure(
        "pipeline_latency_seconds",
        "histogram",
        _QUEUE,
        "From when a message was put on its queue to when it was settled for good.",
        LONG,
    ),
    Measure(
        "pipeline_handling_seconds",
        "histogram",
        ("worker", "connector", "kind"),
        "How long a message was handled: middleware, handler, and what they wait for. Sampled.",
        SHORT,
    ),
    Measure(
        "pipeline_middleware_seconds",
        "histogram",
        ("worker", "middleware", "direction", "kind"),
        "How long a middleware had a message, with what it waits for. Sampled.",
        SHORT,
    ),
    Measure(
        "pipeline_in_flight",
        "gauge",
        ("worker", "connector"),
        "Messages in hand.",
    ),
    Measure(
        "pipeline_in_flight_limit",
        "gauge",
        ("worker", "connector"),
        "How many messages may be handled at a time.",
    ),
    Measure(
        "pipeline_read_silence_seconds",
        "gauge",
        ("worker", "queue"),
        "For how long the server has owed an answer to a read: up to 4 s while a queue is empty, 0"
        " when no read is out.",
    ),
    Measure(
        "pipeline_queue_messages",
        "gauge",
        ("queue", "state"),
        "Messages in a queue that is read here: waiting, in_hand, delayed or dead, in all processes"
        " together. Only with the option `depths`.",
    ),
    Measure("pipeline_broker_up", "gauge", (), "1 while there is a connection to the server."),
    Measure(
        "pipeline_broker_connections",
        "counter",
        (),
        "How often the connection to the server was made: once, and again after each loss.",
    ),
    Measure(
        "pipeline_broker_connections_lost",
        "counter",
        (),
        "How often the connection to the server was lost.",
    ),
    Measure(
        "pipeline_beat_silence_seconds",
        "gauge",
        (),
        "Seconds since the server took a heartbeat; after dead_after others take us for dead.",
    ),
    Measure(
        "pipeline_reactor_lag_seconds",
        "histogram",
        (),
        "By how much the reactor was late, looked at five times a second.",
        SHORT,
    ),
    Measure("pipeline_ready", "gauge", (), "1 while /ready says 200."),
    Measure("pipeline_live", "gauge", (), "1 while /live says 200."),
    Measure(
        "pipeline_transport_events",
        "counter",
        ("worker", "event"),
        "What a transport counts, as connections, refused or messages_in; see its page.",
    ),
    Measure(
        "pipeline_transport_state",
        "gauge",
        ("worker", "state"),
        "What a transport has now, as connections_open; see its page.",
    ),
    Measure(
        "pipeline_build_info",
        "gauge",
        ("namespace", "version"),
        "Always 1; its labels say what runs.",
    ),
)

#: By name.
CATALOGUE = {measure.name: measure for measure in _ALL}


def table() -> Iterator[str]:
    """The rows of a Markdown table of them."""
    yield "| Name | Type | Labels | |"
    yield "| --- | --- | --- | --- |"
    for measure in _ALL:
        labels = ", ".join(f"`{label}`" for label in measure.labels)
        yield f"| `{measure.shown}` | {measure.kind} | {labels} | {measure.doc} |"
