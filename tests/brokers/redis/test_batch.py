"""Calls are grouped into batches, whole, and not too many of them."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.batch import MOST_BYTES, MOST_POSTS, Batch, Call, alone
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


class Arguments(SynchronousTestCase):
    def test_now(self) -> None:
        """A message for now has no member of the delayed."""
        post = POST._replace(headers=(b"a", b"2"))
        args = alone(call(post=post)).args()
        self.assertEqual([0, "", 0, b"", 4, b"m", b"12345", b"a", b"2"], args)

    def test_window(self) -> None:
        """What makes a message unique is sent with a window only."""
        args = alone(call(post=POST._replace(unique="u", window=7))).args()
        self.assertEqual(["u", 7], args[1:3])
        self.assertEqual(["", 0], alone(call(post=POST._replace(unique="u"))).args()[1:3])

    def test_delayed(self) -> None:
        """A delayed message is a member that nothing else is like."""
        one, two = [alone(call(post=POST._replace(delay=9))).args() for _ in range(2)]
        self.assertEqual(9, one[0])
        self.assertNotEqual(one[3], two[3])
        self.assertIn(b"12345", one[3])
