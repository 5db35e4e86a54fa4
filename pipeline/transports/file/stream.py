"""Publishes the lines of standard input, or of anything else that can be read only once."""

from __future__ import annotations

import os

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger

from pipeline.errors import BrokerError, InvalidMessage
from pipeline.message import new_id
from pipeline.transports.file.desk import Desk
from pipeline.transports.file.tail import Line

__all__ = ["Cutter", "Stream"]

#: Bytes that are read at a time.
READ = 64 * 1024
#: Seconds before what went wrong is tried again.
AGAIN = 1.0


class Cutter:
    """Cuts bytes into lines, as they come; of a line that is too long it keeps the beginning.

    :param max_line: the bytes that a line may have.
    """

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._bytes = bytearray()
        self._searched = 0
        self._offset = 0
        self._cut: Line | None = None

    def add(self, data: bytes) -> None:
        """More has come."""
        self._bytes += data

    def take(self) -> Line | None:
        """The next line, or None when there is no whole one."""
        at = self._bytes.find(b"\n", self._searched)
        if at < 0:
            self._shorten()
            return None
        return self._taken(at, at + 1)

    def last(self) -> Line | None:
        """What is left at the end; None when there is nothing."""
        if not self._bytes and self._cut is None:
            return None
        return self._taken(len(self._bytes), len(self._bytes))

    def _taken(self, end: int, behind: int) -> Line:
        line = self._cut or self._line(bytes(self._bytes[:end]).removesuffix(b"\r"))
        self._cut = None
        self._drop(behind)
        return line

    def _line(self, data: bytes) -> Line:
        return Line(self._offset, data[: self._max_line], len(data) > self._max_line)

    def _shorten(self) -> None:
        # The last byte may be the first half of the line's end.
        if self._cut is None and len(self._bytes) > self._max_line + 1:
            self._cut = self._line(bytes(self._bytes))
        if self._cut is not None:
            self._drop(len(self._bytes))
        self._searched = len(self._bytes)

    def _drop(self, count: int) -> None:
        del self._bytes[:count]
        self._offset += count
        self._searched = 0


class Stream:
    """Publishes lines in their order, and reads no faster than they can be stored.

    What was read and not published when the process crashes is lost, as what is written into a
    pipe is kept nowhere.

    :param desk: what it has in common with others.
    :param fd: what is read.
    :ivar ended: fires when all was published.
    :ivar offset: how many bytes were published.
    :ivar size: nobody knows.
    """

    log = Logger()

    def __init__(self, desk: Desk, fd: int = 0) -> None:
        self.ended: Deferred[None] = Deferred()
        self.offset = self.size = 0
        self._desk = desk
        self._fd = fd
        self._cutter = Cutter(desk.config.max_line)
        self._is_at_end = False
        self._reading: Deferred[bytes] | None = None
        self._running: Deferred[None] | None = None

    async def start(self) -> None:
        """Read from now on."""
        self._running = self._desk.running(self._run())

    async def stop(self, deadline: float) -> None:
        """Read nothing more, and publish what was read. The desk's rest must be over.

        :param deadline: seconds for that.
        """
        if self._running is None:
            return
        if self._reading is not None:
            self._reading.cancel()
        try:
            await self._running.addTimeout(deadline, self._desk.clock)
        except DeferredTimeout:
            self.log.warn("standard input: lines that were read could not be published in time")

    async def _run(self) -> None:
        while lines := await self._lines():
            await self._published(lines)
            self.offset = lines[-1].offset + len(lines[-1].data) + 1
        if self._is_at_end:
            self.ended.callback(None)

    async def _lines(self) -> list[Line]:
        """Some lines; none when there are no more."""
        room = await self._room()
        lines: list[Line] = []
        while len(lines) < room:
            line = self._cutter.take()
            if line is not None:
                lines.append(line)
            elif lines or not await self._more():
                break
        if not lines and self._is_at_end and (last := self._cutter.last()) is not None:
            lines.append(last)
        return lines

    async def _room(self) -> int:
        while not self._desk.rest.is_over:
            try:
                return await self._desk.room.wait(self._desk.config.batch)
            except BrokerError as error:
                self.log.warn("standard input has to wait: {error}", error=error)
                await self._desk.rest.take(AGAIN)
        return self._desk.config.batch

    async def _more(self) -> bool:
        """Read on; False when there is nothing more, or nobody wants it."""
        if self._is_at_end or self._desk.rest.is_over:
            return False
        self._reading = Deferred.fromCoroutine(self._desk.in_thread(os.read, self._fd, READ))
        try:
            data = await self._reading
        except CancelledError:
            return False
        finally:
            self._reading = None
        self._is_at_end = not data
        self._cutter.add(data)
        return bool(data)

    async def _published(self, lines: list[Line]) -> None:
        """Wait until all of them are stored, or have become dead letters."""
        publishing = [Deferred.fromCoroutine(self._publish(line)) for line in lines]
        for is_done, failure in await DeferredList(publishing, consumeErrors=True):
            if not is_done:
                self.log.failure("a line was lost", failure)

    async def _publish(self, line: Line) -> None:
        try:
            message = self._desk.message(line, new_id())
        except InvalidMessage as error:
            await self._bury(line, error)
            return
        [(is_done, why)] = await DeferredList(
            [self._desk.publish(message, None)], consumeErrors=True
        )
        if is_done:
            self._desk.statistics.count("messages_in")
        else:
            await self._bury(line, why.value)

    async def _bury(self, line: Line, error: BaseException) -> None:
        where = f"standard input, byte {line.offset}"
        self.log.error("{where}: a dead letter: {error}", where=where, error=error)
        letter = self._desk.dead_letter(line.data, error, where, 0)
        await self._desk.broker.publish([letter])
