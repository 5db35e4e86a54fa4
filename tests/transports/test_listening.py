"""Tests of pipeline.transports.listening."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SkipTest, TestCase

from pipeline.config.endpoints import ServerDescription
from pipeline.errors import ConfigError
from pipeline.transports.listening import Listening, url_of
from pipeline.transports.tls import TlsConfig


class Opening(TestCase):
    """Ports are opened as they are described."""

    async def open(self, description: str, **options: bool) -> Any:
        from twisted.internet import reactor

        listening = Listening(ServerDescription(description), **options)
        port = await listening.open(Factory(), reactor)
        self.addCleanup(port.stopListening)
        return port

    async def test_local(self) -> None:
        """Without an interface, only this machine is served."""
        port = await self.open("tcp:0")
        self.assertEqual("127.0.0.1", port.getHost().host)
        self.assertEqual(f"http://127.0.0.1:{port.getHost().port}/", url_of(port))

    async def test_backlog(self) -> None:
        """A burst of clients finds room to wait in, where the endpoint doesn't say how much."""
        port = await self.open("tcp:0")
        self.assertGreaterEqual(port.backlog, 1000)

    async def test_interface(self) -> None:
        """An interface that is said is used; the URL is one that works."""
        port = await self.open("tcp:port=0:interface=0.0.0.0:backlog=7")
        self.assertEqual("0.0.0.0", port.getHost().host)
        self.assertEqual(
            (f"http://127.0.0.1:{port.getHost().port}/", 7), (url_of(port), port.backlog)
        )

    async def test_reuse(self) -> None:
        """A port can be shared only by those who all say so."""
        first = await self.open("tcp:0", reuse_port=True)
        same = f"tcp:{first.getHost().port}"
        await self.open(same, reuse_port=True)
        with self.assertRaises(CannotListenError):
            await self.open(same)

    async def test_fallback(self) -> None:
        """A taken port is replaced by another on the same interface, when asked for."""
        first = await self.open("tcp:0")
        other = await self.open(f"tcp:{first.getHost().port}", port_fallback=True)
        self.assertEqual("127.0.0.1", other.getHost().host)
        self.assertNotEqual(first.getHost().port, other.getHost().port)

    async def test_fallback_only_when_taken(self) -> None:
        """What fails for another reason still fails."""
        with self.assertRaises(CannotListenError):
            await self.open("tcp:0:interface=192.0.2.1", port_fallback=True)

    async def test_ipv6(self) -> None:
        """tcp6 is for this machine too, unless it says otherwise."""
        try:
            port = await self.open("tcp6:0", reuse_port=True)
        except CannotListenError as error:
            raise SkipTest("no IPv6 here") from error
        self.assertEqual("::1", port.getHost().host)
        self.assertEqual(f"http://[::1]:{port.getHost().port}/", url_of(port))

    def test_local_only(self) -> None:
        """It is known whether others can reach it."""
        local = ("tcp:80", "tcp6:80", "tcp:80:interface=127.0.0.2", "unix:x", "ssl:443")
        other = ("tcp:80:interface=0.0.0.0", "tcp6:80:interface=\\:\\:", "systemd:domain=INET")
        for description in (*local, *other):
            listening = Listening(ServerDescription(description))
            self.assertEqual(description in local, listening.is_local, description)

    def test_refused(self) -> None:
        """Arguments that would be lost are refused, with what to do."""
        tls = TlsConfig({"certificate": "x"})
        for description, given, said in (
            ("tcp:80:interfce=0.0.0.0", None, "no 'interfce' here"),
            ("ssl:443:sslmethod=TLSv1_METHOD", None, "use the option tls"),
            ("ssl:443:extraCertChain=x", None, "put the chain into the file"),
            ("ssl:443", tls, "not both"),
        ):
            with self.assertRaises(ConfigError) as caught:
                Listening(ServerDescription(description), tls=given)
            self.assertIn(said, str(caught.exception))

    async def test_unix(self) -> None:
        """Other endpoints are opened too, but have no port to share."""
        path = os.path.join(os.path.relpath(self.mktemp()))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        port = await self.open(f"unix:{path}")
        self.assertEqual(f"unix:{path}", url_of(port))
        with self.assertRaises(ConfigError):
            Listening(ServerDescription("unix:x"), reuse_port=True)
