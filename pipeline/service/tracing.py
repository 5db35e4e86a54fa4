"""Tracing as a configuration asks for it; without, nothing of OpenTelemetry is imported."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.config.schemas import SystemConfig
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.observe.tracing import Tracing

__all__ = ["check_tracing", "tracing_of"]


def check_tracing(config: SystemConfig) -> None:
    """See whether what tracing needs is installed.

    :raise ConfigError: it is asked for, and isn't.
    """
    if config.tracing and (find_spec("opentelemetry") is None or find_spec(_SDK) is None):
        raise ConfigError(
            "tracing: OpenTelemetry isn't installed", hint="pip install 'txpipeline[tracing]'"
        )


_SDK = "opentelemetry.sdk"


def tracing_of(config: SystemConfig) -> Tracing | None:
    """What begins and ends spans in this process; None when the configuration wants none.

    From now on lines of the log have the ids of their trace, and tasks in processes are in it.

    :raise ConfigError: OpenTelemetry, or an exporter that is asked for, isn't installed.
    """
    if not config.tracing:
        return None
    check_tracing(config)
    from pipeline.observe.carrying import Carried, carry
    from pipeline.observe.exporting import set_up
    from pipeline.observe.logs.facts import correlate
    from pipeline.observe.tracing import Tracing

    set_up(config.namespace)
    made = Tracing()
    correlate(made.ids)
    carry(lambda: Carried(config.namespace, made.carried()))
    return made
