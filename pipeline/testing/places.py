"""Where the workers of a test live: in memory on a clock, or over a real server."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from pipeline.brokers.memory import MemoryBroker, MemoryServer
from pipeline.brokers.redis.address import Address
from pipeline.codec import Codec
from pipeline.testing.mishaps import Mishaps
from pipeline.testing.server import shared_server, unique_namespace
from pipeline.testing.times import ManualTime, RealTime, Soon
from pipeline.testing.traffic import Traffic
from pipeline.worker import Runtime, Worker

__all__ = ["InMemory", "OnServer", "Place"]


class Place:
    """One namespace with all that is in it. Several helpers may share it.

    :param time: how time passes there.
    :param codec: how messages are written.
    :param options: of every broker, as ``partitions=2``.
    :ivar workers: the workers that were made here and not stopped yet.
    :ivar traffic: what goes over the queues.
    :ivar mishaps: what handlers raised, and what was logged.
    """

    def __init__(
        self, time: ManualTime | RealTime, codec: Codec | None = None, **options: Any
    ) -> None:
        self.time = time
        self.clock = time.clock
        self.codec = codec or Codec()
        self.workers: list[Worker] = []
        self.traffic = Traffic(self)
        self.mishaps = Mishaps(self)
        self._options = options
        self._brokers: list[Any] = []
        self._users: list[Any] = []

    @property
    def is_manual(self) -> bool:
        """Whether time stands still until the test turns the clock."""
        return isinstance(self.time, ManualTime)

    @property
    def namespace(self) -> str:
        """The namespace of everything here."""
        raise NotImplementedError

    def _make_broker(self, **options: Any) -> Any:
        raise NotImplementedError

    async def runtime(self, **options: Any) -> Runtime:
        """What the workers of one more process share, on a broker of its own that is started.

        :param options: of the broker, over those of the place.
        """
        broker = self._make_broker(**{**self._options, **options})
        self._brokers.append(broker)
        await broker.start()
        return Runtime(broker, self.codec, self.clock, self.namespace)

    def soon(self, work: Any, **what: Any) -> Soon[Any]:
        """What a coroutine gives, to be had as the time of this place allows."""
        return Soon(work, self.time, **what)

    def owner_of(self, connector: Any) -> Worker | None:
        """The worker of this place that has a connector, if any has."""
        for worker in self.workers:
            if worker.connectors.get(connector.name) is connector:
                return worker
        return None

    def enter(self, user: Any) -> None:
        """A helper works here."""
        if not self._users:
            self.traffic.open()
            self.mishaps.open()
        self._users.append(user)

    async def leave(self, user: Any) -> None:
        """A helper is done; the last one takes the place apart."""
        if user in self._users:
            self._users.remove(user)
        if self._users:
            return
        await self.traffic.close()
        self.mishaps.close()
        while self._brokers:
            await self._brokers.pop().stop()


class InMemory(Place):
    """Brokers in memory that share their data, as processes share a server.

    :param clock: a Clock that the test turns; None: a new one. Or the reactor, for what needs
        threads or sockets: then time passes by itself.
    :param codec: how messages are written.
    :param options: of every :class:`~pipeline.brokers.memory.MemoryBroker`.
    """

    def __init__(self, clock: Any = None, codec: Codec | None = None, **options: Any) -> None:
        by_hand = clock is None or isinstance(clock, Clock)
        super().__init__(ManualTime(clock) if by_hand else RealTime(clock), codec, **options)
        #: What the brokers share.
        self.server = MemoryServer(self.clock)

    @property
    def namespace(self) -> str:
        """The namespace of everything here."""
        return "memory"

    def _make_broker(self, **options: Any) -> MemoryBroker:
        given = {"namespace": self.namespace, "server": self.server, **options}
        return MemoryBroker(self.clock, **given)


class OnServer(Place):
    """A namespace of its own on a real server; needs the reactor to run, as trial has it do.

    :param address: the server's; None: one that all tests of the process share.
    :param codec: how messages are written.
    :param options: of every :class:`~pipeline.brokers.redis.broker.RedisBroker`.
    """

    def __init__(
        self, address: Address | None = None, codec: Codec | None = None, **options: Any
    ) -> None:
        from twisted.internet import reactor

        super().__init__(RealTime(reactor), codec, **options)
        self._address = address or shared_server()
        self._namespace = unique_namespace()

    @property
    def namespace(self) -> str:
        """The namespace of everything here."""
        return self._namespace

    def _make_broker(self, **options: Any) -> Any:
        from pipeline.brokers.redis.broker import RedisBroker

        given = {"namespace": self._namespace, **options}
        return RedisBroker(self._address, self.clock, **given)
