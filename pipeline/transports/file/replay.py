"""Publishes a file's lines, each once, whoever crashes meanwhile.

Who may read holds the **turn**: the one message of a queue made for that. It reads some lines,
and settles the turn with all that comes of it: their messages, the place to go on with, and the
next turn. All of that happens in one step or not at all, so nothing is published without the place
behind it, nor the other way round. When a process dies another gets its turn, as any message.

Should there be two turns, since two processes made one at the same time, the place they have read
is compared when they settle: one of them comes too late, has published nothing, and gives its turn
up.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.delivery import Delivery, Post, Settled, derived_id
from pipeline.errors import BrokerError, InvalidMessage, PipelineError
from pipeline.state.partition import partition_of
from pipeline.transports.file.desk import Desk
from pipeline.transports.file.place import Place
from pipeline.transports.file.tail import Chunk, Line, Tail

__all__ = ["Replay"]

#: Seconds before what went wrong is tried again.
AGAIN = 1.0
#: What stands in a turn.
TURN = b"{}"


class Replay:
    """Publishes those lines of a file that belong into one partition.

    :param desk: what it has in common with others.
    :param path: the file.
    :param partition: the partition.
    :ivar ended: fires when the end of the file is published, unless that is followed.
    """

    log = Logger()

    def __init__(self, desk: Desk, path: str, partition: int) -> None:
        config = desk.config
        self.ended: Deferred[None] = Deferred()
        self.offset = self.size = 0
        self._desk = desk
        self._path = path
        self._partition = partition
        self._label = config.position or f"{config.transport_name}:{path}"
        self._key = f"file:{self._label}"
        name = f"{config.transport_name}.turn"
        self._queue = f"{name}.{partition}" if partition else name
        self._consumer = desk.broker.consumer(self._queue, partition)
        self._tail = Tail(path, config.max_line, config.follow)
        self._known: bytes | None = None
        self._is_troubled = False
        self._running: Deferred[None] | None = None

    # Life ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Look for a turn, and go on from there."""
        await self._consumer.open()
        await self._have_a_turn()
        self._running = self._desk.running(self._run())

    async def stop(self, deadline: float) -> None:
        """End, and leave the turn to others. The desk's rest must be over.

        :param deadline: seconds for what is being published.
        """
        if self._running is None:
            return
        await self._consumer.interrupt()
        try:
            await self._running.addTimeout(deadline, self._desk.clock)
        except DeferredTimeout:
            self.log.warn("{file}: was not done in time", file=self._path)
        if self._consumer.in_hand:
            await self._consumer.hand_back(list(self._consumer.in_hand.values()))
        await self._consumer.close()
        self._tail.close()

    async def _run(self) -> None:
        while not self._desk.rest.is_over:
            try:
                taken = await self._consumer.take(1)
            except BrokerError as error:
                await self._trouble(error)
                continue
            for delivery in taken:
                await self._patiently(delivery)

    async def _patiently(self, delivery: Delivery) -> None:
        """Use a turn, however long the broker is away."""
        while not self._desk.rest.is_over:
            try:
                await self._use(delivery)
            except BrokerError as error:
                delivery.restart()
                await self._trouble(error)
                continue
            return

    async def _have_a_turn(self) -> None:
        depth = await self._desk.broker.depth(self._queue)
        if not (depth.waiting or depth.in_hand or depth.delayed):
            await self._desk.broker.publish([Post(self._queue, TURN)], partition=self._partition)

    # A turn --------------------------------------------------------------------------------------

    async def _use(self, delivery: Delivery) -> None:
        is_fresh = self._known is None
        chunk = await self._next(delivery)
        if chunk is None:  # it is over; stop() hands back
            return
        for line in chunk.lines:
            await self._publish(line, chunk.place, delivery)
        await self._complete(delivery)
        place = chunk.place.encode()
        delivery.store.set(self._key, place)
        delivery.stage(Post(self._queue, TURN))
        [settled] = await self._consumer.settle([delivery])
        if settled is Settled.WON:
            self._known = place
            self.offset = chunk.place.offset
        else:
            await self._not_won(settled, delivery, is_fresh)

    async def _complete(self, delivery: Delivery) -> None:
        """Wait for what middleware publishes besides."""
        for each in delivery.take_unfinished():
            try:
                await each
            except PipelineError as error:
                self.log.error("what middleware has published failed: {error}", error=error)

    async def _not_won(self, settled: Settled, delivery: Delivery, was_fresh: bool) -> None:
        self._known = None
        if settled is Settled.CONFLICT and not was_fresh:
            # Another process had the turn since we had it last.
            delivery.restart()
            await self._use(delivery)
            return
        if settled is Settled.REFUSED:
            why = delivery.refusal
            delivery.restart()
            await self._consumer.hand_back([delivery])
            await self._trouble(why)
            return
        if settled is Settled.CONFLICT:  # another has a turn at the same time: one is too many
            delivery.restart()
            await self._consumer.settle([delivery])
        await self._have_a_turn()

    async def _next(self, delivery: Delivery) -> Chunk | None:
        """The next lines, when there are some; None when all is over."""
        place = await self._place(delivery)
        desk = self._desk
        while not desk.rest.is_over:
            most = await desk.room.wait(desk.config.batch)
            chunk = await self._read(place, most) if most else None
            if chunk is None:
                continue
            place = chunk.place
            self.size = chunk.size
            if chunk.lines:
                return chunk
            self.offset = place.offset
            await self._at_end()
        return None

    async def _place(self, delivery: Delivery) -> Place | None:
        store = delivery.store
        if self._known is None:
            self._known = await store.get(self._key)
        store.expect(self._key, self._known)
        return None if self._known is None else Place.decode(self._known)

    async def _read(self, place: Place | None, most: int) -> Chunk | None:
        """Some lines, perhaps none; None if the file can't be read now."""
        try:
            chunk: Chunk = await self._desk.in_thread(self._tail.read, place, most)
        except OSError as error:
            await self._trouble(error)
            return None
        self._is_troubled = False
        for note in chunk.notes:
            self.log.warn("{note}", note=note)
        return chunk

    async def _at_end(self) -> None:
        if self._desk.config.follow:
            await self._desk.rest.take(self._desk.config.poll)
            return
        if not self.ended.called:
            self.ended.callback(None)
        await self._desk.rest.take()

    # A line --------------------------------------------------------------------------------------

    async def _publish(self, line: Line, place: Place, delivery: Delivery) -> None:
        try:
            message = self._message(line, place)
        except InvalidMessage as error:
            if not self._partition:
                self._bury(line, error, delivery)
            return
        if self._is_elsewhere(message, line):
            return
        publishing = self._desk.publish(message, delivery)
        if not publishing.called or isinstance(publishing.result, Failure):
            [(is_done, why)] = await DeferredList([publishing], consumeErrors=True)
            if not is_done:
                self._bury(line, why.value, delivery)
                return
        self._desk.statistics.count("messages_in")

    def _message(self, line: Line, place: Place) -> Any:
        # A file that got the number of another may have another line at this byte.
        parent = f"{self._label}:{place.inode}:{line.data!r}"
        return self._desk.message(line, derived_id(parent, line.offset))

    def _is_elsewhere(self, message: Any, line: Line) -> bool:
        """Whether a line belongs into another partition, where another publishes it."""
        partitions = self._desk.broker.partitions
        if partitions == 1:
            return False
        chosen = self._desk.partition(message)
        if chosen is None:
            chosen = partition_of(line.offset, partitions)
        return bool(chosen != self._partition)

    def _bury(self, line: Line, error: BaseException, delivery: Delivery) -> None:
        where = f"{self._path}, byte {line.offset}"
        self.log.error("{where}: a dead letter: {error}", where=where, error=error)
        delivery.stage(self._desk.dead_letter(line.data, error, where, self._partition))

    # Besides -------------------------------------------------------------------------------------

    async def _trouble(self, error: object) -> None:
        if not self._is_troubled:
            self.log.error("{file}: {error}", file=self._path, error=error)
        self._is_troubled = True
        await self._desk.rest.take(AGAIN)
