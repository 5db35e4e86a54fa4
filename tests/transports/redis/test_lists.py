"""Foreign lists as sources."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.transports.redis import RedisTransport
from tests.transports.redis.places import NO_CLI, PlaceCase, as_json


class ListCase(PlaceCase):
    """A transport that reads the list."""

    async def listening(self, **options: Any) -> RedisTransport:
        read = {"list": self.place, "claim_after": 1, **options}
        return await self.start(read=read)

    @property
    def register(self) -> str:
        return f"{self.place}:processing"

    def push(self, *items: str | bytes) -> None:
        self.tell("RPUSH", self.place, *items)

    def keys(self) -> list[bytes]:
        """What is left of the list and of all that belongs to it."""
        found: list[bytes] = self.tell("KEYS", f"{self.place}*")
        return sorted(found)


class Reading(ListCase):
    """Items become messages."""

    async def test_items(self) -> None:
        """What is in the list and what comes later is published, in order; equal items are as
        many messages; nothing is left behind at the end."""
        self.push(as_json(content="a", from_addr="u"), as_json(content="b"))
        transport = await self.listening()
        await self.stored(2)
        self.push(as_json(content="b"), as_json(content="c"))
        got = await self.messages(4)
        self.assertEqual(["a", "b", "b", "c"], [m.content for m in got])
        self.assertEqual(("u", self.place), (got[0].from_addr, got[0].to_addr))
        await transport.stop_worker(5)
        self.assertEqual([], self.keys())

    async def test_sides(self) -> None:
        """Items are taken from the end that is wanted."""
        self.push(*(as_json(content=c) for c in "abc"))
        await self.listening(side="right")
        self.assertEqual(["c", "b", "a"], [m.content for m in await self.messages(3)])

    async def test_text_and_msgpack(self) -> None:
        """A list may hold plain text, or msgpack."""
        await self.listening(format="text")
        self.push("just text", b"\xff")
        [message] = await self.messages(1)
        self.assertEqual("just text", message.content)
        [letter] = await self.letters()
        self.assertEqual(b"\xff", letter["payload"])

    async def test_msgpack(self) -> None:
        """A list may hold msgpack."""
        await self.listening(format="msgpack")
        self.push(b"\x81\xa7content\xa2hi")
        self.assertEqual("hi", (await self.messages(1))[0].content)

    async def test_malformed(self) -> None:
        """An item that is no object, or is too long, is dead-lettered as it came; the others go
        on."""
        await self.listening(max_entry=100)
        self.push("{broken", as_json(content="x" * 200), as_json(content="good"))
        self.assertEqual("good", (await self.messages(1))[0].content)
        broken, long = await self.letters(2)
        self.assertEqual((b"malformed", b"{broken"), (broken["reason"], broken["payload"]))
        self.assertEqual((b"oversized", 215), (long["reason"], len(long["payload"])))

    async def test_other_type(self) -> None:
        """A key that is no list is told, and read once it is one."""
        self.tell("SET", self.place, "x")
        transport = await self.listening()
        assert transport._source is not None
        await self.until(lambda: "WRONGTYPE" in transport._source._trouble.reason)
        self.tell("DEL", self.place)
        self.push(as_json(content="now"))
        self.assertEqual("now", (await self.messages(1))[0].content)

    async def test_two_processes(self) -> None:
        """Two processes share a list: each item is one message."""
        await self.listening(batch=5)
        await self.listening(batch=5)
        self.push(*(as_json(content=str(n)) for n in range(200)))
        got = [m.content for m in await self.messages(200)]
        self.assertEqual(sorted(map(str, range(200))), sorted(got))
        self.assertEqual(0, await self.waiting())


class Again(ListCase):
    """What was taken and not stored."""

    async def test_of_the_dead(self) -> None:
        """What a dead process held is taken over, its register entry cleared, and what it had
        stored already is no second message."""
        first = await self.listening()
        assert first._source is not None

        # As if it died between storing and saying so.
        first._source.settle = lambda _: Deferred()  # type: ignore[method-assign,assignment,return-value]
        self.push(as_json(content="a"), as_json(content="a"))
        await self.stored(2)
        owner = first._source._consumer
        self.assertEqual(2, self.tell("LLEN", f"{self.register}:{owner}"))
        second = await self.listening()
        await self.until(lambda: not self.tell("EXISTS", f"{self.register}:{owner}"), 30)
        await self.until(lambda: not self.tell("HEXISTS", self.register, f"b:{owner}"), 30)
        self.assertEqual(2, await self.waiting())
        self.assertEqual(2, second.statistics.counts["redelivered"])
        first._source.hurry()

    async def test_late_word(self) -> None:
        """Word that items are stored, when it comes late or twice, takes nothing else away."""
        transport = await self.listening()
        source: Any = transport._source
        self.push(as_json(content="a"))
        await self.stored(1)
        await self.until(lambda: not self.tell("LLEN", f"{self.register}:{source._consumer}"))
        await source.stop(5)
        mine = f"{self.register}:{source._consumer}"
        first = await source._items(source._consumer, more=True)
        self.assertEqual([], first)
        self.push(as_json(content="b"), as_json(content="c"))
        taken = await source._items(source._consumer, more=True)
        self.assertEqual(2, len(taken))
        old, source._first = source._first, b"1"
        await source.settle(taken)
        self.assertEqual(2, self.tell("LLEN", mine))
        source._first = old
        await source.settle(taken)
        await source.settle(taken)
        self.assertEqual(0, self.tell("LLEN", mine))

    async def test_left_at_stop(self) -> None:
        """Who stops without having stored all leaves it for others, who have it at once."""
        transport = await self.start(
            read={"list": self.place, "claim_after": 600}, max_depth=1, full_timeout=0.1
        )
        self.push(*(as_json(content=c) for c in "abc"))
        await self.stored(1)
        await transport.stop_worker(0.3)
        await self.listening(claim_after=600)
        self.assertEqual(["a", "b", "c"], sorted(m.content for m in await self.messages(3)))


class Cli(ListCase):
    """With a client that isn't ours."""

    skip = NO_CLI

    async def test_producer(self) -> None:
        """What ``redis-cli`` pushes arrives."""
        await self.listening(fields={"content": "text", "from_addr": "user.phone"})
        await self.cli("LPUSH", self.place, '{"text": "hi", "user": {"phone": "+27"}}')
        [message] = await self.messages(1)
        self.assertEqual(("hi", "+27"), (message.content, message.from_addr))
