"""What settle.lua does in short forms is what it does in the long one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Delivery, Post
from pipeline.store import Store
from tests.brokers.redis.bench import OTHER, QUEUE, RedisCase

#: The keys that are looked at, with their kinds.
KINDS = ("v:state", "h:orders", "z:live", "z:over")

Spoil = Callable[[Delivery], object]


def staged(job: Delivery) -> None:
    """What the end of a task's call is: the value and the place of its name change, unless .."""
    name = job.payload
    job.store.expect_field("orders", "stop", None)
    job.store.writes += (
        ("set", "state", name, 60_000),
        ("zrem", "live", name),
        ("zadd", "over", 0, b"7.5", name),
    )


def lengthened(job: Delivery) -> None:
    """One more write, which does nothing, and there is no short form."""
    job.store.writes.append(("hdel", "none", b"none"))


class Moves(RedisCase):
    """A name moves from one sorted set to another, a value is set, a field may not be there."""

    async def outcome(self, broker: Any, consumer: Any, *spoils: Spoil) -> tuple[Any, ...]:
        """What becomes of one that is so, and of the store."""
        kinds = [f"{{{self.namespace}:0}}:s:{kind}" for kind in KINDS]
        self.tell("DEL", *kinds)
        await self.fill(broker, b"x")
        [job] = await self.take(consumer, 1)
        store = Store(broker.reader())
        store.zadd("live", b"x", 1)
        await store.commit()
        staged(job)
        for spoil in spoils:
            spoil(job)
        results = await self.soon(consumer.settle([job]))
        kept = [(self.tell("DUMP", key), self.tell("PTTL", key) > 50_000) for key in kinds]
        stream = f"{{{self.namespace}:0}}:q:{QUEUE}"
        there = self.tell("XRANGE", stream, job.id, job.id)
        in_hand = self.tell("XPENDING", stream, "pipeline", job.id, job.id, 1)
        return results, job.refusal, kept, len(there), len(in_hand)

    def told(self, *command: object) -> Spoil:
        """Tell the server something, before it is settled."""
        words = [str(word).replace("@", f"{{{self.namespace}:0}}:") for word in command]
        return lambda job: self.tell(*(word.replace("ID", job.id.decode()) for word in words))

    async def test_same(self) -> None:
        """Whatever comes in between, the same becomes of it and of all that it wants."""
        cases: dict[str, Spoil] = {
            "nothing": lambda job: None,
            "another field": self.told("HSET", "@s:h:orders", "other", 1),
            "the field": self.told("HSET", "@s:h:orders", "stop", 1),
            "settled": self.told("XACK", f"@q:{QUEUE}", "pipeline", "ID"),
            "no hash": self.told("SADD", "@s:h:orders", "x"),
            "no value": self.told("SADD", "@s:v:state", "x"),
            "nowhere": self.told("DEL", "@s:z:live"),
            "no set": self.told("SET", "@s:z:live", "x"),
            "no other set": self.told("SET", "@s:z:over", "x"),
            "no time": lambda job: _replace(job, 0, ("set", "state", b"x", 10**16)),
            "no score": lambda job: _replace(job, 2, ("zadd", "over", 0, b"nan", b"x")),
        }
        broker = await self.make_broker()
        consumer = await self.open(broker)
        seen = set()
        for name, spoil in cases.items():
            with self.subTest(name):
                short = await self.outcome(broker, consumer, spoil)
                long = await self.outcome(broker, consumer, spoil, lengthened)
                self.assertEqual(long, short)
                seen.update(result.name for result in short[0])
        self.assertEqual({"WON", "CONFLICT", "LOST", "REFUSED"}, seen)

    def test_arguments(self) -> None:
        """It is short where that says all, and long where more is wanted."""
        others: dict[str, Spoil] = {
            "a write": lengthened,
            "a message": lambda job: job.stage(Post(OTHER, b"y")),
            "a check": lambda job: job.store.expect("k", None),
            "another name": lambda job: _replace(job, 1, ("zrem", "live", b"y")),
            "two names": lambda job: _replace(job, 1, ("zrem", "live", b"x", b"y")),
            "another write": lambda job: _replace(job, 0, ("incr", "state", 1, 0)),
            "a note": lambda job: setattr(job, "wait", 1.0),
        }
        self.assertEqual(12, len(_arguments()))
        for name, spoil in others.items():
            with self.subTest(name):
                self.assertNotIn("m", _arguments(spoil)[:2])


def _replace(job: Delivery, place: int, write: tuple[Any, ...]) -> None:
    job.store.writes[place] = write


def _arguments(spoil: Spoil = lambda job: None) -> list[Any]:
    job = Delivery(QUEUE, b"1-1", b"x")
    staged(job)
    spoil(job)
    units = Units(Layout("ns", 0), [b"stream", b"token"], is_short=True)
    units.add_delivery(job)
    return units.args
