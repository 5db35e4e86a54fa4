"""What is pending for a consumer and not in its hands is found again."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis import membership
from pipeline.brokers.redis.layout import GROUP
from pipeline.delivery import Settled
from tests.brokers.redis.bench import QUEUE, RedisCase


class Pending(RedisCase):
    async def setUpConsumer(self) -> None:
        self.one = await self.make_broker()
        self.consumer = await self.open(self.one)
        self.membership = self.consumer.membership
        self.stream = f"{{{self.namespace}:0}}:q:{QUEUE}"

    def read_by_nobody(self, count: int) -> None:
        """Let the server think that the consumer has got messages."""
        read: Any = ("XREADGROUP", "GROUP", GROUP, self.one.worker_id, "COUNT", count)
        self.tell(*read, "STREAMS", self.stream, ">")

    async def test_found(self) -> None:
        """Thousands whose replies were lost come with the next takes, once each."""
        await self.setUpConsumer()
        await self.fill(self.one, *[b"%d" % n for n in range(2500)])
        [first] = await self.take(self.consumer, 1)
        self.read_by_nobody(2400)
        self.membership.suspect()
        taken = await self.take(self.consumer, 2499)
        payloads = sorted(int(job.payload) for job in [first, *taken])
        self.assertEqual(list(range(2500)), payloads)
        self.assertEqual({0}, {job.deaths for job in taken})
        self.assertEqual({Settled.WON}, set(await self.soon(self.consumer.settle(taken), 20)))

    async def test_in_hand_is_not_lost(self) -> None:
        """What is in hand, or found already, is not found again."""
        await self.setUpConsumer()
        await self.fill(self.one, b"1", b"2", b"3")
        await self.take(self.consumer, 1)
        self.read_by_nobody(1)
        for _ in range(3):
            self.membership.suspect()
            await self.membership.reconcile(self.consumer._reader)
        self.assertEqual([b"2"], [job.payload for job in self.membership.backlog])

    async def test_deleted(self) -> None:
        """What is pending and was deleted is let go."""
        await self.setUpConsumer()
        await self.fill(self.one, b"1", b"2")
        self.read_by_nobody(2)
        [(gone, _), _] = self.tell("XRANGE", self.stream, "-", "+")
        self.tell("XDEL", self.stream, gone)
        self.membership.suspect()
        [job] = await self.take(self.consumer, 1)
        self.assertEqual(b"2", job.payload)
        self.assertEqual(1, self.tell("XPENDING", self.stream, GROUP)[0])

    async def test_now_and_then(self) -> None:
        """The server is not asked at every take."""
        await self.setUpConsumer()
        await self.membership.reconcile(self.consumer._reader)
        await self.fill(self.one, b"1")
        self.read_by_nobody(1)
        await self.membership.reconcile(self.consumer._reader)
        self.assertEqual(0, len(self.membership.backlog))

    async def test_again_and_again(self) -> None:
        """A reply that was lost with no loss of the connection is found when it is time to look."""
        self.patch(membership, "RECONCILE", 0.05)
        await self.setUpConsumer()
        await self.membership.reconcile(self.consumer._reader)
        await self.fill(self.one, b"1")
        self.read_by_nobody(1)
        await self.pause(0.06)
        await self.membership.reconcile(self.consumer._reader)
        self.assertEqual([b"1"], [found.payload for found in self.membership.backlog])

    async def test_interval(self) -> None:
        """It is time every few seconds."""
        self.assertTrue(1 <= membership.RECONCILE <= 10)

    async def test_another_life(self) -> None:
        """What was found of a queue's former life is forgotten with it."""
        await self.setUpConsumer()
        await self.fill(self.one, b"1", b"2")
        self.read_by_nobody(1)
        self.membership.suspect()
        await self.membership.reconcile(self.consumer._reader)
        self.membership.suspects[b"5-5"] = 1
        token = self.consumer.token
        await self.flush()
        await self.membership.join()
        self.assertNotEqual(token, self.consumer.token)
        self.assertEqual((0, {}), (len(self.membership.backlog), self.membership.suspects))

    async def test_no_take_over_after_the_end(self) -> None:
        """A consumer that has left takes over nothing any more."""
        await self.setUpConsumer()
        other = await self.make_broker()
        held = await self.open(other)
        await self.fill(self.one, b"x")
        await self.take(held, 1)
        await self.consumer.close()
        self.tell("ZREM", f"{{{self.namespace}:0}}:w", other.worker_id)
        self.assertEqual(-1, await self.membership.take_over(other.worker_id.encode(), b""))

    async def test_no_take_over_from_the_living(self) -> None:
        """Whose beat has moved since it was called dead keeps what it has."""
        await self.setUpConsumer()
        other = await self.make_broker()
        held = await self.open(other)
        await self.fill(self.one, b"x")
        await self.take(held, 1)
        self.assertEqual(-1, await self.membership.take_over(other.worker_id.encode(), b"0"))
        self.assertEqual({}, self.membership.suspects)


class Together(RedisCase):
    """Consumers of one process that read the same queue have one name in its group."""

    async def setUpConsumers(self, count: int) -> None:
        self.one = await self.make_broker()
        self.first = await self.open(self.one)
        self.second = await self.open(self.one)
        self.stream = f"{{{self.namespace}:0}}:q:{QUEUE}"
        await self.fill(self.one, *[b"%d" % n for n in range(count)])

    def read_by_nobody(self) -> None:
        read: Any = ("XREADGROUP", "GROUP", GROUP, self.one.worker_id, "COUNT", 1)
        self.tell(*read, "STREAMS", self.stream, ">")

    async def look(self) -> None:
        for consumer in [self.first, self.second]:
            consumer.membership.suspect()
            await consumer.membership.reconcile(consumer._reader)

    async def test_others_hands(self) -> None:
        """What one has in hand, another doesn't take for a lost reply, however often it looks."""
        self.patch(membership, "RECONCILE", 0.0)
        await self.setUpConsumers(4)
        [a] = await self.take(self.first, 1)
        [b] = await self.take(self.second, 1)
        for _ in range(3):
            await self.look()
        [c] = await self.take(self.first, 1)
        [d] = await self.take(self.second, 1)
        self.assertEqual([b"0", b"1", b"2", b"3"], [job.payload for job in [a, b, c, d]])

    async def test_under_way(self) -> None:
        """What nobody has got yet may be a reply under way; after a while it is found, by one."""
        self.patch(membership, "RECONCILE", 0.05)
        await self.setUpConsumers(1)
        self.read_by_nobody()
        await self.look()
        found = [self.first.membership.backlog, self.second.membership.backlog]
        self.assertEqual([0, 0], [len(backlog) for backlog in found])
        await self.pause(0.06)
        await self.look()
        self.assertEqual([1, 0], [len(backlog) for backlog in found])

    async def test_one_leaves(self) -> None:
        """One that closes hands back nothing of the other, which then looks for itself."""
        self.patch(membership, "RECONCILE", 0.0)
        await self.setUpConsumers(2)
        [a] = await self.take(self.second, 1)
        await self.soon(self.first.close())
        self.assertEqual(1, self.tell("XPENDING", self.stream, GROUP)[0])
        self.read_by_nobody()
        self.second.membership.suspect()
        [b] = await self.take(self.second, 1)
        self.assertEqual([b"0", b"1"], [job.payload for job in [a, b]])
        self.assertEqual({Settled.WON}, set(await self.soon(self.second.settle([a, b]))))

    async def test_at_work(self) -> None:
        """Two that take and settle a thousand, and look all the time, get each message once."""
        self.patch(membership, "RECONCILE", 0.02)
        await self.setUpConsumers(1000)
        got: list[bytes] = []
        while len(got) < 1000:
            for consumer in [self.first, self.second]:
                if len(got) < 1000:
                    taken = await self.soon(consumer.take(7))
                    got += [job.payload for job in taken]
                    await self.look()
                    results = await self.soon(consumer.settle(taken))
                    self.assertEqual({Settled.WON}, set(results))
        self.assertEqual(sorted(got), sorted(b"%d" % n for n in range(1000)))
