"""``/metrics``: what was counted, and what can be seen when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.connector.measured import plain_queue
from pipeline.observe.aggregate import CONTENT_TYPE
from pipeline.observe.exposition import Reading, exposition
from pipeline.observe.meter import MOST, OTHER, Meter
from pipeline.service.monitor.depths import Depths
from pipeline.service.monitor.health import Health
from pipeline.service.monitor.lag import Lag
from pipeline.service.monitor.task_counts import TaskCounts
from pipeline.service.running import System
from pipeline.signals import connection_lost, connection_made
from pipeline.transports.answers import Page
from pipeline.transports.base import Transport

__all__ = ["Metrics", "metrics_page"]


class Metrics:
    """What a process tells to Prometheus.

    :param meter: what its workers count with.
    :param system: the workers.
    :param health: how they are.
    :param broker: gives the broker, once that has been started.
    :param clock: the reactor.
    :param depths: seconds between two looks at the queues; 0: there are none.
    """

    def __init__(
        self,
        meter: Meter,
        system: System,
        health: Health,
        broker: Callable[[], Any],
        clock: Any,
        depths: float = 0.0,
    ) -> None:
        self._meter = meter
        self._system = system
        self._health = health
        self._broker = broker
        self._clock = clock
        self._lag = Lag(clock, meter.histogram("pipeline_reactor_lag_seconds"))
        self._tasks = TaskCounts(meter)
        self._depths = Depths(system, broker, depths, clock)
        self._made = meter.counter("pipeline_broker_connections")
        self._lost = meter.counter("pipeline_broker_connections_lost")
        self._info = (system.namespace, _version())

    def start(self) -> None:
        """Count from now on."""
        self._lag.start()
        self._tasks.open()
        self._depths.start()
        connection_made.connect(self._count_made)
        connection_lost.connect(self._count_lost)

    def stop(self) -> None:
        """Count no more."""
        self._lag.stop()
        self._tasks.close()
        self._depths.stop()
        connection_made.disconnect(self._count_made)
        connection_lost.disconnect(self._count_lost)

    def page(self) -> Page:
        """All of it, in Prometheus' text format."""
        return metrics_page(exposition(self._meter, self._readings))

    def _count_made(self, **kwargs: Any) -> None:
        self._made.value += 1

    def _count_lost(self, **kwargs: Any) -> None:
        self._lost.value += 1

    # What can be seen now ----------------------------------------------------------------------

    def _readings(self) -> Iterator[Reading]:
        yield Reading("pipeline_build_info", self._info, 1)
        seen = self._health.look()
        yield Reading("pipeline_ready", (), not seen.unready)
        yield Reading("pipeline_live", (), not seen.live)
        if not self._system.unready:
            broker = self._broker()
            yield Reading("pipeline_broker_up", (), broker.available)
            yield Reading("pipeline_beat_silence_seconds", (), broker.silence)
        yield from self._depths.readings()
        for name, worker in self._system.workers.items():
            for connector in worker.connectors.values():
                yield from self._of_connector(name, connector)
            if isinstance(worker, Transport):
                yield from _of_transport(name, worker)

    def _of_connector(self, worker: str, connector: Any) -> Iterator[Reading]:
        labels = (worker, connector.name)
        yield Reading("pipeline_in_flight", labels, connector.in_hand)
        yield Reading("pipeline_in_flight_limit", labels, connector.max_in_flight)
        yield Reading("pipeline_messages_shed", labels, connector.shed)
        silences: dict[str, float] = {}
        for progress in connector.progress():
            queue, since = plain_queue(progress.queue), progress.waiting_since
            silence = 0.0 if since is None else max(0.0, self._clock.seconds() - since)
            silences[queue] = max(silence, silences.get(queue, 0.0))
        for queue, silence in silences.items():
            yield Reading("pipeline_read_silence_seconds", (worker, queue), silence)


def metrics_page(text: bytes) -> Page:
    """An answer of this text."""
    headers = (
        ("Content-Type", CONTENT_TYPE),
        ("Content-Length", str(len(text))),
        ("Cache-Control", "no-store"),
    )
    return Page(200, text, headers)


def _of_transport(worker: str, transport: Transport) -> Iterator[Reading]:
    statistics = transport.statistics
    for event, count in list(statistics.counts.items())[:MOST]:
        yield Reading("pipeline_transport_events", (worker, event), count)
    for state, value in list(statistics.gauges.items())[:MOST]:
        yield Reading("pipeline_transport_state", (worker, state), value)


def _version() -> str:
    try:
        return version("txpipeline")
    except PackageNotFoundError:
        return OTHER
