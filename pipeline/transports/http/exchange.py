"""Puts a request's message on its queue, and waits for the reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import (
    BrokerError,
    InvalidMessage,
    QueueFull,
    ResultTimeout,
    RetryLater,
    TemporaryFailure,
)
from pipeline.identity.peers import Shares
from pipeline.transports.answers import refusal, unavailable
from pipeline.transports.http.waiting import WaitingRequests

__all__ = ["Exchange"]


class Exchange:
    """The way from a message to its reply.

    :param publish: ``publish(message, window)``, a Deferred of the message as it was published, or
        of None when middleware dropped or answered it.
    :param broker: is it available?
    :param clock: the reactor.
    :param waiting: who waits for what.
    :param instance: whose queue replies come to.
    :param max_waiting: how many requests may wait at the same time.
    :param max_waiting_each: and how many of one client.
    :param publish_timeout: seconds that publishing may take.
    """

    log = Logger()

    def __init__(
        self,
        publish: Callable[[Any, float], Deferred[Any]],
        broker: Any,
        clock: Any,
        waiting: WaitingRequests,
        *,
        instance: str,
        max_waiting: int,
        max_waiting_each: int,
        publish_timeout: float,
    ) -> None:
        self.waiting = waiting
        self.instance = instance
        self.is_closed = False
        self._publish = publish
        self._broker = broker
        self._clock = clock
        self._max_waiting = max_waiting
        self._shares = Shares(max_waiting_each)
        self._publish_timeout = publish_timeout

    def check(self) -> None:
        """Refuse what can't be done now anyway.

        :raise HttpError: 503.
        """
        if self.is_closed:
            raise unavailable("this server is stopping")
        if not self._broker.available:
            problem = self._broker.problem or "it is not connected"
            raise unavailable(f"the broker is away: {problem}")

    async def send(self, message: Any, window: float = 0) -> None:
        """Publish a message whose reply nobody waits for.

        :param window: seconds in which a second one with the same id is left out.
        :raise HttpError: it could not be published.
        """
        self.check()
        await self._published(message, window)

    async def ask(self, message: Any, seconds: float, window: float = 0, share: str = "") -> Any:
        """Publish a message and wait for its reply.

        :param seconds: how long.
        :param share: which client waits.
        :return: the reply.
        :raise HttpError: it could not be published, or there was no reply.
        """
        self.check()
        if len(self.waiting) >= self._max_waiting:
            raise unavailable(f"{self._max_waiting} requests wait already: come again later")
        if not self._shares.take(share):
            raise unavailable(f"{self._shares.limit} of your requests wait already")
        try:
            return await self._asked(message, seconds, window)
        finally:
            self._shares.give_back(share)

    async def _asked(self, message: Any, seconds: float, window: float) -> Any:
        message.transport_metadata["reply_instance"] = self.instance
        reply = self.waiting.add(message.message_id, seconds)
        try:
            published = await self._published(message, window)
            if published is None and not reply.called:
                raise refusal(403, "middleware dropped this message", id=message.message_id)
        except BaseException:
            _forget(reply)
            raise
        return await self._reply(message.message_id, reply, seconds)

    async def _reply(self, id: str, reply: Deferred[Any], seconds: float) -> Any:
        try:
            return await reply
        except ResultTimeout:
            what = f"there was no answer in {seconds:g} s; it may still be worked on"
            raise refusal(504, what, id=id) from None

    async def _published(self, message: Any, window: float) -> Any:
        id = message.message_id
        try:
            return await self._in_time(self._publish(message, window))
        except DeferredTimeout:
            raise unavailable("the broker took too long; it may still take it", id=id) from None
        except QueueFull as error:
            raise unavailable(f"the queue is full: {error}", id=id) from None
        except BrokerError as error:
            raise unavailable(f"the broker could not take it: {error}", id=id) from None
        except (TemporaryFailure, RetryLater) as error:  # a webhook, where middleware answered
            raise unavailable(f"this could not be done: {error}", id=id) from None
        except InvalidMessage as error:
            raise refusal(400, str(error), id=id) from None

    def _in_time(self, publishing: Deferred[Any]) -> Deferred[Any]:
        """The same, but given up after its time. What is on its way is never cancelled."""
        seen: Deferred[Any] = Deferred()
        publishing.addBoth(self._pass_on, seen)
        return seen.addTimeout(self._publish_timeout, self._clock)

    def _pass_on(self, result: Any, seen: Deferred[Any]) -> None:
        if not seen.called:
            seen.callback(result)
        elif isinstance(result, Failure):
            self.log.debug("publishing failed later: {error}", error=result.value)


def _forget(reply: Deferred[Any]) -> None:
    reply.addErrback(lambda _: None)
    reply.cancel()
