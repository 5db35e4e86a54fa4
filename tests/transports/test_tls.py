"""Tests of pipeline.transports.tls."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThread
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, TestCase

from pipeline.config.endpoints import ServerDescription
from pipeline.errors import ConfigError
from pipeline.transports.listening import Listening
from pipeline.transports.tls import Certificate, TlsConfig
from tests.brokers.redis.certificates import write_certificate

#: How long a client of ours waits, in seconds.
PATIENCE = 20


class _Echo(Protocol):
    """Says what it hears."""

    def connectionMade(self) -> None:
        self.factory.open += 1  # type: ignore[attr-defined,union-attr]

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.open -= 1  # type: ignore[attr-defined,union-attr]
        self.factory.closed()  # type: ignore[attr-defined,union-attr]


class _Factory(Factory):
    protocol = _Echo  # type: ignore[assignment]
    noisy = False

    def __init__(self) -> None:
        self.open = 0
        self._waiting: list[Deferred[None]] = []

    def closed(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    async def when_closed(self) -> None:
        while self.open:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting


class TlsCase(TestCase):
    """Has certificates, and a server that shows them."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.certificate, self.key = write_certificate(self.folder, "localhost")

    async def listen(self, description: str = "tcp:0", **options: Any) -> int:
        """A server's port."""
        from twisted.internet import reactor

        given = {"certificate": self.certificate, "key": self.key, "reload": 0, **options}
        tls = TlsConfig(given) if description.startswith("tcp") else None
        factory = _Factory()
        listening = Listening(ServerDescription(description), tls=tls)
        self.assertTrue(listening.is_secure)
        opened: Any = await listening.open(factory, reactor)
        self.addCleanup(lambda: Deferred.fromCoroutine(factory.when_closed()))
        self.addCleanup(opened.stopListening)
        return int(opened.getHost().port)

    def renew(self, host: str = "localhost") -> bytes:
        """Put another certificate in the place of the first; what clients must trust now."""
        other = self.folder / "other"
        other.mkdir(exist_ok=True)
        certificate, key = write_certificate(other, host)
        os.replace(key, self.key)
        os.replace(certificate, self.certificate)
        return Path(self.certificate).read_bytes()

    def logged(self) -> list[str]:
        """What the log says from now on."""
        said: list[str] = []

        def observe(event: Any) -> None:
            said.append(formatEvent(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        return said

    def context(self, **options: Any) -> ssl.SSLContext:
        """A client that trusts what the file has now."""
        context = ssl.create_default_context(cafile=self.certificate)
        for name, value in options.items():
            setattr(context, name, value)
        return context

    async def talk(self, port: int, context: ssl.SSLContext | None = None) -> tuple[bytes, str]:
        """What is said back, and the version of TLS."""
        client = await deferToThread(_connected, port, context or self.context())
        try:
            version = str(client.version())
            return await deferToThread(_echoed, client), version
        finally:
            client.close()


class Serving(TlsCase):
    """A client of Python's own talks TLS to it."""

    async def test_talks(self) -> None:
        """The certificate is right for its name; the newest version is spoken, 1.1 is not."""
        port = await self.listen()
        self.assertEqual((b"hello", "TLSv1.3"), await self.talk(port))
        old = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        self.assertEqual((b"hello", "TLSv1.2"), await self.talk(port, old))
        older = self.context(minimum_version=ssl.TLSVersion.TLSv1_1)
        older.maximum_version = ssl.TLSVersion.TLSv1_1
        older.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises(ssl.SSLError):
            await self.talk(port, older)

    async def test_protocols(self) -> None:
        """A client that offers protocols is answered without one."""
        port = await self.listen()
        context = self.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        client = await deferToThread(_connected, port, context)
        self.addCleanup(client.close)
        self.assertIsNone(client.selected_alpn_protocol())
        self.assertEqual(b"hello", await deferToThread(_echoed, client))

    async def test_minimum(self) -> None:
        """With minimum 1.3, 1.2 is refused."""
        port = await self.listen(minimum="1.3")
        with self.assertRaises(ssl.SSLError):
            await self.talk(port, self.context(maximum_version=ssl.TLSVersion.TLSv1_2))

    async def test_endpoint(self) -> None:
        """An ssl endpoint is the same; its port is for this machine only."""
        port = await self.listen(f"ssl:0:privateKey={self.key}:certKey={self.certificate}")
        self.assertEqual((b"hello", "TLSv1.3"), await self.talk(port))

    async def test_client_certificate(self) -> None:
        """With client_ca, a client must show a certificate that is signed by it."""
        theirs, key = write_certificate(self.folder, "client")
        port = await self.listen(client_ca=theirs)
        with self.assertRaises(OSError):
            await self.talk(port)
        context = self.context()
        context.load_cert_chain(theirs, key)
        self.assertEqual(b"hello", (await self.talk(port, context))[0])


class Renewing(TlsCase):
    """The files may change while it runs."""

    async def test_renewed(self) -> None:
        """New connections see the new certificate; an open one goes on."""
        port = await self.listen()
        before = self.context()
        client = await deferToThread(_connected, port, before)
        self.renew()
        self.assertEqual(b"hello", (await self.talk(port))[0])
        with self.assertRaises(ssl.SSLCertVerificationError):
            await self.talk(port, before)
        self.assertEqual(b"hello", await deferToThread(_echoed, client))
        client.close()

    async def test_broken(self) -> None:
        """What can't be used is logged once, and the old certificate stays; then it is mended."""
        said = self.logged()
        port = await self.listen()
        good = self.context()
        Path(self.certificate).write_text("half a certif", encoding="ascii")
        for _ in range(2):
            self.assertEqual(b"hello", (await self.talk(port, good))[0])
        stays = [each for each in said if each.startswith("the old certificate stays in use")]
        self.assertEqual(1, len(stays), said)
        self.assertIn(f"{self.certificate} has no certificates as PEM", stays[0])
        self.renew()
        self.assertEqual(b"hello", (await self.talk(port))[0])
        Path(self.key).unlink()
        self.assertEqual(b"hello", (await self.talk(port))[0])

    async def test_not_the_key(self) -> None:
        """Between the two files' renewal nothing breaks."""
        port = await self.listen()
        good = self.context()
        shutil.copy(write_certificate(self.folder, "other")[1], self.key)
        self.assertEqual(b"hello", (await self.talk(port, good))[0])

    async def test_ends_soon(self) -> None:
        """Of a certificate that ends soon, as these do, the log warns when it is read."""
        said = self.logged()
        await self.listen()
        warned = [each for each in said if "the certificate ends on" in each]
        self.assertEqual(1, len(warned), said)

    def test_not_looked(self) -> None:
        """Files are looked at no more often than the option says."""
        from twisted.internet.task import Clock

        clock = Clock()
        given = {"certificate": self.certificate, "key": self.key, "reload": 60}
        made = Certificate(TlsConfig(given), clock)
        first = made.serverConnectionForTLS(None).get_context()
        self.renew()
        clock.advance(59)
        self.assertIs(first, made.serverConnectionForTLS(None).get_context())
        clock.advance(1)
        self.assertIsNot(first, made.serverConnectionForTLS(None).get_context())


class Wrong(TlsCase):
    """At the start, files that can't be used are errors that name them."""

    def refused(self, **given: str) -> str:
        from twisted.internet.task import Clock

        config = {"certificate": self.certificate, "key": self.key, **given}
        with self.assertRaises(ConfigError) as caught:
            Certificate(TlsConfig(config), Clock())
        return str(caught.exception)

    def test_files(self) -> None:
        """Not there, not PEM, not the key of the other, a key with a passphrase."""
        self.assertIn("can't read nowhere", self.refused(certificate="nowhere"))
        self.assertIn("no certificates", self.refused(certificate=self.key))
        self.assertIn("no key as PEM", self.refused(key=self.certificate))
        other = write_certificate(self.folder, "other")[1]
        self.assertIn(f"{other} is not the key of", self.refused(key=other))
        self.assertIn("passphrase", self.refused(key=self.locked()))

    def test_options(self) -> None:
        """Options that make no sense alone."""
        for given in ({"key": "x"}, {"client_ca": "x"}):
            with self.assertRaises(ConfigError):
                TlsConfig(given)

    def locked(self) -> str:
        """A key with a passphrase, as OpenSSL's own program makes it."""
        if shutil.which("openssl") is None:
            raise SkipTest("no openssl")
        path = str(self.folder / "locked.key")
        command = ["openssl", "ec", "-in", self.key, "-aes256", "-passout", "pass:x", "-out", path]
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE)
        return path


def _connected(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    import socket

    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    try:
        return context.wrap_socket(plain, server_hostname="localhost")
    except BaseException:
        plain.close()
        raise


def _echoed(client: ssl.SSLSocket) -> bytes:
    client.sendall(b"hello")
    return client.recv(100)
