"""A foreign pub/sub channel, or a pattern of channels, as a source: at most once."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.client import Client
from pipeline.errors import BrokerUnavailable
from pipeline.transports.redis.entry import Entry
from pipeline.transports.redis.intake import Intake
from pipeline.transports.redis.source import Source
from pipeline.transports.redis.subscription import Subscription
from pipeline.transports.redis.trouble import Trouble

__all__ = ["ChannelSource"]

#: How many batches, and bytes, may wait here; then the server has to keep what comes.
WAITING, WAITING_BYTES = 10, 16_000_000


class ChannelSource(Source):
    """Hears channels. What is published while nobody listens is lost, by the nature of pub/sub.

    :param intake: stores entries.
    :param client: the connection for commands.
    :param trouble: what to do about errors of the server.
    :param clock: the reactor.
    :param subscribe: ``SUBSCRIBE`` or ``PSUBSCRIBE``, and the channel or pattern.
    :param address: where the server is.
    :param batch: how many messages are stored at a time.
    :param count: counts what happens, by name.
    """

    def __init__(
        self,
        intake: Intake,
        client: Client,
        trouble: Trouble,
        clock: Any,
        *,
        subscribe: tuple[str, str],
        address: Address,
        batch: int,
        count: Any,
    ) -> None:
        ears = (self._hear, trouble.over, self._deaf)
        self._subscription = Subscription(address, clock, subscribe, *ears)
        # Nothing is to be kept alive: a channel keeps nothing.
        super().__init__(intake, client, self._subscription, trouble, clock, 60.0, batch)
        self._batch = batch
        self._count = count
        self._heard: deque[Entry] = deque()
        self._bytes = 0
        self._waiting: Deferred[None] | None = None
        self._is_paused = False

    def start(self) -> None:
        """See :class:`Source`."""
        self._subscription.start().addErrback(lambda why: why.trap(BrokerUnavailable))
        super().start()

    async def stop(self, deadline: float) -> None:
        """See :class:`Source`: what was heard is stored."""
        await self._subscription.stop()
        await super().stop(deadline)

    @property
    def _is_over(self) -> bool:
        return self._stopping and not self._heard

    async def _connected(self) -> None:
        if not self._heard:
            await super()._connected()

    async def take(self) -> Sequence[Entry]:
        """See :class:`Source`."""
        if not self._heard and not self._wakeable.woken:
            await self._wait()
        count = min(self._batch, len(self._heard))
        entries = [self._heard.popleft() for _ in range(count)]
        self._bytes -= sum(entry.size for entry in entries)
        if self._is_paused and not self._is_full(2):
            self._is_paused = False
            self._subscription.resume()
        return entries

    async def _wait(self) -> None:
        self._waiting = Deferred()
        try:
            await self._wakeable.wait(self._waiting)
        finally:
            self._waiting = None

    async def measure(self) -> None:
        """See :class:`Source`: ``lag``, what was heard and is not being stored yet."""
        self.figures["lag"] = len(self._heard)

    def _hear(self, channel: str, text: bytes) -> None:
        self._count("read")
        self._heard.append(Entry(channel, "", text))
        self._bytes += len(text)
        if not self._is_paused and self._is_full(1):
            self._is_paused = True
            self._subscription.pause()
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)

    def _is_full(self, share: int) -> bool:
        """Whether as much waits as may, or half of it."""
        many = len(self._heard) >= WAITING * self._batch // share
        return many or self._bytes >= WAITING_BYTES // share

    def _deaf(self, why: str) -> None:
        """The connection is lost, and nobody knows what is published meanwhile."""
        self._is_paused = False
        self._count("interrupted")
        self._trouble.begins(f"no connection: {why}; what is published meanwhile is lost")
