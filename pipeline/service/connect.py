"""Sending calls of tasks from a program that is no worker."""

from __future__ import annotations

import os
from typing import Any

from pipeline.config.schemas import SystemConfig
from pipeline.middleware.stack import MiddlewareStack
from pipeline.service.brokers import Connection, connection
from pipeline.service.build import chosen, load, runtime_of
from pipeline.service.tracing import tracing_of
from pipeline.tasks.client import Client
from pipeline.tasks.sender import bind, unbind
from pipeline.worker import Runtime, Worker

__all__ = ["Connected", "connect"]


class Connected:
    """A program's connection to a namespace; made by :func:`connect`.

    While it is open, ``await some_task.send(..)`` sends there. An async context manager too.

    :ivar client: the :class:`pipeline.tasks.client.Client`.
    :ivar broker: the :class:`pipeline.interfaces.IBroker`.
    """

    def __init__(
        self, connected: Connection, client: Client, stack: MiddlewareStack | None = None
    ) -> None:
        self.client = client
        self._stack = MiddlewareStack() if stack is None else stack
        self.broker = connected.broker
        self._parts = connected.parts
        bind(client)

    async def close(self) -> None:
        """Send what waits to be sent, and let go."""
        unbind(self.client)
        await self.client.stop()
        await self._stack.teardown()
        for part in reversed(self._parts):
            await part.stop(5.0)

    async def __aenter__(self) -> Connected:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.close()


async def connect(
    config: str | os.PathLike[str] | SystemConfig,
    reactor: Any = None,
    *,
    sends_as: str | None = None,
) -> Connected:
    """Send tasks to a namespace from a program that is no worker.

    ::

        async with await pipeline.connect("shop.yaml"):
            handle = await greet.send("Ada")
            print(await handle.result(timeout=5))

    :param config: the system's YAML file, of which the workers are left alone, or its settings.
    :param reactor: the reactor; None for the one that is installed.
    :param sends_as: the name of one of the workers: calls and results pass its middleware, as if
        it sent them, so that they are signed and encrypted alike; None: they pass none.
    :return: what to close in the end.
    :raises ConfigError: the configuration is wrong, or has no such worker.
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
        runtime = runtime_of(system, connected.broker, reactor, tracing=tracing_of(system))
        stack = await _stack_of(system, sends_as, runtime)
    except BaseException:
        for part in reversed(started):
            await part.stop(0)
        raise
    return Connected(connected, Client(runtime, stack), stack)


async def _stack_of(
    system: SystemConfig, sends_as: str | None, runtime: Runtime
) -> MiddlewareStack:
    """The middleware of a worker, set up for a program that isn't it."""
    if sends_as is None:
        return MiddlewareStack()
    [spec] = chosen(system, [sends_as])
    worker = Worker(spec.name, spec.config, runtime)
    await worker.setup_middleware()
    return MiddlewareStack(worker.middlewares)
