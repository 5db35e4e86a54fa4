"""A look into a namespace from outside of its workers, for as long as it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pipeline.config.schemas import SystemConfig
from pipeline.errors import ConfigError
from pipeline.service.brokers import PATIENCE, connection

__all__ = ["visiting"]

#: Seconds that each part gets to stop.
STOP = 5.0


@asynccontextmanager
async def visiting(
    config: SystemConfig, reactor: Any, name: str, patience: float = PATIENCE
) -> AsyncIterator[Any]:
    """A namespace's broker, started; a private server that doesn't run is run meanwhile.

    :param config: the configuration; its workers are left alone.
    :param reactor: the reactor.
    :param name: who we are to the server, for people who look there.
    :param patience: seconds to reach the server.
    :return: an :class:`pipeline.interfaces.IBroker`.
    :raises ConfigError: what the namespace holds ends with its process, so that none can look in.
    :raises BrokerError: there is no server, or it refuses us.
    """
    if config.redis.lower() in ("memory://", "embedded://"):
        raise ConfigError(
            f"redis: {config.redis} lives and ends with its process: there is nothing to be seen"
            " from outside",
            hint="embedded://FOLDER keeps its data, and lets others in",
        )
    connected = connection(config, reactor, name)
    connected.patience = patience
    started = []
    try:
        for part in connected.parts:
            started.append(part)
            await part.start()
        yield connected.broker
    finally:
        for part in reversed(started):
            await part.stop(STOP)
