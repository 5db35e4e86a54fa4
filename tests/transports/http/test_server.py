"""Tests of pipeline.transports.http.server."""

from __future__ import annotations

from twisted.internet.task import deferLater

from pipeline.transports.answers import Answer
from tests.transports.http.clients import ServerCase, encoded


class Time(ServerCase):
    """Everything has its time."""

    async def slowly(self) -> None:
        """Let a moment go by, and look for who is slow."""
        await deferLater(self.reactor, 0.02)
        self.server.end_slow()

    async def test_half_request(self) -> None:
        """A request that stops half-way is let go after the silence that is allowed, with a 408."""
        self.limit(idle_timeout=0.05)
        for half in (
            b"POST /messages HTTP/1.1\r\nContent-Le",
            encoded("POST", "/", None, Content_Length="10") + b"half",
        ):
            wire = await self.wire(self.port)
            wire.say(half)
            response = await wire.response()
            self.assertEqual((408, "request_too_slow"), (response.status, response.error["code"]))
            await wire.gone
        self.assertEqual([], self.seen)

    async def test_idle(self) -> None:
        """A connection without a request is closed without a word."""
        self.limit(idle_timeout=0.05)
        wire = await self.wire(self.port)
        self.assertEqual(b"", await wire.gone)
        self.assertEqual({"connections": 1, "timeouts": 1}, dict(self.statistics.counts))

    async def test_dripping(self) -> None:
        """A request that comes in drops is let go when it has taken too long, with a 408."""
        self.limit(head_timeout=0)
        for drops in (b"GE", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nA: "):
            wire = await self.wire(self.port)
            wire.say(drops)
            await self.until(lambda: [c for c in self.server.channels if c.whole_request_since])
            await self.slowly()
            self.assertEqual(408, (await wire.response()).status)
            await wire.gone
        self.assertEqual(3, self.statistics.counts["timeouts"])

    async def test_dripping_body(self) -> None:
        """A body may take longer than the headers, but not for ever."""
        self.limit(head_timeout=0)
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="10") + b"half")
        await self.until(lambda: self.server.kept)
        await self.slowly()
        self.assertEqual(1, len(self.server.channels))
        self.limit(request_timeout=0)
        await self.slowly()
        self.assertEqual(408, (await wire.response()).status)

    async def test_not_slow(self) -> None:
        """A connection that waits between requests is not slow, nor one that waits for its
        answer."""
        self.limit(request_timeout=0, head_timeout=0, read_timeout=0)
        wire = await self.wire(self.port)
        for _ in range(2):
            wire.say(encoded("GET", "/"))
            await wire.response()
            await self.slowly()
        self.server.handle = self.seen.append
        wire.say(encoded("GET", "/"))
        await self.until(lambda: len(self.seen) == 3)
        await self.slowly()
        self.assertEqual(1, len(self.server.channels))

    async def test_refused_and_dripping(self) -> None:
        """Who was refused and goes on drop by drop is cut off."""
        wire = await self.wire(self.port)
        wire.say(encoded("POST", "/", None, Content_Length="9999"))
        self.assertEqual(413, (await wire.response()).status)
        wire.say(b"x")
        self.limit(request_timeout=0)
        await self.slowly()
        await wire.gone

    async def test_unread(self) -> None:
        """A client that never reads its answer is cut off, and what it left is let go."""
        self.content = "x" * 20_000_000
        wire = await self.wire(self.port)
        wire.pause()
        wire.say(encoded("GET", "/"))
        await self.until(lambda: [c for c in self.server.channels if c.unread_since])
        await self.slowly()
        self.assertEqual(1, len(self.server.channels))
        self.limit(read_timeout=0)
        await self.slowly()
        await self.until(lambda: not self.server.channels)
        self.assertEqual(1, self.statistics.counts["timeouts"])


class Numbers(ServerCase):
    """Connections are bounded in number, and counted."""

    async def test_too_many(self) -> None:
        """Connections beyond the limit are closed at once, and later ones are fine."""
        self.admission._most = 1
        first = await self.wire(self.port)
        await self.until(lambda: self.server.channels)
        second = await self.wire(self.port)
        await second.gone
        await first.hang_up()
        await self.until(lambda: not self.server.channels)
        self.assertEqual(200, (await self.request(self.port, "GET", "/")).status)

    async def test_each(self) -> None:
        """One address may have so many only."""
        self.admission._each.limit = 1
        first, second = await self.wire(self.port), await self.wire(self.port)
        await second.gone
        first.say(encoded("GET", "/"))
        self.assertEqual(200, (await first.response()).status)
        self.assertEqual(1, self.statistics.counts["refused"])

    async def test_counts(self) -> None:
        """What comes and goes is counted."""
        await self.request(self.port, "POST", "/", b"x" * 10)
        await self.request(self.port, "POST", "/", b"x" * 101)
        counts = self.statistics.counts
        seen = [counts[name] for name in ("requests", "responses_2xx", "responses_4xx")]
        self.assertEqual([2, 1, 1], seen)
        self.assertGreater(counts["bytes_in"], 200)
        self.assertGreater(counts["bytes_out"], 30)


class Ending(ServerCase):
    """Who is done lets go."""

    async def test_answer_to_nobody(self) -> None:
        """An answer to a client that is gone goes nowhere."""
        self.server.handle = self.seen.append
        wire = await self.wire(self.port)
        wire.say(encoded("GET", "/"))
        await self.until(lambda: self.seen)
        await wire.hang_up()
        await self.until(lambda: not self.server.channels)
        self.seen[0].answer(Answer(200, None))

    async def test_close_idle(self) -> None:
        """Closing ends idle connections at once, others after their answer, and those that are
        new when they are asked to."""
        self.server.handle = self.seen.append
        idle, busy, new = [await self.wire(self.port) for _ in range(3)]
        idle.say(encoded("GET", "/"))
        await self.until(lambda: self.seen)
        self.seen.pop().answer(Answer(200, None))
        await idle.response()
        busy.say(encoded("GET", "/"))
        await self.until(lambda: self.seen)
        self.server.close_idle()
        await idle.gone
        begun = self.server.when_begun()
        self.assertFalse(begun.called or new.gone.called)
        self.server.close_new()
        await new.gone
        await begun
        self.seen[0].answer(Answer(200, None))
        self.assertEqual("close", (await busy.response()).headers["Connection"])
        await busy.gone
