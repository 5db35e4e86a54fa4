"""Sending tasks from a program that has no reactor."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipeline.config.schemas import SystemConfig
from pipeline.errors import BrokerUnavailable, ConfigError
from pipeline.middleware.stack import MiddlewareStack
from pipeline.service.brokers import folder_of
from pipeline.service.build import chosen, load, runtime_of
from pipeline.service.tracing import tracing_of
from pipeline.tasks.client import Client
from pipeline.tasks.sender import bind_sync, unbind_sync
from pipeline.tasks.sync import Parts, SyncSender
from pipeline.worker import Runtime, Worker

__all__ = ["SyncConnected", "connect_sync"]


class SyncConnected:
    """A program's connection to a namespace; made by :func:`connect_sync`. A context manager, too.

    :ivar sender: the :class:`pipeline.tasks.sync.SyncSender`.
    """

    def __init__(self, sender: SyncSender) -> None:
        self.sender = sender
        bind_sync(sender)

    def close(self) -> None:
        """Let go."""
        unbind_sync(self.sender)
        self.sender.close()

    def __enter__(self) -> SyncConnected:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()


def connect_sync(
    config: str | os.PathLike[str] | SystemConfig,
    *,
    sends_as: str | None = None,
    timeout: float = 5.0,
) -> SyncConnected:
    """Send tasks to a namespace from a program that has no reactor.

    ::

        pipeline.connect_sync("shop.yaml")
        handle = greet.send_sync("Ada")
        print(handle.result_sync(timeout=5))

    Nothing is connected before the first call. Needs redis-py: ``pip install 'txpipeline[sync]'``.

    :param config: the system's YAML file, of which the workers are left alone, or its settings.
    :param sends_as: the name of one of the workers: calls and results pass its middleware, as if
        it sent them; None: they pass none. Middleware that waits for anything but the store is a
        ConfigError.
    :param timeout: seconds that the server may take for each call; then it fails.
    :return: what may be closed in the end.
    :raises ConfigError: the configuration is wrong, has no such worker, or names a server that
        no other process can reach.
    """
    system = config if isinstance(config, SystemConfig) else load(config)
    if sends_as is not None:
        chosen(system, [sends_as])
    _check(system)
    return SyncConnected(SyncSender(lambda: _made(system, sends_as, timeout)))


def _check(system: SystemConfig) -> None:
    from pipeline.brokers.redis.address import Address

    if system.redis.lower() in ("memory://", "embedded://"):
        raise ConfigError(
            f"redis: {system.redis} lives in the process that runs it: nothing can be sent to it",
            hint="embedded://FOLDER lets others in",
        )
    if not system.redis.lower().startswith("embedded://"):
        Address.parse(system.redis)


def _made(system: SystemConfig, sends_as: str | None, timeout: float) -> Parts:
    from pipeline.brokers.blocking import BlockingBroker

    broker = BlockingBroker(
        _address(system),
        namespace=system.namespace,
        partitions=system.partitions,
        timeout=timeout,
    )
    runtime = runtime_of(system, broker, broker.clock, tracing=tracing_of(system))
    return Parts(broker, Client(runtime, _stack_of(system, sends_as, runtime)))


def _address(system: SystemConfig) -> Any:
    from pipeline.brokers.redis.address import Address

    scheme, _, rest = system.redis.partition("://")
    if scheme.lower() != "embedded":
        return Address.parse(system.redis)
    folder = folder_of(system, unquote(rest))
    try:
        path = Path(folder or "", "socket.path").read_text(encoding="utf-8")
    except OSError:
        what = f"the embedded server in {folder} does not run: start the system first"
        raise BrokerUnavailable(what) from None
    return Address("unix", path=path)


def _stack_of(system: SystemConfig, sends_as: str | None, runtime: Runtime) -> MiddlewareStack:
    """The middleware of a worker, set up for a program that isn't it."""
    if sends_as is None:
        return MiddlewareStack()
    [spec] = chosen(system, [sends_as])
    worker = Worker(spec.name, spec.config, runtime)
    setting_up = Deferred.fromCoroutine(worker.setup_middleware())
    if not setting_up.called:
        setting_up.addErrback(lambda _: None)
        setting_up.cancel()
        raise ConfigError(f"middleware of worker {sends_as!r} waits for something in its set-up")
    result = setting_up.result
    if isinstance(result, Failure):
        setting_up.addErrback(lambda _: None)
        result.raiseException()
    return MiddlewareStack(worker.middlewares)
