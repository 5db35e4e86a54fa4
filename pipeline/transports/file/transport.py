"""The transport whose world are files of lines."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.task import deferLater

from pipeline.delivery import Delivery
from pipeline.errors import BrokerError, PipelineError, RetryLater
from pipeline.message import ResultMessage, UserMessage
from pipeline.state.partition import partition_of
from pipeline.threads import Threads
from pipeline.transports.base import Transport
from pipeline.transports.file.config import FileConfig
from pipeline.transports.file.desk import Desk
from pipeline.transports.file.entries import Entries
from pipeline.transports.file.replay import Replay
from pipeline.transports.file.rest import Rest
from pipeline.transports.file.room import Room
from pipeline.transports.file.sink import Sink
from pipeline.transports.file.stream import Stream
from pipeline.transports.progress import Progress

__all__ = ["FileTransport"]

#: Seconds before a line that can't be written is tried again.
AGAIN = 5.0
#: Seconds that the last lines may take to be written.
LAST_WORDS = 1.0
#: Seconds between two looks whether all is handled.
LOOK = 0.1

_encode = msgspec.json.Encoder().encode


class FileTransport(Transport):
    """Makes inbound messages of a file's lines, and lines of outbound messages.

    The lines of a file are published exactly once each, in their order, whoever crashes or stops
    meanwhile: how far it was read is stored in one step with what was published. Of several
    processes one reads, and another when that is gone. Standard input can be read, too, but what
    is in a pipe is kept nowhere. What is no message becomes a dead letter of ``<name>.inbound``.

    Outbound messages are appended as ``to_json`` writes them, and acknowledged when they are
    written; a message may be there twice after a crash, and has its ``message_id``.

    :ivar progress: how many bytes were read, of how many.
    """

    CONFIG_CLASS = FileConfig

    _sink: Sink | None = None
    _is_troubled = False

    # Life ----------------------------------------------------------------------------------------

    async def setup_transport(self) -> None:
        """Make everything, and find what can't be written."""
        self._threads = Threads(self.clock, 2, f"{self.name} files")
        self._threads.start()
        self._rest = Rest(self.clock)
        self._sources = self._made_sources()
        if self.config.write:
            self._sink = Sink(self._path(self.config.write), self.config.fsync, self._threads)
            try:
                self._sink.open()
            except OSError as error:
                raise PipelineError(f"can't write to {self.config.write}: {error}") from None

    async def teardown_transport(self) -> None:
        """Let go of the files."""
        if self._sink is not None:
            closing = Deferred.fromCoroutine(self._sink.close())
            try:
                await closing.addTimeout(LAST_WORDS, self.clock)
            except DeferredTimeout:
                self.log.warn("{file} is not taken by anybody", file=self.config.write)
        self._threads.stop()

    def start_worker(self) -> Deferred[None]:
        """Start, and read when everything else is ready."""
        return Deferred.fromCoroutine(self._start_and_read())

    def stop_worker(self, deadline: float | None = None) -> Deferred[None]:
        """Read nothing more, publish what was read, then stop."""
        seconds = self.config.stop_timeout if deadline is None else deadline
        return Deferred.fromCoroutine(self._end_and_stop(seconds))

    @property
    def is_single(self) -> bool:
        """There is one standard input."""
        return self.config.read == "-"  # type: ignore[no-any-return]  # a ConfigText

    @property
    def progress(self) -> Progress:
        """How far it is; of several partitions the one that is least far."""
        if not self._sources:
            return Progress()
        least = min(self._sources, key=lambda source: source.offset)
        return Progress(least.offset, least.size)

    async def _start_and_read(self) -> None:
        await super().start_worker()
        try:
            for source in self._sources:
                await source.start()
        except BaseException:
            await self._end_and_stop(0)
            raise
        if self._sources and self.config.stop_at_end != "never":
            ending = Deferred.fromCoroutine(self._stop_at_end())
            ending.addErrback(lambda failure: self.log.failure("could not stop", failure))

    async def _end_and_stop(self, deadline: float) -> None:
        end = self.clock.seconds() + deadline
        self._rest.end()
        stopping = [Deferred.fromCoroutine(source.stop(deadline)) for source in self._sources]
        for is_done, why in await DeferredList(stopping, consumeErrors=True):
            if not is_done:
                self.log.failure("could not stop reading", why)
        await super().stop_worker(max(0.0, end - self.clock.seconds()))

    def _made_sources(self) -> list[Any]:
        if not self.config.read:
            return []
        desk = self._desk()
        if self.config.read == "-":
            return [Stream(desk)]
        path = self._path(self.config.read)
        return [Replay(desk, path, partition) for partition in range(self.broker.partitions)]

    def _path(self, given: str) -> str:
        """A path of the configuration: it begins in the folder of that."""
        folder = self.runtime.folder
        return given if given == "-" or folder is None else str(folder / given)

    def _desk(self) -> Desk:
        config = self.config
        return Desk(
            config=config,
            broker=self.broker,
            clock=self.clock,
            publish=self._publish,
            partition=self._partition,
            entries=Entries(config.transport_name, config.format, config.rules, config.defaults),
            room=Room(
                self.broker, f"{config.transport_name}.inbound", config.max_depth, self._rest
            ),
            rest=self._rest,
            threads=self._threads,
            statistics=self.statistics,
        )

    # In ------------------------------------------------------------------------------------------

    def _publish(self, message: UserMessage, delivery: Delivery | None) -> Deferred[Any]:
        return self.connector.publish("inbound", message, delivery=delivery)

    def _partition(self, message: UserMessage) -> int | None:
        key = self.ordering_key(message, "inbound")
        return None if key is None else partition_of(key, self.broker.partitions)

    async def _stop_at_end(self) -> None:
        for source in self._sources:
            await source.ended
        while self.config.stop_at_end == "handled" and not await self._is_handled():
            if self._rest.is_over:
                return
            await deferLater(self.clock, LOOK)
        self.log.info(
            "all of {file} is {what}", file=self.config.read, what=self.config.stop_at_end
        )
        self.runtime.stop()

    async def _is_handled(self) -> bool:
        """Whether nothing is left in the queues, also not for later."""
        try:
            for kind in ("inbound", "outbound"):
                depth = await self.broker.depth(f"{self.transport_name}.{kind}")
                if depth.waiting or depth.in_hand or depth.delayed:
                    return False
        except BrokerError:
            return False
        return True

    # Out -----------------------------------------------------------------------------------------

    async def handle_outbound_message(self, message: UserMessage) -> None:
        """Append a message, then say so."""
        if self._sink is None:
            if not isinstance(message, ResultMessage):
                await self.publish_nack(message.message_id, "nothing is written here")
            return
        [(is_done, why)] = await DeferredList(
            [self._sink.write(_encode(message))], consumeErrors=True
        )
        if not is_done:
            self._not_written(why)
        self._is_troubled = False
        self.statistics.count("messages_out")
        if not isinstance(message, ResultMessage):
            await self.publish_ack(message.message_id, message.message_id)

    def _not_written(self, failure: Any) -> None:
        """A disk that is full is no fault of the message's: it waits."""
        if not failure.check(OSError):
            failure.raiseException()
        self.statistics.count("write_errors")
        if not self._is_troubled:
            self.log.error("{file}: {why}", file=self.config.write, why=failure.value)
        self._is_troubled = True
        raise RetryLater(AGAIN, str(failure.value))
