"""The broker that a configuration asks for, and the server it may bring along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from twisted.internet.defer import Deferred, TimeoutError

from pipeline.config.schemas import SystemConfig
from pipeline.errors import BrokerUnavailable
from pipeline.service.private import PrivateServer
from pipeline.service.running import Part

__all__ = ["Connection", "connection", "folder_of"]


#: Seconds to reach the server at the start; then it is better to say so and end.
PATIENCE = 10.0


class Connection:
    """A broker to be, with what is started and stopped for it.

    :param make: makes the broker; called when the parts before it have started.
    :param clock: the reactor.
    :param server: the server that is started first; None when there is one already.
    """

    def __init__(self, make: Callable[[], Any], clock: Any, server: Part | None = None) -> None:
        self._make = make
        self._clock = clock
        self._broker: Any = None
        #: Seconds to reach the server.
        self.patience = PATIENCE
        itself = Part(
            "the broker", self._start, lambda deadline: self._stop(), trouble=self._trouble
        )
        #: In the order of their start.
        self.parts = (itself,) if server is None else (server, itself)

    @property
    def broker(self) -> Any:
        """The :class:`pipeline.interfaces.IBroker`; made when it is first asked for."""
        if self._broker is None:
            self._broker = self._make()
        return self._broker

    async def _start(self) -> None:
        starting: Deferred[Any] = self.broker.start()
        starting.addTimeout(self.patience, self._clock)
        try:
            await starting
        except TimeoutError:
            raise BrokerUnavailable(
                f"no connection within {self.patience:g} s: {self.broker.problem}"
            ) from None

    def _trouble(self) -> str | None:
        return None if self._broker is None else self._broker.problem

    async def _stop(self) -> None:
        if self._broker is not None:
            await self._broker.stop()


def connection(
    config: SystemConfig, reactor: Any, name: str = "", workers: Sequence[str] = ()
) -> Connection:
    """Prepare the connection to a configuration's ``redis:``; nothing is started.

    :param reactor: also the clock of the memory broker.
    :param name: who we are to the server, for people who look there.
    :param workers: the names of the workers that this process runs, for who looks.
    :raises ConfigError: the URL is wrong.
    """
    scheme, _, rest = config.redis.partition("://")
    if scheme.lower() == "memory":
        return Connection(lambda: _memory_broker(config, reactor, workers), reactor)
    if scheme.lower() == "embedded":
        return _embedded(config, reactor, unquote(rest), name, workers)
    return _redis(config, reactor, name, workers)


def _memory_broker(config: SystemConfig, reactor: Any, workers: Sequence[str]) -> Any:
    from pipeline.brokers.memory import MemoryBroker

    return MemoryBroker(
        reactor,
        namespace=config.namespace,
        partitions=config.partitions,
        workers=workers,
        dead_after=config.dead_after,
        dead_letter_retention=config.dead_letter_retention,
    )


def _redis(config: SystemConfig, reactor: Any, *told: Any) -> Connection:
    from pipeline.brokers.redis.address import Address

    address = Address.parse(config.redis)
    return Connection(lambda: _redis_broker(address, config, reactor, *told), reactor)


def _embedded(config: SystemConfig, reactor: Any, folder: str, *told: Any) -> Connection:
    from pipeline.brokers.embedded import EmbeddedServer

    server = EmbeddedServer(folder_of(config, folder), reactor=reactor)
    made = Connection(
        lambda: _redis_broker(server.address, config, reactor, *told),
        reactor,
        PrivateServer(server, lambda: bool(made.broker.available), reactor).part,
    )
    return made


def folder_of(config: SystemConfig, folder: str) -> str | None:
    """Where the data is: what is relative, is so to the configuration file's folder, since all
    processes of a system must mean the same."""
    if not folder:
        return None
    return str((config.folder or Path.cwd()) / Path(folder).expanduser())


def _redis_broker(
    address: Any, config: SystemConfig, reactor: Any, name: str, workers: Sequence[str]
) -> Any:
    from pipeline.brokers.redis.broker import RedisBroker

    return RedisBroker(
        address,
        reactor,
        namespace=config.namespace,
        partitions=config.partitions,
        dead_after=config.dead_after,
        dead_letter_retention=config.dead_letter_retention,
        name=name,
        workers=workers,
    )
