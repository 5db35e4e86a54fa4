"""Processes and servers that die in the middle: everything is counted afterwards."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

from pipeline.testing.server import own_server
from tests.service.support import ROOT, command, written
from tests.transports.redis.places import PlaceCase, Stranger

ENTRIES = 2000

CONFIG = """
namespace: {namespace}
redis: unix://{ours}
dead_after: 2s
workers:
  orders:
    class: pipeline.transports.redis.RedisTransport
    transport_name: orders
    url: unix://{theirs}
    read: {{{kind}: {place}, format: {format}, claim_after: 2s, batch: 20}}
"""


class Killed(PlaceCase):
    """A transport is a process of its own here."""

    timeout = 180

    def run_one(self, kind: str, theirs: str, format: str) -> Any:
        """Start a process that reads; it is gone when the test ends."""
        text = CONFIG.format(
            namespace=self.namespace,
            ours=self.address.path,
            theirs=theirs,
            kind=kind,
            place=self.place,
            format=format,
        )
        process = command(self, "run", written(self, text))
        process.wait_for_error("worker 'orders' is ready")
        return process

    def fill_all(self, stranger: Stranger, *words: str) -> None:
        """Let a stranger write all entries."""
        for n in range(ENTRIES):
            stranger.call(*words, n)

    async def midway(self, least: int = 100) -> None:
        """Wait until some are stored, and see that not all are."""
        await self.stored(least)
        self.assertLess(await self.waiting(), ENTRIES)

    async def all_once(self) -> None:
        """Every entry has become one message."""
        got = Counter(m.content for m in await self.messages(ENTRIES))
        self.assertEqual(Counter(map(str, range(ENTRIES))), got)
        self.assertEqual(0, await self.waiting())

    async def test_stream(self) -> None:
        """Of 2,000 entries none is lost or doubled when the process is killed midway, and another
        is started."""
        stranger = Stranger(self.address)
        self.addCleanup(stranger.close)
        self.fill_all(stranger, "XADD", self.place, "*", "content")
        first = self.run_one("stream", self.address.path, "fields")
        await self.midway()
        first.signal(signal.SIGKILL)
        first.end()
        self.assertLess(await self.waiting(), ENTRIES)
        self.run_one("stream", self.address.path, "fields")
        await self.stored(ENTRIES)
        await self.settled()
        await self.all_once()

    async def test_list(self) -> None:
        """Of 2,000 items none is lost or doubled when the process is killed midway, and another
        is started."""
        stranger = Stranger(self.address)
        self.addCleanup(stranger.close)
        self.fill_all(stranger, "RPUSH", self.place)
        first = self.run_one("list", self.address.path, "text")
        await self.midway()
        first.signal(signal.SIGKILL)
        first.end()
        self.assertLess(await self.waiting(), ENTRIES)
        self.run_one("list", self.address.path, "text")
        await self.stored(ENTRIES)
        await self.until(lambda: not self.tell("LLEN", self.place), 30)
        await self.all_once()

    async def test_their_server(self) -> None:
        """Of 2,000 entries none is lost or doubled when their server crashes and comes again."""
        theirs = own_server(self.mktemp(), options=("--appendfsync", "always"))
        self.addCleanup(theirs.stop_now)
        stranger = Stranger(theirs.address)
        self.addCleanup(stranger.close)
        self.fill_all(stranger, "XADD", self.place, "*", "content")
        self.run_one("stream", theirs.address.path, "fields")
        await self.midway()
        theirs.kill_now()
        self.assertLess(await self.waiting(), ENTRIES)
        theirs.start_now()
        await self.stored(ENTRIES)
        await self.all_once()

    async def test_our_server(self) -> None:
        """Of 2,000 entries none is lost or doubled when our own server crashes and comes again."""
        ours = own_server(self.mktemp(), options=("--appendfsync", "always"))
        self.addCleanup(ours.stop_now)
        theirs, self.address = self.address, ours.address
        stranger = Stranger(theirs)
        self.addCleanup(stranger.close)
        self.fill_all(stranger, "XADD", self.place, "*", "content")
        self.run_one("stream", theirs.path, "fields")
        await self.midway()
        ours.kill_now()
        looker = await self.look()
        await self.until(lambda: not looker.available)
        ours.start_now()
        await self.until(lambda: looker.available)
        await self.stored(ENTRIES)
        await self.all_once()
        group = f"{self.namespace}.orders"
        await self.until(lambda: stranger.call("XPENDING", self.place, group)[0] == 0, 30)

    async def test_stopped(self) -> None:
        """A process that is stopped politely ends with status 0, and leaves nothing pending."""
        process = self.run_one("stream", self.address.path, "fields")
        self.add(*({"content": str(n)} for n in range(200)))
        await self.midway(20)
        status, _, _ = process.terminate()
        self.assertEqual(0, status)
        self.assertEqual(0, self.pending())


class Sample(PlaceCase):
    """config/redis-transport.yaml at work, with a stranger on the other side."""

    timeout = 120

    async def test_sample(self) -> None:
        """A stranger's order is answered on the other stream, under its own number."""
        server = self.make_server()
        process = command(
            self,
            "run",
            str(ROOT / "config" / "redis-transport.yaml"),
            PIPELINE_REDIS=f"unix://{server.address.path}",
        )
        process.wait_for_error("worker 'orders' is ready")
        stranger = Stranger(server.address)
        self.addCleanup(stranger.close)
        stranger.call(
            *("XADD", "orders", "*", "article", "tea", "customer", "ann", "order_id", "17")
        )
        [[_, [[_, flat]]]] = stranger.call("XREAD", "BLOCK", 20_000, "STREAMS", "order_results", 0)
        told = dict(zip(flat[::2], flat[1::2], strict=True))
        self.assertEqual((b"ann", b"17"), (told[b"customer"], told[b"order_id"]))
        self.assertIn(b"Hello ann, you said: tea", told[b"text"])
        stranger.call("XADD", "orders", "*", "what", "no order")
        await self.until(lambda: stranger.call("XLEN", "{shop:0}:x:orders.inbound"), 30)
        shown = command(
            self,
            *("dead", "list", str(ROOT / "config" / "redis-transport.yaml")),
            PIPELINE_REDIS=f"unix://{server.address.path}",
        )
        status, out, _ = shown.end()
        self.assertEqual(0, status)
        self.assertIn("malformed", out)
        self.assertEqual(0, process.terminate()[0])
