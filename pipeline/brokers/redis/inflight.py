"""Commands that were sent and wait for their replies."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["Batch", "InFlight", "Single"]

#: A reply, or a loss, is looked for this many times in each ``reply_timeout``.
LOOKS = 5


class Batch:
    """Commands sent in one write, whose replies come as one list.

    :param count: how many commands they are.
    :param patience: seconds that they may block at the server, on top of the reply time-out.
    """

    __slots__ = ("count", "deferred", "patience", "replies")

    def __init__(self, count: int, patience: float = 0.0) -> None:
        self.count = count
        self.patience = patience
        self.replies: list[Any] = []
        self.deferred: Deferred[Any] = Deferred()

    def finish(self) -> None:
        """Hand over the replies; errors stay in the list."""
        self.deferred.callback(self.replies)


class Single(Batch):
    """One command, whose reply comes alone and whose error fails its Deferred."""

    __slots__ = ()

    def finish(self) -> None:
        """Hand over the reply, or fail with it."""
        reply = self.replies[0]
        if isinstance(reply, ServerRefused):
            self.deferred.errback(reply)
        else:
            self.deferred.callback(reply)


class InFlight:
    """What waits for replies on one connection, oldest first."""

    def __init__(self) -> None:
        self.commands = 0
        self._waiting: deque[Batch] = deque()
        self._seen: Batch | None = None
        self._quiet = 0

    def add(self, batch: Batch) -> None:
        """Let these wait behind those that already do."""
        self._waiting.append(batch)
        self.commands += batch.count

    def take(self, reply: Any) -> None:
        """Give a reply to the oldest command.

        :raises IndexError: nobody waits for a reply.
        """
        batch = self._waiting[0]
        replies = batch.replies
        replies.append(reply)
        if len(replies) == batch.count:
            self._waiting.popleft()
            self.commands -= batch.count
            batch.finish()

    def heard(self) -> None:
        """Note that bytes came, so that who sends them is not silent."""
        self._seen = None

    def fail(self, why: str) -> None:
        """Fail all that waits with :exc:`BrokerUnavailable`."""
        waiting, self._waiting = self._waiting, deque()
        self.commands = 0
        for batch in waiting:
            batch.deferred.errback(BrokerUnavailable(why))

    def is_silent(self, reply_timeout: float) -> bool:
        """Look whether the oldest command has waited too long; to be asked evenly.

        It counts looks, not seconds: neither a clock that jumps nor a reactor that was blocked
        for a while makes a live server look dead.

        :param reply_timeout: seconds of silence that are allowed; this is called
            :data:`LOOKS` times in as many.
        """
        oldest = self._waiting[0] if self._waiting else None
        if oldest is None or oldest is not self._seen:
            self._seen = oldest
            self._quiet = 0
            return False
        self._quiet += 1
        return self._quiet >= (1 + oldest.patience / reply_timeout) * LOOKS - 1
