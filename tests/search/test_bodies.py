"""Tests of pipeline.search.bodies, over real HTTP."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.search.bodies import Fetcher
from pipeline.search.findings import SearchFailed
from tests.search.exchange import listening


class Fetching(TestCase):
    """A body is fetched within bounds, or not at all."""

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.exchange, url = listening(self)
        self.url = f"{url}/search/advanced?title=x"

    async def fails(self, way: str, timeout: float = 30) -> str:
        self.exchange.way = way
        with self.assertRaises(SearchFailed) as caught:
            await Fetcher(self.reactor, timeout).get(self.url)
        return str(caught.exception)

    async def left(self) -> None:
        """Until the server sees that its client is gone."""
        while not self.exchange.left:
            await deferLater(self.reactor, 0.01)

    async def test_unpacked(self) -> None:
        """Status and body, whether it was packed or not."""
        for self.exchange.packed in (True, False):
            status, body, _ = await Fetcher(self.reactor, 30).get(self.url)
            self.assertEqual((200, b'{"items": [], "quota_remaining": 100}'), (status, body))

    async def test_no_redirect(self) -> None:
        """Where a redirect leads nobody goes."""
        self.exchange.way = "elsewhere"
        status, _, _ = await Fetcher(self.reactor, 30).get(self.url)
        self.assertEqual((302, 1), (status, len(self.exchange.asked)))

    async def test_too_long(self) -> None:
        """A gigabyte isn't read to its end: the connection is closed."""
        self.assertIn("longer than 524288 bytes", await self.fails("endless"))
        await self.left()

    async def test_bomb(self) -> None:
        """What unpacks to 40 MB is unpacked to 2."""
        self.assertIn("longer than 2097152 bytes unpacked", await self.fails("bomb"))

    async def test_broken(self) -> None:
        """What says that it is packed and isn't."""
        self.assertIn("can't be unpacked", await self.fails("broken"))

    async def test_silent(self) -> None:
        """A server that never answers is given up, and its connection closed."""
        self.assertEqual("no answer in 3 s", await self.fails("silent", 3))
        await self.left()

    async def test_slow(self) -> None:
        """So is one whose answer begins and never ends."""
        self.assertEqual("no answer in 3 s", await self.fails("slow", 3))
        await self.left()

    async def test_broken_off(self) -> None:
        """An answer that breaks off, or never begins."""
        for way in ("half", "closes"):
            self.assertIn("onnection", await self.fails(way))

    async def test_nobody(self) -> None:
        """A port where nobody listens, and a URL that is none."""
        for self.url in ("http://127.0.0.1:1/", "gopher://127.0.0.1/"):
            self.assertTrue(await self.fails("answer"))
