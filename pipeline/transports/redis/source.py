"""What all sources have in common: take, store, and only then say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Client
from pipeline.brokers.redis.wakeable import Wakeable
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.transports.redis.entry import Entry
from pipeline.transports.redis.intake import Intake
from pipeline.transports.redis.trouble import Trouble

__all__ = ["BLOCK", "Source"]

#: The most seconds that a read waits at the server.
BLOCK = 2.0
#: Seconds without a connection after which that is told.
TOLD_AFTER = 2.0
#: Seconds after which a source that broke begins anew.
MENDED_AFTER = 1.0
#: How many entries are taken at first, and the bytes in a batch that make the next one smaller.
FEW, MANY_BYTES = 10, 4_000_000
#: Seconds that what is cancelled at the deadline may take to end.
GRACE = 1.0


class Source:
    """Takes entries from one place, one batch after another.

    A batch is stored whole before the next is taken: so what is in hand is bounded, and a queue
    of ours that is full holds up the reading.

    :param intake: stores entries.
    :param client: the connection for commands.
    :param reader: the connection that waits for what comes.
    :param trouble: what to do about errors of the server.
    :param clock: the reactor.
    :param every: seconds between two signs of life while a batch is being stored.
    :param most: how many entries are taken at a time, at the most.
    :ivar figures: what :meth:`measure` found last.
    """

    _log = Logger()

    def __init__(
        self,
        intake: Intake,
        client: Client,
        reader: Any,
        trouble: Trouble,
        clock: Any,
        every: float,
        most: int,
    ) -> None:
        self.figures: dict[str, float] = {}
        self._intake = intake
        self._client = client
        self._reader = reader
        self._trouble = trouble
        self._clock = clock
        self._every = every
        self._most = most
        self._many = min(most, FEW)
        self._wakeable = Wakeable(reader, client, clock)
        self._loop: Deferred[None] | None = None
        self._mending: Any = None
        self._stopping = self._is_hurried = False

    # To override -------------------------------------------------------------------------------

    async def take(self) -> Sequence[Entry]:
        """The next entries; none when none came within :data:`BLOCK` or it was woken."""
        raise NotImplementedError

    async def settle(self, entries: Sequence[Entry]) -> None:
        """Say that entries are stored."""

    async def keep(self, entries: Sequence[Entry]) -> None:
        """Say that entries are still in hand."""

    async def recover(self, error: Exception) -> bool:
        """Mend what an error says; False when only time does. What was read may be lost."""
        return False

    async def leave(self) -> None:
        """Take leave of the place; nothing more is read."""

    async def measure(self) -> None:
        """Look how much there is; fills :attr:`figures`."""

    # For who overrides --------------------------------------------------------------------------

    def fit(self, entries: Sequence[Entry]) -> None:
        """Choose how many to take next: more, up to the most, as long as they are not large."""
        size = sum(entry.size for entry in entries)
        if size > MANY_BYTES:
            self._many = max(1, self._many // 2)
        elif entries:
            self._many = min(self._most, self._many * 2)

    # Life --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Read."""
        self._stopping = self._wakeable.woken = False
        self._mending = None
        self._loop = Deferred.fromCoroutine(self._run())
        self._loop.addErrback(self._broke)

    async def stop(self, deadline: float) -> None:
        """Take nothing more, store what was taken, or leave it to others after the deadline.

        :param deadline: seconds.
        """
        self._stopping = True
        if self._mending is not None:
            self._mending.cancel()
        if self._loop is None:
            return
        self._trouble.wake()
        waking = Deferred.fromCoroutine(self._wakeable.wake())
        await self._within(deadline, self._loop)
        await self._within(GRACE, waking)
        self._loop = None
        if not self._is_hurried:
            await self._within(GRACE, Deferred.fromCoroutine(self.leave()))

    def hurry(self) -> None:
        """Leave to others what is not stored now."""
        self._stopping = self._is_hurried = True
        if self._loop is not None:
            self._loop.cancel()

    async def _within(self, seconds: float, waited: Deferred[Any]) -> None:
        """Wait for it; it is cancelled if it is not over in time."""
        try:
            await waited.addTimeout(seconds, self._clock)
        except (TooLate, CancelledError):
            return
        except (BrokerUnavailable, ServerRefused) as error:
            self._log.info("while a source stopped: {error}", error=error)

    def _broke(self, failure: Failure) -> None:
        if self._stopping and failure.check(CancelledError):
            return
        self._log.failure("a source broke", failure)
        if not self._stopping:
            self._mending = self._clock.callLater(MENDED_AFTER, self.start)

    # Reading -----------------------------------------------------------------------------------

    @property
    def _is_over(self) -> bool:
        """Whether nothing more is to be stored."""
        return self._stopping

    async def _run(self) -> None:
        while not self._is_over:
            try:
                await self._connected()
                if not self._is_over:
                    await self._step()
                    self._trouble.over()
            except (BrokerUnavailable, ServerRefused) as error:
                left = await self._left_of(error)
                if left is not None and not self._stopping:
                    await self._trouble.rest(left)

    async def _left_of(self, error: Exception) -> Exception | None:
        """What is still wrong when all that can be done about an error is done."""
        try:
            return None if await self.recover(error) else error
        except (BrokerUnavailable, ServerRefused) as worse:
            return worse

    async def _connected(self) -> None:
        if self._reader.connected:
            return
        late = self._clock.callLater(TOLD_AFTER, self._tell_away)
        try:
            await self._wakeable.wait(self._reader.when_up())
        finally:
            if late.active():
                late.cancel()

    def _tell_away(self) -> None:
        self._trouble.begins(f"no connection: {self._reader.problem or 'it is not answered'}")

    async def _step(self) -> None:
        entries = await self.take()
        if not entries:
            return
        keeping = LoopingCall(lambda: Deferred.fromCoroutine(self._keep(entries)))
        keeping.clock = self._clock
        keeping.start(self._every, now=False)
        try:
            await self._intake.store(entries)
        finally:
            keeping.stop()
        await self.settle(entries)

    async def _keep(self, entries: Sequence[Entry]) -> None:
        try:
            await self.keep(entries)
        except (BrokerUnavailable, ServerRefused) as error:
            self._log.info("entries in hand can't be kept: {error}", error=error)
