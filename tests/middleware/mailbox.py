"""A real SMTP server, for the tests of what sends mail."""

from __future__ import annotations

from email import message_from_bytes
from email.message import Message
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.endpoints import serverFromString
from twisted.mail.smtp import IMessage, IMessageDelivery, SMTPBadRcpt, SMTPFactory, User
from zope.interface import implementer

from pipeline.config.endpoints import ClientDescription


@implementer(IMessage)
class _Letter:
    """One mail that comes in."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box
        self._lines: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:
        self._lines.append(line)

    def eomReceived(self) -> Deferred[None]:
        self._box.letters.append(message_from_bytes(b"\n".join(self._lines)))
        return succeed(None)

    def connectionLost(self) -> None: ...


@implementer(IMessageDelivery)
class _Delivery:
    """Takes mail for everybody but ``nobody``."""

    def __init__(self, box: Mailbox) -> None:
        self._box = box

    def receivedHeader(self, helo: Any, origin: Any, recipients: Any) -> bytes:
        return b"Received: here"

    def validateFrom(self, helo: Any, origin: Any) -> Any:
        return origin

    def validateTo(self, user: User) -> Any:
        if user.dest.local == b"nobody":
            raise SMTPBadRcpt(user)
        return lambda: _Letter(self._box)


class Mailbox:
    """Listens on a free port of this machine.

    :ivar letters: what has come, once for each who gets it.
    """

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self._port: Any = None

    async def open(self, reactor: Any, port: int = 0) -> None:
        """Begin to listen; on a free port if none is given."""
        factory = SMTPFactory()
        factory.timeout = 30
        delivery = _Delivery(self)

        def build(addr: Any) -> Any:
            protocol = SMTPFactory.buildProtocol(factory, addr)
            protocol.delivery = delivery
            return protocol

        factory.buildProtocol = build
        endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
        self._port = await endpoint.listen(factory)

    async def close(self) -> None:
        """Listen no longer."""
        stopping = self._port.stopListening()
        if stopping is not None:
            await stopping

    @property
    def address(self) -> ClientDescription:
        """Where it is."""
        return ClientDescription(f"tcp:127.0.0.1:{self._port.getHost().port}")
