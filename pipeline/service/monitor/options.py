"""The options of ``monitor:``, which hold for a whole namespace."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from pipeline.config.base import Config, ConfigSection
from pipeline.config.endpoints import ConfigServerEndpoint, ServerDescription
from pipeline.config.fields import ConfigBool
from pipeline.config.numbers import ConfigInt
from pipeline.config.problems import Problems
from pipeline.config.quantities import ConfigDuration
from pipeline.config.schemas import SystemConfig
from pipeline.errors import ConfigError
from pipeline.transports.authentication import AuthenticationConfig
from pipeline.transports.listening import Listening
from pipeline.transports.tls import TlsConfig

__all__ = ["MonitorConfig", "own_options", "private_options"]


class MonitorConfig(Config):
    """Where a process tells about itself, and to whom."""

    listen = ConfigServerEndpoint(
        "Where /live, /ready and /metrics are answered, for this machine only unless it says"
        " otherwise, as `tcp:9100` or `tcp:9100:interface=10.0.0.5`.",
        required=True,
    )
    metrics = ConfigBool(
        "Count and time what workers do, and tell it at /metrics; needs the extra `metrics`.",
        default=True,
    )
    sample = ConfigInt(
        "Of so many messages one is timed in each middleware and handler.",
        default=100,
        minimum=1,
    )
    depths = ConfigDuration(
        "How often to ask the server how much is in the queues that are read here; 0: never.",
        default=0.0,
    )
    authentication = ConfigSection("Who may ask; anybody by default.", AuthenticationConfig)
    tls = ConfigSection("The certificate; without one there is no TLS.", TlsConfig)

    def post_validate(self) -> None:
        """:raises ConfigError: the endpoint can't be listened on."""
        try:
            self.listening()
        except ConfigError as error:
            self.raise_config_error(f"listen: {error}", "listen")
        if self.metrics and find_spec("prometheus_client") is None:
            self.raise_config_error(
                "metrics: prometheus-client is not there: install txpipeline[metrics], or say"
                " metrics: false"
            )

    def listening(self) -> Listening:
        """Where to listen."""
        assert isinstance(self.listen, ServerDescription)
        return Listening(self.listen, tls=self.tls)


def own_options(config: SystemConfig) -> MonitorConfig | None:
    """What a configuration says of ``monitor:``; None: nothing.

    :raise ConfigError: an option is wrong, or unknown, said with its position.
    """
    if config.monitor is None:
        return None
    problems = Problems()
    problems.add(*MonitorConfig.unknown_keys(config.monitor))
    made = None
    with problems.collecting():
        made = MonitorConfig(config.monitor)
    problems.raise_any()
    return made


def private_options(own: MonitorConfig | None, place: str) -> MonitorConfig:
    """The options of a process whose supervisor answers for all.

    It listens at a place that only its supervisor knows: nobody has to say who they are there.
    Without ``monitor:`` it tells its health only.

    :param own: what the configuration says.
    :param place: where, as of the environment variable ``PIPELINE_MONITOR``.
    :raise ConfigError: the place is none.
    """
    told: dict[str, Any] = {"metrics": False} if own is None else dict(own._data)
    kept = {key: value for key, value in told.items() if key not in ("authentication", "tls")}
    try:
        return MonitorConfig({**kept, "listen": place})
    except ConfigError as error:
        raise ConfigError(error.what, at="PIPELINE_MONITOR", hint=error.hint) from None
