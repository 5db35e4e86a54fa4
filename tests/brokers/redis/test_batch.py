"""Calls are grouped into batches, whole, and not too many of them."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.batch import MOST_BYTES, MOST_POSTS, Batch, Call, alone
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.units import Units
from pipeline.delivery import Post

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
