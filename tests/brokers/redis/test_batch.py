"""Calls are grouped into batches, whole, and not too many of them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.batch import (
    MOST_BYTES,
    MOST_POSTS,
    PLAIN,
    PUBLISH,
    Batch,
    Call,
    alone,
    keys_of,
    request,
)
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Post
from tests.brokers.redis.bench import RedisCase

POST = Post("work.inbound", b"12345")


def call(count: int = 1, post: Post = POST, max_depth: int = 0) -> Call:
    return Call([post] * count, max_depth, lambda call: None)


class Room(SynchronousTestCase):
    def test_counts(self) -> None:
        """A batch knows how many messages it has, and how large they are."""
        batch = Batch(0)
        for count in (1, 3):
            batch.add(call(count))
        self.assertEqual((4, 20), (batch.count, batch.size))

    def test_first_always(self) -> None:
        """A call that is too large for any batch goes alone."""
        batch = Batch(0)
        self.assertTrue(batch.has_room_for(call(MOST_POSTS + 1)))
        batch.add(call(MOST_POSTS + 1))
        self.assertFalse(batch.has_room_for(call()))

    def test_limits(self) -> None:
        """There is room for so many messages, and so many bytes, of one depth."""
        batch = alone(call(MOST_POSTS - 1))
        self.assertTrue(batch.has_room_for(call(1)))
        self.assertFalse(batch.has_room_for(call(2)))
        self.assertFalse(batch.has_room_for(call(1, max_depth=5)))
        large = call(1, Post("q", b"x" * (MOST_BYTES - 5)))
        self.assertTrue(alone(large).has_room_for(call(1)))
        self.assertFalse(alone(large).has_room_for(call(2)))


def arguments(post: Post) -> list[Any]:
    """A message as the script is given it."""
    units = Units(Layout("n", 0), ())
    alone(call(post=post)).add_to(units)
    return units.args


class Arguments(SynchronousTestCase):
    def test_writes(self) -> None:
        """What is written with a message comes behind it, with its length first."""
        args = arguments(POST._replace(writes=(("delete", "k"),)))
        self.assertEqual([4, 1, "D", 1, 0], args[-5:])

    def test_writes_alone(self) -> None:
        """What has nothing but writes has no more before them."""
        args = arguments(POST._replace(writes=(("delete", "k"),)))
        self.assertEqual(["w", b"12345", 4, 1, "D", 1, 0], args)

    def test_state(self) -> None:
        """A value and a member of a sorted set are told without what says what they are."""
        writes = (("set", "k", b"v", 5), ("zadd", "z", 0, b"1.5", b"m"))
        args = arguments(POST._replace(writes=writes))
        self.assertEqual(["s", b"12345", 1, 5, b"v", 2, 0, b"1.5", b"m"], args)

    def test_now(self) -> None:
        """A message for now has no member of the delayed."""
        post = POST._replace(headers=(b"a", b"2"))
        args = arguments(post)
        self.assertEqual([0, "", 0, b"", 4, b"m", b"12345", b"a", b"2", 0], args)

    def test_window(self) -> None:
        """What makes a message unique is sent with a window only."""
        args = arguments(POST._replace(unique="u", window=7))
        self.assertEqual(["u", 7], args[1:3])
        self.assertEqual(["", 0], arguments(POST._replace(unique="u", delay=9))[1:3])

    def test_nothing_else(self) -> None:
        """What is nothing but a message is no more than that."""
        self.assertEqual([b"m", b"12345"], arguments(POST._replace(unique="u")))

    def test_delayed(self) -> None:
        """A delayed message is a member that nothing else is like."""
        one, two = [arguments(POST._replace(delay=9)) for _ in range(2)]
        self.assertEqual(9, one[0])
        self.assertNotEqual(one[3], two[3])
        self.assertIn(b"12345", one[3])


class Plain(RedisCase):
    """What is nothing but messages is stored by a shorter script, which answers alike."""

    def ask(self, queue: str, first: int, *payloads: bytes, depth: int = 0) -> Any:
        """Store a batch in two queues, by either script; the answer, which is the same."""
        replies = []
        for is_plain in (True, False):
            name = f"{queue}.{is_plain}"
            batch = alone(call(len(payloads), POST._replace(queue=name), depth))
            batch.posts = [Post(name, payload) for payload in payloads]
            batch.first, batch.is_plain = first, is_plain
            script, keys, args = request(batch, self.layout, self.keys(name), name)
            self.assertIs(PLAIN if is_plain else PUBLISH, script)
            replies.append(self.tell("EVAL", script.source, len(keys), *keys, *args))
            if replies[-1][0] == b"WRONGTYPE":
                self.assertEqual(self.layout.stream(name), replies[-1].pop())
        self.assertEqual(*replies)
        self.assertEqual(*[self.state(f"{queue}.{is_plain}") for is_plain in (True, False)])
        return replies[0]

    @property
    def layout(self) -> Layout:
        return Layout(self.namespace, 0)

    def keys(self, queue: str) -> list[bytes]:
        return keys_of(self.layout, queue, self.layout.producer(queue))

    def state(self, queue: str) -> Any:
        """What lies in a queue, and what is known of its producer."""
        stream, producer = self.layout.stream(queue), self.layout.producer(queue)
        kind = self.tell("TYPE", stream)
        entries = self.tell("XRANGE", stream, "-", "+") if kind == b"stream" else []
        number = self.tell("HGET", producer, queue)
        return [values for _, values in entries], number, self.tell("TTL", producer) > 1000

    def tell_both(self, command: str, key: Any, *words: Any) -> None:
        for is_plain in (True, False):
            name = f"q.{is_plain}"
            self.tell(command, key(name), *[name if word == "queue" else word for word in words])

    def test_alike(self) -> None:
        """Unknown producers, holes, what came before, in part or whole, and full queues."""
        self.assertEqual([b"UNKNOWN"], self.ask("q", 1, b"a"))
        self.tell_both("HSET", self.layout.producer, "queue", 0)
        self.assertEqual([b"GAP", 0], self.ask("q", 2, b"b"))
        self.assertEqual([b"FULL", 0], self.ask("q", 1, b"a", b"b", depth=1))
        self.assertEqual([b"OK", 2, 0], self.ask("q", 1, b"a", b"b", depth=2))
        self.assertEqual([b"OK", 2, 0], self.ask("q", 1, b"a", b"b", depth=2))
        self.assertEqual([b"OK", 2, 0], self.ask("q", 1, b"a"))
        self.assertEqual([b"FULL", 2], self.ask("q", 2, b"b", b"c", depth=2))
        self.assertEqual([b"OK", 3, 0], self.ask("q", 2, b"b", b"c", depth=3))
        entries, number, _ = self.state("q.True")
        self.assertEqual([[b"m", b"a"], [b"m", b"b"], [b"m", b"c"]], entries)
        self.assertEqual(b"3", number)

    def test_wrong_type(self) -> None:
        """A key of another type is named."""
        self.tell_both("HSET", self.layout.producer, "queue", 0)
        self.tell_both("SET", self.layout.stream, "x")
        self.assertEqual([b"WRONGTYPE"], self.ask("q", 1, b"a"))

    def test_when(self) -> None:
        """It is for messages alone, in queues that are no instance's and hold no dead letters."""
        for queue, post, script in (
            ("q", POST, PLAIN),
            ("q", POST._replace(delay=1), PUBLISH),
            ("q", POST._replace(window=1), PUBLISH),
            ("q", POST._replace(headers=(b"a", b"2")), PUBLISH),
            ("q", POST._replace(writes=(("delete", "k"),)), PUBLISH),
            ("q@me", POST, PUBLISH),
            ("!q", POST, PUBLISH),
        ):
            batch = alone(call())
            batch.add(call(post=post._replace(queue=queue)))
            self.assertIs(script, request(batch, self.layout, self.keys(queue), queue)[0])


class Written(RedisCase):
    """A message that only has writes is told shortly, and stored as one that is told at length."""

    def ask(self, number: int, post: Post, *, shortly: bool = True) -> Any:
        """Store a message as the producer's next; the answer."""
        layout = Layout(self.namespace, 0)
        producer = layout.producer("me")
        self.tell("HSETNX", producer, post.queue, 0)
        batch = alone(call(post=post))
        batch.first = number
        script, keys, args = request(
            batch, layout, keys_of(layout, post.queue, producer), post.queue
        )
        if not shortly:
            short = alone(call(post=post._replace(headers=(b"t", b"1"))))
            long = Units(layout, keys_of(layout, post.queue, producer))
            short.add_to(long)
            self.assertIn(args[5], ("w", "s"))
            self.assertEqual([4, b"m", post.payload, b"t", b"1"], long.args[4:9])
            args[5:] = [0, "", 0, b"", 2, b"m", post.payload, *long.args[9:]]
        return self.tell("EVAL", script.source, len(keys), *keys, *args)

    def lying(self, queue: str) -> list[list[bytes]]:
        """What lies in a stream, by its letter and its queue's name; not when it came there."""
        found = self.tell("XRANGE", f"{{{self.namespace}:0}}:{queue}", "-", "+")
        return [
            values[: values.index(b"enqueued_at")] if "x:" in queue else values
            for _, values in found
        ]

    def value(self) -> Any:
        return self.tell("GET", Layout(self.namespace, 0).store("v", "k"))

    def test_alike(self) -> None:
        """As whatever it is told, it is stored alike."""
        self.check(is_alone=True)

    def test_state_alike(self) -> None:
        """So is one with a value and a member of a sorted set."""
        self.check(is_alone=False)

    def check(self, *, is_alone: bool) -> None:
        """Once each, with what is written; for an instance that is gone it is a dead letter."""
        for shortly in (True, False):
            for queue, place in (("q", "q:q"), ("gone@me", "x:gone")):
                number = 1 if shortly else 2
                put = ("set", "k", b"%d" % number, 0)
                writes = (put,) if is_alone else (put, ("zadd", "z", 0, b"2.5", b"%d" % number))
                post = Post(queue, b"1", writes=writes)
                for _ in range(2):
                    reply = self.ask(number, post, shortly=shortly)
                    self.assertEqual([b"OK", number, 0], reply)
                self.assertEqual(b"%d" % number, self.value())
                members = self.tell("ZCARD", Layout(self.namespace, 0).store("z", "z"))
                self.assertEqual(0 if is_alone else number, members)
                found = self.lying(place)
                self.assertEqual(number, len(found))
                self.assertEqual(found[0], found[-1])

    def test_unwritable(self) -> None:
        """Of a write that can't be done nothing is, on both ways."""
        self.tell("LPUSH", Layout(self.namespace, 0).store("v", "k"), 1)
        put, into = ("set", "k", b"1", 0), ("zadd", "z", 0, b"1.5", b"m")
        others = (("set", "n", b"1", 0), (*into[:3], b"x", b"m")), (("set", "n", b"1", -1), into)
        for writes in ((put,), (put, into), *others):
            post = Post("q", b"1", writes=writes)
            replies = [self.ask(1, post, shortly=shortly) for shortly in (True, False)]
            self.assertEqual(b"UNWRITABLE", replies[0][0])
            self.assertEqual(replies[0], replies[1])
        self.assertEqual(0, self.tell("EXISTS", Layout(self.namespace, 0).stream("q")))

    def test_untouched(self) -> None:
        """A key of another type is an error of those messages alone that would touch it."""
        layout = Layout(self.namespace, 0)
        wrong: dict[bytes, dict[str, Any]] = {
            layout.delayed("q"): {"delay": 5},
            layout.window("q"): {"unique": "u", "window": 5},
        }
        for key in wrong:
            self.tell("SET", key, "x")
        post = Post("q", b"1", writes=(("set", "k", b"1", 0),))
        self.assertEqual([b"OK", 1, 0], self.ask(1, post))
        for key, option in wrong.items():
            self.assertEqual([b"WRONGTYPE", key], self.ask(2, post._replace(**option)))
