"""What is said on one connection, as messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import BrokerError, QueueFull
from pipeline.message import UserMessage
from pipeline.message.ids import random_id
from pipeline.transports.connections import Connections
from pipeline.transports.lines.config import LinesConfig
from pipeline.transports.lines.connection import Connection
from pipeline.transports.lines.incoming import Odd
from pipeline.transports.lines.telnet import IAC
from pipeline.transports.lines.unanswered import Unanswered
from pipeline.transports.statistics import Statistics

__all__ = ["House", "Session"]

_BREAK = re.compile(r"\r\n|\r|\n")
_ENDS = {"crlf": "\r\n", "lf": "\n"}


@dataclass(frozen=True)
class House:
    """What all sessions of a transport have in common.

    :param config: its options.
    :param clock: the reactor.
    :param publish: puts an inbound message on its queue; a Deferred of the message, or of None
        when middleware dropped or answered it, or it was shed.
    :param statistics: what counts.
    :param connections: who is connected, here and elsewhere.
    """

    config: LinesConfig
    clock: Any
    publish: Callable[[UserMessage], Deferred[Any]]
    statistics: Statistics
    connections: Connections[Session]


class Session:
    """A conversation with one client: from its connection to the end of it.

    Messages are published one after another, each when the one before is stored: so they keep
    their order, and what the client says is read as fast as it can be stored.

    :param house: what it has in common with others.
    :param connection: the client's.
    :param address: the client's, in messages.
    :param to_addr: whom its lines are for.
    :ivar id: tells it from all others, also from a later one with the same address.
    """

    log = Logger()

    def __init__(
        self, house: House, connection: Connection, address: str, to_addr: str | None
    ) -> None:
        self.id = random_id()
        self.address = address
        self.connection = connection
        self._house = house
        self._config = house.config
        self._to_addr = to_addr
        self._has_begun = False
        self._unanswered = Unanswered(house.clock, house.config.linger)

    # The client speaks ---------------------------------------------------------------------------

    async def run(self) -> None:
        """Tell the application of the session, line by line, to its end."""
        await self._enter()
        if self._config.session_starts == "connect":
            await self._say(None)
        while (line := await self.connection.line()) is not None:
            await self._heard(line)
        await self._unanswered.wait()
        if self.connection.ended_by == "stop":
            self._good_bye()
        self.connection.close("client")
        await self.connection.gone
        if self._has_begun:
            await self._say(None, "close")

    async def _enter(self) -> None:
        try:
            await self._house.connections.add(self)
        except BrokerError as error:
            self.log.warn("only this process knows of {who}: {why}", who=self.address, why=error)

    def finish(self) -> None:
        """Take no more lines, but have those answered that were taken."""
        self.connection.finish("stop")

    def hurry(self) -> None:
        """Wait for no answers any longer: say good-bye, and close."""
        self._unanswered.wait_no_more()
        self._good_bye()

    def lost(self) -> None:
        """The client is gone: nothing can be answered."""
        self._house.connections.remove(self)
        self._unanswered.wait_no_more()

    def _good_bye(self) -> None:
        self.tell(self._config.closing_line)
        self.connection.close("stop")

    async def _heard(self, line: bytes | Odd) -> None:
        if isinstance(line, Odd):
            self._too_long()
            return
        try:
            text = line.decode(self._config.encoding)
        except UnicodeError:
            self._house.statistics.count("undecodable")
            self.tell(f"error: that is not {self._config.encoding}")
            return
        await self._say(text)

    def _too_long(self) -> None:
        self._house.statistics.count("long_lines")
        self.tell(f"error: a line may have {self._config.max_line} bytes")
        if self._config.long_lines == "close":
            self.connection.close("long line")

    async def _say(self, text: str | None, event: str | None = None) -> None:
        message = self._message(text, event or ("resume" if self._has_begun else "new"))
        self._has_begun = True
        if text is not None:
            self._unanswered.add(message.message_id)
        [(is_done, result)] = await DeferredList([self._house.publish(message)], consumeErrors=True)
        if is_done:
            self._house.statistics.count("messages_in")
        else:
            self._unsaid(result)
        if not is_done or result is None:
            self._unanswered.discard(message.message_id)

    def _unsaid(self, failure: Failure) -> None:
        self._house.statistics.count("unpublished")
        if failure.check(QueueFull):
            self.tell("error: too much is waiting to be answered: try again later")
            return
        self.tell("error: this could not be taken")
        if failure.check(BrokerError):
            self.log.warn("a line was not published: {error}", error=failure.value)
        else:
            self.log.failure("a line was not published", failure)

    def _message(self, text: str | None, event: str) -> UserMessage:
        metadata = self._house.connections.way_back(self)
        if event == "close":
            metadata = {"ended_by": self.connection.ended_by}
        return UserMessage(
            content=text,
            session_event=event,
            from_addr=self.address,
            to_addr=self._to_addr,
            transport_name=self._config.transport_name,
            transport_type=self._config.transport_type,
            transport_metadata=metadata,
        )

    # The application speaks ----------------------------------------------------------------------

    def answer(self, message: Any) -> str | None:
        """Say a message to the client.

        :return: why that can't be done; None when it is written.
        """
        problem = None if message.content is None else self.tell(message.content)
        if problem is not None:
            return problem
        self._unanswered.discard(message.in_reply_to)
        if message.session_event == "close":
            self.connection.close("application")
        return None

    def failed(self, message: Any) -> None:
        """Say that a line will have no answer, since handling it has failed for good."""
        self.tell("error: this could not be answered")
        self._unanswered.discard(message.in_reply_to)

    def tell(self, text: str) -> str | None:
        """Write text as lines.

        :return: why that can't be done; None when it is written.
        """
        lines = _BREAK.split(text.removesuffix("\n").removesuffix("\r"))
        end = _ENDS[self._config.line_end]
        try:
            data = "".join(f"{line}{end}" for line in lines).encode(self._config.encoding)
        except UnicodeError:
            return f"the text can't be written as {self._config.encoding}"
        if self._config.telnet:
            data = data.replace(IAC, IAC + IAC)
        if self.connection.write(data):
            return None
        if self.connection.ended_by == "unread":
            return "the client doesn't read"
        return "the connection is closed"
