"""Tests of pipeline.middleware.mail, with a real SMTP server."""

from __future__ import annotations

from collections.abc import Callable
from email.header import decode_header, make_header
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock, deferLater
from twisted.mail.smtp import SMTPConnectError, SMTPDeliveryError
from twisted.trial.unittest import TestCase

from pipeline.config.endpoints import ClientDescription
from pipeline.middleware import mail
from pipeline.middleware.mail import HOUR, Mailer
from tests.middleware.mailbox import Mailbox

ADA, BOB = "ada@example.org", "bob@example.org"


class Mails(TestCase):
    """Notes by mail."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.clock = Clock()

    async def begin(self, *to: str, limit: int = 10, relay: Any = None) -> Mailer:
        """A mailer, and the server that it sends to."""
        box = self.box = Mailbox()
        await self.box.open(self.reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(box.close()))
        at = relay or self.box.address
        mailer = Mailer(self.clock, at, "web@example.org", to or [ADA], limit)
        self.addCleanup(lambda: Deferred.fromCoroutine(mailer.stop()))
        return mailer

    async def until(self, claim: Callable[[], Any]) -> None:
        for _ in range(3000):
            if claim():
                return
            await deferLater(self.reactor, 0.01)
        self.fail("it didn't come in 30 s")

    async def logged(self, *kinds: type[BaseException]) -> None:
        """Wait for an error in the log."""
        errors: list[Any] = []

        def has_come() -> bool:
            errors.extend(self.flushLoggedErrors(*kinds))
            return bool(errors)

        await self.until(has_come)

    async def test_sent(self) -> None:
        """A note arrives at all, with what stands in it; line breaks make no header."""
        mailer = await self.begin(ADA, BOB)
        mailer.send("Über\r\nBcc: eve@example.org", "ä text\n.\nwith a dot\n")
        await self.until(lambda: len(self.box.letters) == 2)
        letter = self.box.letters[1]
        subject = str(make_header(decode_header(letter["Subject"])))
        self.assertEqual("Über Bcc: eve@example.org", subject)
        told = (letter["From"], letter["To"], letter["Bcc"])
        self.assertEqual(("web@example.org", f"{ADA}, {BOB}", None), told)
        payload = letter.get_payload(decode=True)
        assert isinstance(payload, bytes)
        self.assertEqual("ä text\n.\nwith a dot", payload.decode().replace("\r\n", "\n").strip())

    async def test_limit(self) -> None:
        """Those beyond the limit are left out, and counted in the first of the next hour."""
        mailer = await self.begin(limit=2)
        for number in range(5):
            mailer.send(f"n{number}", "text")
        await self.until(lambda: len(self.box.letters) == 2)
        self.clock.advance(HOUR)
        mailer.send("later", "text")
        await self.until(lambda: len(self.box.letters) == 3)
        self.assertEqual("later", self.box.letters[2]["Subject"])
        self.assertIn("3 more were left out", str(self.box.letters[2].get_payload()))

    async def test_refused(self) -> None:
        """A server that doesn't take it is an error in the log, and no more; others get theirs."""
        mailer = await self.begin("nobody@example.org", ADA)
        mailer.send("a", "text")
        await self.until(lambda: self.box.letters)
        mailer = await self.begin("nobody@example.org")
        mailer.send("a", "text")
        await self.logged(SMTPDeliveryError)
        self.assertEqual([], self.box.letters)

    async def test_no_server(self) -> None:
        """No server, or one that hangs up, is an error in the log, and no more."""
        mailer = await self.begin(relay=ClientDescription("tcp:127.0.0.1:1"))
        mailer.send("a", "text")
        await self.logged(ConnectionRefusedError)
        port = await serverFromString(self.reactor, "tcp:0:interface=127.0.0.1").listen(
            Factory.forProtocol(_HangingUp)
        )
        self.addCleanup(port.stopListening)
        mailer = await self.begin(relay=ClientDescription(f"tcp:127.0.0.1:{port.getHost().port}"))
        mailer.send("a", "text")
        await self.logged(ConnectionDone, SMTPConnectError)

    async def test_silence(self) -> None:
        """A server that says nothing is given up in time: an error in the log, and no more."""
        self.patch(mail, "TIMEOUT", 0.05)
        port = await serverFromString(self.reactor, "tcp:0:interface=127.0.0.1").listen(
            Factory.forProtocol(Protocol)
        )
        self.addCleanup(port.stopListening)
        mailer = await self.begin(relay=ClientDescription(f"tcp:127.0.0.1:{port.getHost().port}"))
        mailer.send("a", "text")
        await self.logged(TimeoutError)

    async def test_stop(self) -> None:
        """Stopping gives up what a silent server keeps."""
        port = await serverFromString(self.reactor, "tcp:0:interface=127.0.0.1").listen(
            Factory.forProtocol(Protocol)
        )
        self.addCleanup(port.stopListening)
        mailer = await self.begin(relay=ClientDescription(f"tcp:127.0.0.1:{port.getHost().port}"))
        mailer.send("a", "text")
        await deferLater(self.reactor, 0.05)
        await mailer.stop()


class _HangingUp(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.loseConnection()
