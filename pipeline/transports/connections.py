"""Who is connected here, and which process everybody else is connected to.

A reply finds its connection by itself: it comes to the queue of the instance that asked. What
answers nothing, as ``send_to``, comes to the queue that all processes of a transport share, and
whichever reads it may not be the one that the user is connected to. So each process notes in the
store which addresses are connected to it, and what is for another's is passed on to that one's own
queue.

A note is forgotten after :data:`KEPT` seconds unless it is renewed, so the notes of a process that
died don't stay.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.publishing import queue_of
from pipeline.delivery import Post, delivery_of
from pipeline.errors import BrokerError, Conflict

__all__ = ["KEPT", "Connected", "Connections"]

#: Seconds for which a note is kept without being renewed.
KEPT = 60.0

#: Seconds between two renewals.
RENEWED = KEPT / 3

#: How many notes are written in one step.
AT_ONCE = 200

#: How often a step is tried when others change the same notes.
TRIES = 3

#: Seconds that the last notes may take to be taken back.
LAST_WORDS = 2.0

#: In ``transport_metadata``: the connection that a message came over.
CONNECTION = "connection"


class Connected(Protocol):
    """A connection, as far as it matters here."""

    #: Unique in all processes, as :func:`pipeline.message.ids.random_id` makes them.
    id: str
    #: What applications call the user. Several connections may have the same.
    address: str


ConnectionT = TypeVar("ConnectionT", bound=Connected)


class Connections(Generic[ConnectionT]):
    """The connections of one process of a transport.

    :param transport: the :class:`~pipeline.transports.base.Transport`: its ``transport_name``,
        ``store``, ``broker`` and ``clock``.
    :param instance: what names this process's own queue.
    """

    log = Logger()

    def __init__(self, transport: Any, instance: str) -> None:
        self.instance = instance
        self._name: str = transport.transport_name
        self._queue = queue_of(self._name, "outbound")
        self._store = transport.store
        self._partitions: int = transport.broker.partitions
        self._clock = transport.clock
        self._by_id: dict[str, ConnectionT] = {}
        #: Of each address its connections here, the newest last.
        self._by_address: dict[str, dict[str, ConnectionT]] = {}
        self._forgetting: set[Deferred[None]] = set()
        self._renewal = LoopingCall(self._renew)
        self._renewal.clock = transport.clock

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[ConnectionT]:
        return iter(list(self._by_id.values()))

    # Life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Renew the notes from now on."""
        self._renewal.start(RENEWED, now=False)

    async def stop(self) -> None:
        """Renew no more, and wait a little until what was removed is forgotten by all."""
        if self._renewal.running:
            self._renewal.stop()
        forgotten = DeferredList(list(self._forgetting), consumeErrors=True)
        try:
            await forgotten.addTimeout(LAST_WORDS, self._clock)
        except DeferredTimeout:
            return

    # Who comes and goes ------------------------------------------------------------------------

    async def add(self, connection: ConnectionT) -> None:
        """Know a connection here, and have all processes know where its address is.

        Of several with one address the newest gets what answers nothing.

        :raise BrokerError: others could not be told; it is known here nevertheless.
        """
        self._by_id[connection.id] = connection
        self._by_address.setdefault(connection.address, {})[connection.id] = connection
        store = self._store(self._partition(connection.address))
        store.set(self._key(connection.address), self.instance, KEPT)
        await store.commit()

    def remove(self, connection: ConnectionT) -> None:
        """Forget a connection here, and in a moment everywhere; nothing happens if it isn't known.

        When the store is away its note stays until its time is over.
        """
        if self._by_id.pop(connection.id, None) is None:
            return
        same = self._by_address[connection.address]
        del same[connection.id]
        if same:
            return
        del self._by_address[connection.address]
        forgetting = Deferred.fromCoroutine(self._forget(connection.address))
        self._forgetting.add(forgetting)
        forgetting.addErrback(self._not_noted)
        forgetting.addBoth(lambda _: self._forgetting.discard(forgetting))

    # Who is where ------------------------------------------------------------------------------

    def way_back(self, connection: ConnectionT) -> dict[str, Any]:
        """The ``transport_metadata`` of what comes in over a connection, for its replies."""
        return {"reply_instance": self.instance, CONNECTION: connection.id}

    def for_message(self, message: Any) -> ConnectionT | None:
        """The connection here that an outbound message is for, if there is one.

        That which the message answers; else the newest one of its address.
        """
        asked = self._by_id.get(message.transport_metadata.get(CONNECTION) or "")
        if asked is not None:
            return asked
        same = self._by_address.get(message.to_addr or "")
        return next(reversed(same.values())) if same else None

    async def instance_of(self, address: str) -> str | None:
        """The process that an address is connected to, as far as is known."""
        noted = await self._store(self._partition(address)).peek(self._key(address))
        return None if noted is None else noted.decode()

    async def pass_on(self, message: Any) -> bool:
        """Have the message that is in hand handled by the process that its address is connected to.

        It is passed on as it came. What middleware and handlers have staged for it here is
        forgotten, since there it passes the same middleware.

        :return: False if no other process has the address; then nothing has happened.
        """
        delivery = delivery_of(message)
        if delivery is None or not message.to_addr:
            return False
        instance = await self.instance_of(message.to_addr)
        if instance is None or instance == self.instance:
            return False
        delivery.restart()
        since = str(delivery.enqueued_at).encode()
        headers = (b"t", since, *delivery.trace_headers)
        delivery.stage(Post(f"{self._queue}@{instance}", delivery.payload, headers))
        return True

    # Notes -------------------------------------------------------------------------------------

    def _key(self, address: str) -> str:
        return f"connected:{self._name}:{address}"

    def _partition(self, address: str) -> int:
        return zlib.crc32(address.encode("utf-8", "surrogatepass")) % self._partitions

    async def _forget(self, address: str) -> None:
        for _ in range(TRIES):
            store, key = self._store(self._partition(address)), self._key(address)
            noted = await store.get(key)
            # It may have come back meanwhile.
            if address in self._by_address or noted != self.instance.encode():
                return
            store.delete(key)
            try:
                await store.commit()
            except Conflict:
                continue
            return

    async def _renew(self) -> None:
        """Note again what is connected here, unless it has moved to another process."""
        try:
            for partition, addresses in self._by_partition().items():
                for at in range(0, len(addresses), AT_ONCE):
                    await self._note_again(partition, addresses[at : at + AT_ONCE])
        except BrokerError as error:
            self.log.warn("{name}: {error}", name=self._name, error=error)

    def _by_partition(self) -> dict[int, list[str]]:
        found: dict[int, list[str]] = {}
        for address in self._by_address:
            found.setdefault(self._partition(address), []).append(address)
        return found

    async def _note_again(self, partition: int, addresses: list[str]) -> None:
        for _ in range(TRIES):
            store = self._store(partition)
            reading = [Deferred.fromCoroutine(store.get(self._key(each))) for each in addresses]
            for address, (read, noted) in zip(
                addresses, await DeferredList(reading, consumeErrors=True), strict=True
            ):
                mine = noted in (None, self.instance.encode())
                if read and mine and address in self._by_address:
                    store.set(self._key(address), self.instance, KEPT)
            try:
                await store.commit()
            except Conflict:
                continue
            return

    def _not_noted(self, failure: Failure) -> None:
        self.log.warn("{name}: {error}", name=self._name, error=failure.value)
