"""Sending calls of tasks from a program that is no worker."""

from __future__ import annotations

import os
from typing import Any

from pipeline.config.schemas import SystemConfig
from pipeline.service.brokers import Connection, connection
from pipeline.service.build import load, runtime_of
from pipeline.tasks.client import Client
from pipeline.tasks.sender import bind, unbind

__all__ = ["Connected", "connect"]


class Connected:
    """A program's connection to a namespace; made by :func:`connect`.

    While it is open, ``await some_task.send(..)`` sends there. An async context manager too.

    :ivar client: the :class:`pipeline.tasks.client.Client`.
    :ivar broker: the :class:`pipeline.interfaces.IBroker`.
    """

    def __init__(self, connected: Connection, client: Client) -> None:
        self.client = client
        self.broker = connected.broker
        self._parts = connected.parts
        bind(client)

    async def close(self) -> None:
        """Send what waits to be sent, and let go."""
        unbind(self.client)
        await self.client.stop()
        for part in reversed(self._parts):
            await part.stop(5.0)

    async def __aenter__(self) -> Connected:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.close()


async def connect(config: str | os.PathLike[str] | SystemConfig, reactor: Any = None) -> Connected:
    """Send tasks to a namespace from a program that is no worker.

    ::

        async with await pipeline.connect("shop.yaml"):
            handle = await greet.send("Ada")
            print(await handle.result(timeout=5))

    :param config: the system's YAML file, of which the workers are left alone, or its settings.
    :param reactor: the reactor; None for the one that is installed.
    :return: what to close in the end.
    :raises ConfigError: the configuration is wrong.
    :raises BrokerError: there is no server, or it refuses us.
    """
    if reactor is None:
        from twisted.internet import reactor as installed

        reactor = installed
    system = config if isinstance(config, SystemConfig) else load(config)
    connected = connection(system, reactor, "client")
    started = []
    try:
        for part in connected.parts:
            await part.start()
            started.append(part)
    except BaseException:
        for part in reversed(started):
            await part.stop(0)
        raise
    return Connected(connected, Client(runtime_of(system, connected.broker, reactor)))
