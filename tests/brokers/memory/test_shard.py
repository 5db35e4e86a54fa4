"""One partition in memory."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory.shard import Shard
from pipeline.delivery import Delivery, Depth, Post, Settled
from pipeline.errors import QueueFull


class ShardTests(SynchronousTestCase):
    """What one message can touch changes in one step."""

    def setUp(self) -> None:
        self.now = 1000
        self.shard = Shard(lambda: self.now)

    def delivery(self, queue: str = "q") -> Delivery:
        """A message of a queue, taken."""
        stream = self.shard.stream(queue)
        [entry] = stream.take("w", 1)
        return Delivery(queue, entry.id, entry.payload, token=stream.token)

    def test_all_or_nothing(self) -> None:
        """A batch that doesn't fit is refused whole."""
        self.shard.accept([Post("q", b"1")], 2)
        self.assertRaises(QueueFull, self.shard.accept, [Post("q", b"2"), Post("q", b"3")], 2)
        self.assertEqual(Depth(1, 0, 0, 0), self.shard.depth("q"))

    def test_next_due(self) -> None:
        """The next due time is that of the first delayed message of any queue."""
        self.assertIsNone(self.shard.next_due())
        self.shard.post(Post("q", b"", delay=500))
        self.shard.post(Post("r", b"", delay=200))
        self.assertEqual(1200, self.shard.next_due())
        self.now = 1200
        self.shard.move_due()
        self.assertEqual((1500, {"r"}), (self.shard.next_due(), self.shard.touched))

    def test_first_published(self) -> None:
        """A delayed message was first published when it was delayed, not when it became due."""
        self.shard.post(Post("q", b"", delay=500))
        self.now = 1500
        self.shard.move_due()
        [entry] = self.shard.stream("q").take("w", 1)
        self.assertEqual(b"1000", entry.headers[b"t"])

    def test_touched(self) -> None:
        """A settled delivery touches its own queue too: a suspect may wait for its end."""
        self.shard.post(Post("q", b"1"))
        delivery = self.delivery()
        delivery.stage(Post("r", b"2"))
        self.shard.touched.clear()
        self.assertEqual(Settled.WON, self.shard.settle(delivery))
        self.assertEqual({"q", "r"}, self.shard.touched)

    def test_unknown_queue(self) -> None:
        """A delivery of a queue that isn't there any more is fenced, and not handed back."""
        self.shard.post(Post("q", b"1"))
        delivery = self.delivery()
        self.shard.flush()
        self.assertEqual(Settled.FENCED, self.shard.settle(delivery))
        self.shard.hand_back(delivery)
        self.assertEqual(Depth(0, 0, 0, 0), self.shard.depth("q"))

    def test_orphan(self) -> None:
        """What an instance's queue holds, and what comes later, lies with its connector's."""
        self.shard.post(Post("web.outbound@1", b"1", (b"a", b"3")))
        self.shard.post(Post("web.outbound@1", b"2", delay=100))
        self.shard.orphan("web.outbound@1")
        self.now += 100
        self.shard.move_due()
        first, second = self.shard.graves.page("web.outbound", "-", 10)
        self.assertEqual((b"1", b"2"), (first.fields["payload"], second.fields["payload"]))
        self.assertEqual((b"gone", b"3"), (first.fields["reason"], first.fields["attempts"]))
        self.assertEqual((b"web.outbound@1", "web.outbound"), (first.fields["queue"], first.queue))

    def test_only_its_own(self) -> None:
        """With a worker only its own instances' queues go."""
        self.shard.owners.update({"a@1": "dead", "a@2": "living"})
        for queue in ("a@1", "a@2"):
            self.shard.post(Post(queue, b"x"))
        self.shard.bereave("dead")
        self.assertEqual((0, 1), (self.shard.depth("a@1").waiting, self.shard.depth("a@2").waiting))
