"""The monitor of a process: what looks at it, and who is told."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorThreads

from pipeline.config.schemas import SystemConfig
from pipeline.observe.meter import Meter
from pipeline.service.brokers import Connection
from pipeline.service.monitor.health import Health
from pipeline.service.monitor.notify import Notifier, Systemd
from pipeline.service.running import Part, System

if TYPE_CHECKING:
    from pipeline.service.monitor.endpoint import Endpoint, MakePage
    from pipeline.service.monitor.metrics import Metrics
    from pipeline.service.monitor.options import MonitorConfig
    from pipeline.transports.answers import Page

__all__ = ["PRIVATE", "Monitor", "monitor_of", "options_of"]

#: The environment variable by which a supervisor says where a process of its own is to listen.
PRIVATE = "PIPELINE_MONITOR"


class Monitor:
    """Looks at a system, and tells whoever is to know.

    :param options: where it listens; None: nowhere.
    :param notifier: the service manager's; None: there is none.
    :param config: the whole configuration.
    :param connected: gives the broker.
    :param clock: the reactor.
    """

    def __init__(
        self,
        options: MonitorConfig | None,
        notifier: Notifier | None,
        config: SystemConfig,
        connected: Connection,
        clock: Any,
    ) -> None:
        self._options = options
        self._notifier = notifier
        self._config = config
        self._connected = connected
        self._clock = clock
        self._health: Health | None = None
        self._systemd: Systemd | None = None
        #: What counts what the workers do; None: nothing does.
        self.meter = _meter(options, clock)
        self._metrics: Metrics | None = None
        #: What answers; None: nothing does.
        self.endpoint = None if options is None else self._endpoint(options)

    @property
    def health(self) -> Health:
        """How the system is that it watches."""
        assert self._health is not None, "it watches nothing yet"
        return self._health

    def around(self, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """These parts, with ours: what tells how they are is there before them, and to the end."""
        if self.endpoint is None and self._notifier is None:
            return parts
        itself = Part("the monitor", self._start, lambda deadline: self._stop(), self)
        last = Part("the notices to systemd", self._tell_ready, lambda deadline: self._tell_stop())
        return (itself, *parts) if self._notifier is None else (itself, *parts, last)

    def watch(self, system: System) -> None:
        """Look at this system from its start on."""
        self._health = Health(system, self._broker, self._clock, self._config.stuck_after)
        if self.meter is not None:
            self._metrics = self._make_metrics(self.meter, system)
        if self._notifier is not None:
            self._systemd = Systemd(self._notifier, self._health, self._clock)

    def _broker(self) -> Any:
        return self._connected.broker

    def _make_metrics(self, meter: Meter, system: System) -> Metrics:
        from pipeline.service.monitor.metrics import Metrics  # prometheus_client, optional

        depths = (self._options.depths or 0.0) if self._options is not None else 0.0
        return Metrics(meter, system, self.health, self._broker, self._clock, depths)

    def _endpoint(self, options: MonitorConfig) -> Endpoint:
        from pipeline.service.monitor.endpoint import Endpoint  # HTTP, which not everybody needs

        pages: dict[str, MakePage] = {
            "/live": lambda: self.health.live(),
            "/ready": lambda: self.health.ready(),
        }
        if self.meter is not None:
            pages["/metrics"] = self._metrics_page
        return Endpoint(options, pages, self._clock)

    def _metrics_page(self) -> Page:
        assert self._metrics is not None
        return self._metrics.page()

    async def _start(self) -> None:
        self.health.start()
        if self._metrics is not None:
            self._metrics.start()
        if self.endpoint is not None:
            await self.endpoint.start()

    async def _stop(self) -> None:
        if self._systemd is not None:
            self._systemd.end()
        self.health.stop()
        if self._metrics is not None:
            self._metrics.stop()
        if self.endpoint is not None:
            await self.endpoint.stop()

    async def _tell_ready(self) -> None:
        assert self._systemd is not None
        self._systemd.start()

    async def _tell_stop(self) -> None:
        assert self._systemd is not None
        self._systemd.stop()


def _meter(options: MonitorConfig | None, clock: Any) -> Meter | None:
    if options is None or not options.metrics:
        return None
    # The server's clock and the host's go alike; a test's clock is its own server's.
    now = time.time if IReactorThreads.providedBy(clock) else clock.seconds
    return Meter(options.sample or 1, now)


def options_of(config: SystemConfig, environment: Mapping[str, str]) -> MonitorConfig | None:
    """Where this process is to listen: as its supervisor says, if it has one, else as its
    configuration does; None: nowhere.

    :param environment: the process's variables.
    :raise ConfigError: an option is wrong.
    """
    place = environment.get(PRIVATE)
    if config.monitor is None and not place:
        return None
    from pipeline.service.monitor.options import own_options, private_options  # imports TLS

    own = own_options(config)
    return private_options(own, place) if place else own


def monitor_of(
    config: SystemConfig, connected: Connection, clock: Any, environment: Mapping[str, str]
) -> Monitor:
    """The monitor of a process, as its configuration and its environment want it.

    :raise ConfigError: an option is wrong.
    """
    notifier = Notifier.of(environment)
    return Monitor(options_of(config, environment), notifier, config, connected, clock)
