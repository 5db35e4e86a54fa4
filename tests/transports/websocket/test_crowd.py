"""More clients than usual, and clients that do as they like."""

from __future__ import annotations

import os
import sys
import tracemalloc
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue

from tests.quick import SKIP
from tests.transports.websocket.clients import PING, TEXT, Talker, WebSocketCase, frame

#: Connects so many clients at once, has each say something, and then all of them leave.
CROWD = """
import asyncio, json, sys
from websockets.asyncio.client import connect

url, count = sys.argv[1], int(sys.argv[2])

async def talk(n, here, all_here):
    async with connect(url, proxy=None, open_timeout=100, ping_interval=None) as client:
        await client.send(json.dumps({"content": f"n{n}"}))
        said = json.loads(await client.recv())["content"]
        here.append(n)
        if len(here) == count:
            all_here.set()
        await all_here.wait()
        return said == f"N{n}"

async def main():
    here, all_here = [], asyncio.Event()
    print(sum(await asyncio.gather(*(talk(n, here, all_here) for n in range(count)))))

asyncio.run(main())
"""


class Crowd(WebSocketCase):
    """A thousand at once."""

    timeout = 180

    async def test_thousand(self) -> None:
        """A thousand clients connect at once; each gets its reply, while all are connected."""
        talker = await self.start(Talker)
        transport, port = await self.serve()
        most = []
        transport.statistics.gauge("most", lambda: max(most, default=0))
        args = ["-c", CROWD, f"ws://127.0.0.1:{port}/", "1000"]
        running = getProcessOutputAndValue(sys.executable, args, os.environ, reactor=self.reactor)
        while not running.called:
            most.append(len(transport.connections))
            await self.until(lambda: running.called or len(transport.connections) != most[-1])
        out, err, _ = await running
        self.assertEqual((b"1000\n", b""), (out, err))
        self.assertEqual(1000, max(most))
        await self.until(lambda: len(talker.closed) == 1000)
        self.assertEqual((1000, 1000), (len(talker.new), len(talker.heard)))
        await self.until(lambda: not transport.statistics.gauges["connections_open"])

    test_thousand.skip = SKIP  # type: ignore[attr-defined]

    async def test_limit(self) -> None:
        """More than so many, or so many of one address, are closed at once; the others stay."""
        await self.start(Talker)
        for options in ({"max_connections": 2}, {"max_connections_per_address": 2}):
            transport, port = await self.serve(**options)
            first, _ = await self.client(port), await self.client(port)
            third = await self.wire(port)
            self.assertEqual(b"", await third.gone)
            await first.close()
            await self.until(lambda t=transport: t.statistics.gauges["connections_open"] < 2)
            await self.client(port)
            self.assertEqual(1, transport.statistics.counts["refused"])


class Misuse(WebSocketCase):
    """Clients that take and never give, or give and never take."""

    timeout = 180

    async def silent(self, **options: Any) -> tuple[Any, Any, Any]:
        """An application, a transport, and a client that doesn't read."""
        talker = await self.start(Talker)
        transport, port = await self.serve(**options)
        wire = await self.raw(port)
        await self.until(lambda: talker.new)
        assert wire.transport is not None
        wire.transport.pauseProducing()  # type: ignore[attr-defined]
        return talker, transport, wire

    async def test_never_reads(self) -> None:
        """Who never reads is cut off; what could not be written is a nack, others are served."""
        talker, transport, wire = await self.silent(max_unread="200kB", max_in_flight=5)
        address = talker.new[0].from_addr
        pushed = 0
        while not talker.nacks and pushed < 2000:
            await talker.push(address, "x" * 20_000)
            pushed += 1
            await self.until(lambda n=pushed: len(talker.acks) + len(talker.nacks) >= n - 50)
        await self.until(lambda: talker.closed)
        self.assertIn("closed", talker.nacks[0].nack_reason)
        other = await self.client(transport.port.getHost().port)
        await other.say({"content": "hi"})
        self.assertEqual("HI", (await other.hear())["content"])
        wire.transport.resumeProducing()

    async def test_flood(self) -> None:
        """Who sends far more than is taken is made to wait; nothing is lost, memory stays."""
        talker = await self.start(Talker)
        talker.answering = False
        await talker.pause_connectors()
        transport, port = await self.serve(max_pending=5, max_depth=20)
        wire = await self.raw(port)
        small = frame(TEXT, b'{"content": "x"}') * 500
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        for _ in range(200):
            wire.say(small)
        # One place in the queue is taken by the beginning of the session.
        await self.until(lambda: transport.statistics.counts["messages_in"] == 24)
        before, _ = tracemalloc.get_traced_memory()
        await self.pause(0.5)
        after, _ = tracemalloc.get_traced_memory()
        self.assertLess(after - before, 4_000_000)
        self.assertEqual(24, transport.statistics.counts["messages_in"])
        talker.unpause_connectors()
        await self.until(lambda: len(talker.heard) > 1000)

    async def test_pings(self) -> None:
        """Who pings without end and never reads is cut off, and costs little until then."""
        _, transport, wire = await self.silent(ping_timeout=1)
        pings = frame(PING, b"x" * 100) * 1000
        while not wire.gone.called and transport._sessions:
            wire.say(pings)
            await self.pause(0.01)
        wire.transport.resumeProducing()

    def pause(self, seconds: float) -> Deferred[None]:
        """Let others do something."""
        from twisted.internet.task import deferLater

        return deferLater(self.reactor, seconds)
