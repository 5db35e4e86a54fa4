"""A wait that can be ended early without losing what it may bring."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from pipeline.brokers.redis.client import Client
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["Wakeable", "expect_cancelled"]


class Wakeable:
    """What a take waits for: a read that blocks at the server, a connection, a pause.

    A read is ended by CLIENT UNBLOCK, so that its reply still arrives, with what it had. Everything
    else is given up at once.

    :param reader: the connection that is blocked.
    :param client: another one, for the commands.
    :param clock: for the pause between tries.
    """

    def __init__(self, reader: Client, client: Client, clock: Any) -> None:
        self._reader = reader
        self._client = client
        self._clock = clock
        self._waiting: Deferred[Any] | None = None
        self._resting: Deferred[Any] | None = None
        #: True from a :meth:`wake` on, until it is set back.
        self.woken = False

    async def wait(self, waiting: Deferred[Any]) -> Any:
        """What a read brings; None when woken before there was anything."""
        self._waiting = waiting
        try:
            return await waiting
        except CancelledError:
            if not self.woken:
                raise
            return None
        finally:
            self._waiting = None

    async def rest(self, waiting: Deferred[Any]) -> None:
        """Wait for what brings nothing, as a time that passes."""
        self._resting = waiting
        try:
            await waiting
        except CancelledError:
            if not self.woken:
                raise
        finally:
            self._resting = None

    async def wake(self) -> None:
        """End the wait; fires when the server has been told."""
        self.woken = True
        if self._resting is not None:
            self._resting.cancel()
            return
        waiting, blocked = self._waiting, self._reader.client_id
        if waiting is None:
            return
        if not self._reader.connected or blocked is None:
            waiting.cancel()
            return
        while self._waiting is waiting and await self._unblock(blocked) == 0:
            # The read has not reached the server yet.
            await deferLater(self._clock, 0.01)

    async def _unblock(self, blocked: int) -> Any:
        try:
            return await self._client.execute("CLIENT", "UNBLOCK", blocked)
        except (BrokerUnavailable, ServerRefused):
            # It ends by itself when its BLOCK is over.
            return None


def expect_cancelled(failure: Failure) -> None:
    """Let a wake that was cancelled be; other errors are not."""
    failure.trap(CancelledError)
