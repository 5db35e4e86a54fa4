"""Foreign streams as sources."""

from __future__ import annotations

import json

from tests.transports.redis.places import NO_CLI, PlaceCase


class Reading(PlaceCase):
    """Entries become messages."""

    async def test_entries(self) -> None:
        """What is in the stream and what comes later is published, in order, and acknowledged;
        the entries stay."""
        self.add({"content": "one", "from_addr": "u1"}, {"content": "two"})
        await self.reading()
        await self.stored(2)
        [third] = self.add({"content": "three"})
        one, two, three = await self.messages(3)
        self.assertEqual(["one", "two", "three"], [m.content for m in (one, two, three)])
        self.assertEqual(("u1", self.place), (one.from_addr, one.to_addr))
        self.assertIsNone(two.from_addr)
        told = {"stream": self.place, "id": third.decode()}
        self.assertEqual(told, three.transport_metadata["redis"])
        await self.settled()
        self.assertEqual(3, self.tell("XLEN", self.place))

    async def test_from_the_end(self) -> None:
        """With ``start: $`` a new group leaves out what is there; later ones go on where it was."""
        self.add({"content": "old"})
        transport = await self.reading(start="$")
        await self.until(lambda: self.tell("XINFO", "GROUPS", self.place))
        self.add({"content": "new"})
        await self.stored(1)
        await transport.stop_worker(5)
        self.add({"content": "meanwhile"})
        await self.reading(start="$")
        self.assertEqual(["new", "meanwhile"], [m.content for m in await self.messages(2)])

    async def test_delete(self) -> None:
        """With ``delete`` what is stored is deleted."""
        await self.reading(delete=True, group="mine")
        self.add({"content": "one"}, {"content": "two"})
        await self.stored(2)
        await self.until(lambda: self.tell("XLEN", self.place) == 0)
        self.assertEqual(0, self.pending("mine"))

    async def test_two_processes(self) -> None:
        """Two processes share a stream: each entry is published once, and both have some."""
        one, two = await self.reading(batch=5), await self.reading(batch=5)
        self.add(*({"content": str(n)} for n in range(200)))
        got = [m.content for m in await self.messages(200)]
        self.assertEqual(sorted(str(n) for n in range(200)), sorted(got))
        reads = [each.statistics.counts["read"] for each in (one, two)]
        self.assertEqual(200, sum(reads))
        self.assertNotIn(0, reads)
        await self.settled()

    async def test_figures(self) -> None:
        """It is known what was read and published, what is pending and what lies ahead."""
        transport = await self.reading()
        self.add({"content": "one"}, {"content": "two"})
        await self.stored(2)
        await self.settled()
        counts = transport.statistics.counts
        self.assertEqual((2, 2), (counts["read"], counts["published"]))
        self.tell(
            "XREADGROUP", "GROUP", f"{self.namespace}.orders", "x", "STREAMS", self.place, ">"
        )
        assert transport._source is not None
        await transport._source.measure()
        known = transport.statistics.snapshot()
        self.assertEqual((0, 0, 1), (known["pending"], known["lag"], known["connected"]))


class Again(PlaceCase):
    """What was taken and not settled."""

    def take_as(self, consumer: str, count: int = 10) -> None:
        """Take entries as a process that dies then."""
        group = f"{self.namespace}.orders"
        words = ("GROUP", group, consumer, "COUNT", count, "STREAMS", self.place, ">")
        self.tell("XREADGROUP", *words)

    async def test_of_the_dead(self) -> None:
        """What a dead process had taken is taken over, and is no second message if it had stored
        it."""
        first = await self.reading()
        self.add({"content": "stored"})
        await self.stored(1)
        await self.settled()
        await first.stop_worker(5)
        self.tell("XGROUP", "SETID", self.place, f"{self.namespace}.orders", "0")
        self.add({"content": "not yet"})
        self.take_as("dead")
        self.assertEqual(2, self.pending())
        second = await self.reading()
        await self.settled()
        self.assertEqual(["stored", "not yet"], [m.content for m in await self.messages(2)])
        self.assertEqual(0, await self.waiting())
        self.assertEqual(2, second.statistics.counts["redelivered"])

    async def test_deleted_meanwhile(self) -> None:
        """What a dead process had taken and somebody has deleted is forgotten."""
        [id] = self.add({"content": "gone"})
        self.tell("XGROUP", "CREATE", self.place, f"{self.namespace}.orders", "0")
        self.take_as("dead")
        self.tell("XDEL", self.place, id)
        await self.reading()
        await self.settled()
        self.assertEqual(0, await self.waiting())

    async def test_consumers_leave(self) -> None:
        """Who stops with nothing in hand is no consumer of the group any more; nor is, after a
        while, one that died."""
        transport = await self.reading(claim_after=0.1)
        self.add({"content": "one"})
        await self.stored(1)
        self.add({"content": "two"})
        await self.settled()
        group = f"{self.namespace}.orders"
        self.tell("XGROUP", "CREATECONSUMER", self.place, group, "dead")

        def consumers() -> int:
            return len(self.tell("XINFO", "CONSUMERS", self.place, group))

        await self.until(lambda: consumers() == 1, 30)
        await transport.stop_worker(5)
        self.assertEqual(0, consumers())

    async def test_group_lost(self) -> None:
        """A group or a stream that is deleted is made again, from the start: nothing is lost, and
        what was published already makes no second message."""
        transport = await self.reading()
        self.add({"content": "one"})
        await self.stored(1)
        await self.settled()
        self.tell("XGROUP", "DESTROY", self.place, f"{self.namespace}.orders")
        self.add({"content": "two"})
        await self.stored(2)
        self.tell("DEL", self.place)
        self.add({"content": "three"})
        self.assertEqual(["one", "two", "three"], [m.content for m in await self.messages(3)])
        self.assertEqual(0, await self.waiting())
        self.assertGreaterEqual(transport.statistics.counts["read"], 4)

    async def test_stop_leaves_the_rest(self) -> None:
        """What can't be stored before the deadline stays pending, and another stores it."""
        transport = await self.start(
            read={"stream": self.place, "claim_after": 1}, max_depth=1, full_timeout=0.1
        )
        self.add(*({"content": str(n)} for n in range(3)))
        await self.stored(1)
        await self.until(lambda: self.pending() == 3)
        await transport.stop_worker(0.3)
        self.assertEqual(3, self.pending())
        await self.reading()
        await self.settled()
        got = [m.content for m in await self.messages(3)]
        self.assertEqual(["0", "1", "2"], sorted(got))
        self.assertEqual(0, await self.waiting())


class Pressure(PlaceCase):
    """A queue of ours that is full."""

    async def test_reading_stops(self) -> None:
        """Nothing more is read while there is no room; it goes on when there is. Who waits for
        long is not taken for dead."""
        full = {"max_depth": 10, "full_timeout": 0.2}
        read = {"stream": self.place, "batch": 5, "claim_after": 0.4}
        one = await self.start(read=read, **full)
        self.add(*({"content": str(n)} for n in range(40)))
        await self.stored(10)
        await self.pause(1.5)
        self.assertLessEqual(one.statistics.counts["read"], 15)
        two = await self.start(read=read, **full)
        await self.pause(1.5)
        self.assertEqual(10, await self.waiting())
        self.assertEqual(0, two.statistics.counts["redelivered"])
        got = [m.content for m in await self.messages(40)]
        self.assertEqual(sorted(map(str, range(40))), sorted(got))
        await self.settled()


class Bad(PlaceCase):
    """What is no message."""

    async def test_malformed(self) -> None:
        """An entry that lacks a field, or has one that is no text, is dead-lettered as it came,
        with where and why; it is acknowledged, and the others go on."""
        transport = await self.reading(fields={"content": "text"})
        ids = self.add({"what": "no"}, {"text": b"\xff\xfe"}, {"text": "good"})
        [good] = await self.messages(1)
        self.assertEqual("good", good.content)
        missing, wrong = await self.letters(2)
        self.assertEqual(b"malformed", missing["reason"])
        self.assertIn(b"content: 'text' is missing", missing["error"])
        self.assertIn(ids[0], missing["where"])
        self.assertEqual([["what", "no"]], json.loads(missing["payload"]))
        self.assertIn(b"not UTF-8", wrong["error"])
        [[_, text]] = json.loads(wrong["payload"])
        self.assertEqual(b"\xff\xfe", text.encode("utf-8", "surrogateescape"))
        await self.settled()
        self.assertEqual(2, transport.statistics.counts["malformed"])
        self.flushLoggedErrors()

    async def test_huge(self) -> None:
        """An entry over the limit is dead-lettered whole, and not read again."""
        huge = "x" * 20_000_000
        await self.reading(max_entry="1kB")
        self.add({"content": huge}, {"content": "small"})
        [small] = await self.messages(1)
        self.assertEqual("small", small.content)
        [letter] = await self.letters()
        self.assertEqual(b"oversized", letter["reason"])
        self.assertEqual([["content", huge]], json.loads(letter["payload"]))
        await self.settled()

    async def test_payload_field(self) -> None:
        """An entry may hold one payload in a field; without it the entry is malformed."""
        await self.reading(format="json", payload_field="data", fields={"content": "a.b"})
        self.add({"data": '{"a": {"b": 7}}'}, {"other": "x"}, {"data": "[1]"}, {"data": "{"})
        [message] = await self.messages(1)
        self.assertEqual("7", message.content)
        errors = [letter["error"] for letter in await self.letters(3)]
        for error, told in zip(errors, (b"no field 'data'", b"got list", b"not json"), strict=True):
            self.assertIn(told, error)

    async def test_other_type(self) -> None:
        """A key that is no stream is told, as a status too, and tried again until it is one."""
        self.tell("SET", self.place, "no stream")
        transport = await self.start(read={"stream": self.place}, publish_status=True)
        [status] = await self.messages(1, "orders.status")
        self.assertEqual(("down", "source"), (status.status, status.component))
        self.assertIn("WRONGTYPE", status.message)
        self.assertIn(self.place, status.message)
        self.tell("DEL", self.place)
        self.add({"content": "now"})
        [status] = await self.messages(1, "orders.status")
        self.assertEqual("ok", status.status)
        self.assertEqual("now", (await self.messages(1))[0].content)
        self.assertEqual(1, transport.statistics.counts["published"])


class Cli(PlaceCase):
    """With a client that isn't ours."""

    skip = NO_CLI

    async def test_producer(self) -> None:
        """What ``redis-cli`` adds arrives."""
        await self.reading(fields={"content": "text", "from_addr": "who"})
        await self.cli("XADD", self.place, "*", "text", "grüße", "who", "007")
        [message] = await self.messages(1)
        self.assertEqual(("grüße", "007"), (message.content, message.from_addr))
