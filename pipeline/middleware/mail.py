"""Sends notes by mail, in the background, and never many."""

from __future__ import annotations

from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from io import BytesIO
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.mail.smtp import SMTPSender, SMTPSenderFactory
from twisted.python.failure import Failure

from pipeline.threads import threaded

__all__ = ["Mailer"]

#: Seconds after which a mail that is not sent is given up.
TIMEOUT = 30.0

HOUR = 3600.0

_log = Logger()


class _Sender(SMTPSender):
    """Fails when the connection is lost too early; Twisted's leaves that to its own way to connect,
    which is not that of endpoints."""

    def connectionLost(self, reason: Any = None) -> None:
        super().connectionLost(reason)
        self.factory.given_up(reason)


class _Factory(SMTPSenderFactory):
    protocol = _Sender

    def given_up(self, reason: Failure) -> None:
        """The connection is gone: whoever still waits is told."""
        # It is taken away when it has fired.
        result: Deferred[Any] | None = getattr(self, "result", None)
        if result is not None:
            self.sendFinished = True
            result.errback(reason)


class Mailer:
    """Sends notes to the same people.

    :param clock: the reactor; for a Clock, mail goes by the reactor that is installed.
    :param relay: the SMTP server, a :class:`~pipeline.config.endpoints.ClientDescription`.
    :param sender: the address that they are from.
    :param recipients: whom they are for.
    :param limit: how many an hour; those beyond are counted in the next one.
    """

    def __init__(
        self, clock: Any, relay: Any, sender: str, recipients: Sequence[str], limit: int
    ) -> None:
        self._clock = clock
        self._reactor = threaded(clock)
        self._endpoint = relay.endpoint(self._reactor)
        self._sender, self._recipients, self._limit = sender, list(recipients), limit
        self._until = 0.0
        self._left = self._left_out = 0
        self._under_way: set[Deferred[None]] = set()

    def send(self, subject: str, text: str) -> None:
        """Send a note, unless there were too many. Returns at once; an error is logged."""
        now = self._clock.seconds()
        if now >= self._until:
            self._until, self._left = now + HOUR, self._limit
        if not self._left:
            self._left_out += 1
            return
        self._left -= 1
        if self._left_out:
            text += f"\n{self._left_out} more were left out, as there were too many.\n"
            self._left_out = 0
        sending = Deferred.fromCoroutine(self._sent(self._mail(subject, text)))
        self._under_way.add(sending)
        sending.addTimeout(TIMEOUT, self._reactor).addErrback(self._failed)
        sending.addBoth(lambda _: self._under_way.discard(sending))

    async def stop(self) -> None:
        """Give up what is not sent yet."""
        under_way = list(self._under_way)
        for each in under_way:
            each.cancel()
        await DeferredList(under_way)

    def _mail(self, subject: str, text: str) -> bytes:
        mail = EmailMessage()
        mail["From"], mail["To"] = self._sender, ", ".join(self._recipients)
        mail["Subject"] = " ".join(subject.split())[:200]
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain="localhost")
        mail.set_content(text)
        return mail.as_bytes()

    async def _sent(self, mail: bytes) -> None:
        done: Deferred[Any] = Deferred()
        factory = _Factory(self._sender, self._recipients, BytesIO(mail), done, retries=0)
        protocol = await self._endpoint.connect(factory)
        try:
            await done
        finally:
            # A cancelled one is still talking.
            protocol.transport.loseConnection()

    def _failed(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            _log.failure("a mail could not be sent", failure)
