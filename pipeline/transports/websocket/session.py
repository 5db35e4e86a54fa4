"""The session of one connection: it begins, messages come and go, it ends; once each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import BrokerError, InvalidMessage, QueueFull
from pipeline.message import UserMessage
from pipeline.message.ids import random_id
from pipeline.transports.answers import HttpError, refusal, unavailable
from pipeline.transports.callers import Caller
from pipeline.transports.connections import Connections
from pipeline.transports.statistics import Statistics
from pipeline.transports.websocket.frames import Frames, Said, error_frame
from pipeline.transports.websocket.limits import Close, State
from pipeline.transports.websocket.wire import Wire

__all__ = ["Session", "Surroundings"]

#: Seconds before the end of a session is published again, when it could not be.
AGAIN = 1.0

#: How many messages that may still be answered are remembered; of more, the oldest are not.
MOST_UNANSWERED = 100


class Surroundings(NamedTuple):
    """What the sessions of a transport share.

    :param publish: ``publish(message, max_depth, window)``: a Deferred of what was published,
        or of None when middleware dropped or answered it.
    :param connections: who is connected where.
    :param frames: what messages look like.
    :param statistics: counts what happens.
    :param clock: the reactor.
    :param name: the transport's.
    :param transport_type: and its type.
    :param to_addr: whom messages are for.
    :param max_pending: how many of a session may be on their way.
    :param max_depth: of the queue.
    :param dedup_window: seconds in which a message is not taken twice.
    """

    publish: Callable[[UserMessage, int, float], Deferred[Any]]
    connections: Connections[Any]
    frames: Frames
    statistics: Statistics
    clock: Any
    name: str
    transport_type: str
    to_addr: str | None
    max_pending: int
    max_depth: int
    dedup_window: float


class Session:
    """A session.

    :param wire: its connection, open and held.
    :param around: what it shares with others.
    :param caller: who the client is.
    :param address: what applications call the user; None: the session's own id.
    """

    log = Logger()

    def __init__(
        self, wire: Wire, around: Surroundings, caller: Caller, address: str | None
    ) -> None:
        self.id = random_id()
        self.address = address or self.id
        self._wire = wire
        self._around = around
        self._caller = caller
        self._has_begun = self._has_ended = False
        #: Its first message, its last one is on its way; the transport stops.
        self._is_beginning = self._is_ending = self._is_stopping = False
        #: The ids of messages that are being published and not answered yet.
        self._publishing: set[str] = set()
        self._pending = 0
        self._all_published: list[Deferred[None]] = []
        #: When each message that has no answer yet was taken.
        self._unanswered: dict[str, float] = {}
        self._pause: Deferred[None] | None = None
        self._is_given_up = False

    # Its beginning and its end -----------------------------------------------------------------

    async def begin(self, *, announced: bool) -> None:
        """Be found by its address, begin the session, and hear what the client says.

        :param announced: the application is told at once.
        """
        self._pending += 1
        try:
            await self._around.connections.add(self)
            if announced:
                await self._announce()
        except BrokerError as error:
            self.log.warn("a session could not begin: {error}", error=error)
            self._wire.close(Close.TRY_LATER, "come again later")
        finally:
            self._published(None)
        if self._wire.state is not State.OPEN:
            self._around.connections.remove(self)

    async def _announce(self) -> None:
        new = self._event("new")
        self._publishing.add(new.message_id)
        published = await self._around.publish(new, 0, 0)
        self._has_begun = published is not None or new.message_id not in self._publishing
        self._publishing.discard(new.message_id)
        if not self._has_begun:
            self._wire.close(Close.POLICY, "this session is not wanted")

    def lost(self) -> Deferred[None]:
        """The connection is gone.

        :return: a Deferred that fires when the end of the session is stored, or given up.
        """
        self._around.connections.remove(self)
        return Deferred.fromCoroutine(self._end())

    def give_up(self) -> None:
        """Try no more to publish its end."""
        self._is_given_up = True
        if self._pause is not None:
            self._pause.cancel()

    async def _end(self) -> None:
        await self.when_published()
        while self._has_begun and not self._has_ended and not self._is_given_up:
            try:
                await self._around.publish(self._event("close"), 0, 0)
                self._has_ended = True
            except BrokerError as error:
                self.log.warn("the end of a session waits: {error}", error=error)
                await self._rest()

    async def _rest(self) -> None:
        self._pause = deferLater(self._around.clock, AGAIN)
        try:
            await self._pause
        except CancelledError:
            return
        finally:
            self._pause = None

    # What the client says ----------------------------------------------------------------------

    def said(self, text: str) -> None:
        """Publish a message; tell the client if it can't be."""
        self._around.statistics.count("messages_in")
        try:
            said = self._around.frames.read(text, self._fields())
        except HttpError as error:
            self._refuse(error)
            return
        message = said.message
        if said.is_known:
            message.message_id = self._caller.inside(message.message_id)
        self._is_beginning = not self._has_begun
        self._is_ending = message.session_event == "close"
        if not self._is_ending:
            message.session_event = "new" if self._is_beginning else "resume"
        self._pending += 1
        self._publishing.add(message.message_id)
        self._note_unanswered(message.message_id)
        self._flow()
        publishing = Deferred.fromCoroutine(self._publish(said))
        publishing.addErrback(self._failed).addBoth(self._published)

    async def _publish(self, said: Said) -> None:
        id = said.message.message_id
        try:
            await self._put(said)
        except HttpError as error:
            self._unanswered.pop(id, None)
            self._is_ending = False
            self._refuse(error, id=said.id, message_id=self._caller.outside(id))
            return
        finally:
            self._publishing.discard(id)
        self._has_begun = True
        stored = self._around.frames.stored(said, self._caller)
        if stored is not None:
            self._wire.send(stored)
        if said.message.session_event == "close":
            self._has_ended = True
            self._wire.close(Close.NORMAL)

    async def _put(self, said: Said) -> None:
        around, message = self._around, said.message
        window = around.dedup_window if said.is_known else 0
        try:
            published = await around.publish(message, around.max_depth, window)
        except QueueFull as error:
            raise unavailable(f"the queue is full: {error}") from None
        except BrokerError as error:
            raise unavailable(f"the broker could not take it: {error}") from None
        except InvalidMessage as error:
            raise refusal(400, str(error)) from None
        # What middleware kept back was answered by it, or else dropped.
        if published is None and message.message_id in self._publishing:
            raise refusal(403, "this was dropped, by middleware or for want of room")

    def _failed(self, failure: Failure) -> None:
        self.log.failure("a message could not be published", failure)
        self._is_ending = False
        self._refuse(refusal(500, "this went wrong here; the log says more"))

    def _refuse(self, error: HttpError, **details: str | None) -> None:
        self._around.statistics.count("messages_refused")
        self._wire.send(error_frame(error, **details))

    def _published(self, _: Any) -> None:
        self._pending -= 1
        self._is_beginning = False
        if not self._pending:
            waiting, self._all_published = self._all_published, []
            for each in waiting:
                each.callback(None)
        self._flow()

    def _flow(self) -> None:
        """Read what the client says, or don't for now."""
        is_busy = self._is_beginning or self._is_ending or self._is_stopping
        if is_busy or self._pending >= self._around.max_pending:
            self._wire.hold()
        else:
            self._wire.release()

    def when_published(self) -> Deferred[None]:
        """Fires when nothing of the client's is on its way to the broker."""
        if not self._pending:
            return succeed(None)
        published: Deferred[None] = Deferred()
        self._all_published.append(published)
        return published

    # What the client is told -------------------------------------------------------------------

    def send(self, message: UserMessage) -> bool:
        """Write a message for the client; one with ``close`` is the last.

        :return: False when its connection can take nothing more.
        """
        answered = message.in_reply_to or ""
        self._publishing.discard(answered)
        self._unanswered.pop(answered, None)
        frame = self._around.frames.write(message, self._caller)
        if frame is not None and not self._wire.send(frame):
            return False
        if message.session_event == "close":
            self._wire.close(Close.NORMAL)
        return True

    def awaits_until(self, linger: float) -> float:
        """Until when an answer may still come; 0 if none is waited for.

        :param linger: seconds for which an answer is waited for.
        """
        newest = next(reversed(self._unanswered.values()), None)
        return 0.0 if newest is None else newest + linger

    def stop_listening(self) -> None:
        """Hear nothing more of what the client says."""
        self._is_stopping = True
        self._flow()

    def _note_unanswered(self, id: str) -> None:
        if len(self._unanswered) >= MOST_UNANSWERED:
            del self._unanswered[next(iter(self._unanswered))]
        self._unanswered[id] = self._around.clock.seconds()

    # Messages ----------------------------------------------------------------------------------

    def _event(self, event: str) -> UserMessage:
        around = self._around
        return UserMessage(
            session_event=event,
            transport_name=around.name,
            transport_type=around.transport_type,
            **self._fields(),
        )

    def _fields(self) -> dict[str, Any]:
        metadata = self._around.connections.way_back(self)
        if self._caller.user is not None:
            metadata["user"] = self._caller.user
        return {
            "from_addr": self.address,
            "to_addr": self._around.to_addr,
            "transport_metadata": metadata,
        }
