"""Clients of the transport of lines over real sockets, and a system behind it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory

from pipeline.applications.base import Application
from pipeline.transports.lines import LinesTransport
from tests.transports.http.clients import HttpCase, Wire


class Talker(Wire):
    """A client that says lines, and waits for what it hears."""

    async def hear(self, text: str) -> None:
        """Wait for these bytes to be the next; they are taken."""
        wanted = text.encode("latin-1")
        while len(self.heard) < len(wanted):
            if self.gone.called:
                break
            await self.more()
        heard, self.heard = self.heard[: len(wanted)], self.heard[len(wanted) :]
        if heard != wanted:
            raise AssertionError(f"heard {heard!r}, not {wanted!r}")

    async def end(self) -> bytes:
        """Wait for the other side to close; what was heard until then."""
        await self.gone
        return self.heard

    def half_close(self) -> None:
        """Say no more."""
        assert self.transport is not None
        self.transport.loseWriteConnection()  # type: ignore[attr-defined]

    def stop_reading(self) -> None:
        """Take nothing more."""
        assert self.transport is not None
        self.transport.pauseProducing()  # type: ignore[attr-defined]

    def reset(self) -> None:
        """Go away as a crash does."""
        assert self.transport is not None
        self.transport.abortConnection()  # type: ignore[attr-defined]


class Parrot(Application):
    """Says hello, answers in capitals, and closes when told ``bye``; keeps all it was told."""

    answering = True

    def setup_application(self) -> None:
        self.got: list[Any] = []
        self.events: list[Any] = []

    @property
    def said(self) -> list[tuple[str | None, str | None]]:
        """Event and content of each message."""
        return [(message.session_event, message.content) for message in self.got]

    def consume_user_message(self, message: Any) -> Any:
        """Answer in capitals, if at all."""
        self.got.append(message)
        if not self.answering:
            return None
        text = "hello" if message.content is None else message.content.upper()
        return self.reply_to(message, text, message.content != "bye")

    def close_session(self, message: Any) -> None:
        """Remember."""
        self.got.append(message)

    def consume_ack(self, event: Any) -> None:
        """Remember."""
        self.events.append(event)

    consume_nack = consume_ack


class LinesCase(HttpCase):
    """Has a transport of the connector ``web``, and a parrot behind it."""

    timeout = 60

    async def lines(self, **options: Any) -> tuple[LinesTransport, int]:
        """A transport, and its port."""
        given = {"listen": "tcp:0", "linger": 2, **options}
        transport: LinesTransport = await self.start(LinesTransport, **given)
        assert transport.port is not None
        port: int = transport.port.getHost().port  # type: ignore[attr-defined]
        return transport, port

    async def talker(self, port: int) -> Talker:
        """A client."""
        endpoint = TCP4ClientEndpoint(self.reactor, "127.0.0.1", port)
        made: Talker = await endpoint.connect(Factory.forProtocol(Talker))
        self.addCleanup(lambda: Deferred.fromCoroutine(made.hang_up()))
        return made
