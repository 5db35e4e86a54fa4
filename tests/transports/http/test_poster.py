"""Tests of pipeline.transports.http.poster."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.transports.http.poster import NotTaken, Poster
from tests.brokers.redis.certificates import write_certificate
from tests.transports.http.clients import WireCase
from tests.transports.http.receivers import Receiver


class Posting(WireCase):
    """A body is posted to a server of Python's own."""

    def poster(self, timeout: float = 20, ca: str | None = None) -> Poster:
        made = Poster(self.reactor, timeout, 2, ca)
        self.addCleanup(lambda: Deferred.fromCoroutine(made.stop()))
        return made

    async def not_taken(self, poster: Poster, url: str) -> str:
        with self.assertRaises(NotTaken) as caught:
            await poster.post(url, {}, b"hello")
        return str(caught.exception)

    async def test_answered(self) -> None:
        """The status is what counts; a redirect is a status like others."""
        for status in (200, 302, 404, 503):
            receiver = Receiver([status]).start(self)
            receiver.extra = {"Location": receiver.url("/elsewhere"), "Retry-After": "7"}
            answered = await self.poster().post(receiver.url(), {"X-Y": "z"}, b"hello")
            self.assertEqual((status, 7), answered)
            [got] = receiver.got
            self.assertEqual(("/hooks/x", "z", b"hello"), (got.path, got.headers["X-Y"], got.body))

    async def test_retry_after(self) -> None:
        """No more than an hour; what is no number counts nothing."""
        receiver = Receiver().start(self)
        date = "Fri, 01 Jan 2100 00:00:00 GMT"
        for said, seconds in (("99999", 3600), (date, 0), ("-1", 0), ("\xb2", 0)):
            receiver.extra = {"Retry-After": said}
            self.assertEqual((200, seconds), await self.poster().post(receiver.url(), {}, b""))

    async def test_kept(self) -> None:
        """A connection is used again."""
        receiver = Receiver().start(self)
        poster = self.poster()
        for _ in range(3):
            await poster.post(receiver.url(), {}, b"")
        self.assertEqual(1, len(poster._pool._connections))

    async def test_unreachable(self) -> None:
        """Nobody there, no such name, no HTTP: the error says which."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        said = await self.not_taken(self.poster(), f"http://127.0.0.1:{port}/")
        self.assertIn("ConnectionRefusedError", said)
        said = await self.not_taken(self.poster(), "http://name.invalid/")
        self.assertIn("DNSLookupError", said)

    async def test_too_late(self) -> None:
        """An answer that doesn't come is waited for no longer than that."""
        receiver = Receiver().start(self)
        receiver.hold.clear()
        said = await self.not_taken(self.poster(0.2), receiver.url())
        self.assertEqual("no answer in 0.2 s", said)

    async def test_endless_answer(self) -> None:
        """Of a long answer only the beginning is read; the connection is not used again."""
        receiver = Receiver().start(self)
        receiver.content = b"x" * 10_000_000
        poster = self.poster()
        self.assertEqual((200, 0), await poster.post(receiver.url(), {}, b""))
        self.assertEqual([], [each for each in poster._pool._connections.values() if each])

    async def test_cancelled(self) -> None:
        """Who gives up is not told that it was not taken."""
        receiver = Receiver().start(self)
        receiver.hold.clear()
        posting = Deferred.fromCoroutine(self.poster().post(receiver.url(), {}, b""))
        await self.until(lambda: receiver.got)
        posting.cancel()
        await self.assertFailure(posting, CancelledError)

    async def test_tls(self) -> None:
        """A certificate that nobody vouches for is refused, and one of a trusted signer is not."""
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate = write_certificate(folder, "localhost")
        receiver = Receiver().start(self, certificate)
        self.assertIn("certificate", await self.not_taken(self.poster(), receiver.url()))
        self.assertEqual([], receiver.got)
        trusting = self.poster(ca=certificate[0])
        self.assertEqual((200, 0), await trusting.post(receiver.url(), {}, b""))
        elsewhere = receiver.url().replace("localhost", "127.0.0.1")
        self.assertIn("Verification", await self.not_taken(trusting, elsewhere))


class Trust(TestCase):
    """Whom to trust is read when it is made."""

    def test_unusable(self) -> None:
        """A file that is none."""
        from twisted.internet import reactor

        path = Path(self.mktemp())
        path.write_text("nothing", encoding="ascii")
        for file in ("no-such.pem", str(path)):
            with self.assertRaises(ConfigError) as caught:
                Poster(reactor, 1, 1, file)
            self.assertIn(f"webhooks.ca: can't use {file}", str(caught.exception))
