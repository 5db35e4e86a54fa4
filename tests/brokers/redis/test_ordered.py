"""A queue in order on a real server: no reply that is lost, and no zombie, mixes it up."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.layout import GROUP
from pipeline.delivery import Settled
from pipeline.errors import BrokerUnavailable
from pipeline.testing.contracts.base import QUEUE, Bench
from tests.brokers.redis.bench import RedisBench


class Ordered(RedisBench, Bench, TestCase):
    async def reading(self, count: int = 6) -> None:
        self.one = await self.make_broker()
        self.consumer = await self.open(self.one, ordered=True)
        await self.fill(self.one, *[b"%d" % n for n in range(count)])
        self.stream = self.one.layouts[0].stream(QUEUE)
        self.lease = self.one.layouts[0].lease(QUEUE)

    def numbers(self, taken: Any) -> list[int]:
        return [int(job.payload) for job in taken]

    def read_by_ghost(self, count: int) -> None:
        """Let a read of ours be carried out whose answer nobody gets."""
        read: Any = ("XREADGROUP", "GROUP", GROUP, self.one.worker_id, "COUNT", count)
        self.tell(*read, "STREAMS", self.stream, ">")

    async def test_lost_reply(self) -> None:
        """What a lost reply brought comes next, before what is new."""
        await self.reading()
        taken = await self.take(self.consumer, 2)
        self.read_by_ghost(2)
        taken += await self.take(self.consumer, 4)
        self.assertEqual([0, 1, 2, 3, 4, 5], self.numbers(taken))
        self.assertEqual({0}, {job.deaths for job in taken})

    async def test_late_ghost(self) -> None:
        """A read of ours that comes late is noticed before anything is read beyond it."""
        await self.reading()
        self.read_by_ghost(1)
        taken = await self.take(self.consumer, 1)
        self.read_by_ghost(3)
        taken += await self.take(self.consumer, 5)
        self.assertEqual([0, 1, 2, 3, 4, 5], self.numbers(taken))

    async def test_failing_script(self) -> None:
        """A read that fails is made again, and nothing is skipped."""
        await self.reading()
        run, failures = self.one.client.run, [1, 1]

        def failing(script: Any, keys: Any, args: Any) -> Any:
            reply = run(script, keys, args)
            if script.name == "read.lua" and failures:
                failures.pop()
                return reply.addCallback(lambda _: 1 / 0).addErrback(lost)
            return reply

        def lost(failure: Any) -> None:
            failure.trap(ZeroDivisionError)
            raise BrokerUnavailable("lost")

        self.patch(self.one.client, "run", failing)
        taken = await self.take(self.consumer, 6)
        self.assertEqual([0, 1, 2, 3, 4, 5], self.numbers(taken))

    async def test_zombie_reads_nothing(self) -> None:
        """Who has lost the lease and doesn't know reads nothing, and then waits its turn."""
        await self.reading()
        [job] = await self.take(self.consumer)
        self.tell("SET", self.lease, "9:somebody:abc")
        taking = self.consumer.take(10)
        await self.wait(0.1)
        self.assertFalse(self.consumer.has_lease)
        self.assertEqual(1, self.tell("XPENDING", self.stream, GROUP)[0])
        self.assertEqual([Settled.FENCED], await self.settle(self.consumer, job))
        self.assertEqual({}, self.consumer.in_hand)
        self.tell("SET", self.lease, "9::")
        self.assertEqual(0, self.numbers(await self.soon(taking))[0])

    async def test_epochs(self) -> None:
        """Every lease has a higher epoch than the one before."""
        await self.reading()
        await self.take(self.consumer)
        self.assertTrue(self.tell("GET", self.lease).startswith(b"1:"))
        await self.consumer.hand_back(list(self.consumer.in_hand.values()))
        await self.soon(self.consumer.close())
        self.assertEqual(b"1::", self.tell("GET", self.lease))
        other = await self.open(self.one, ordered=True)
        await self.take(other)
        self.assertTrue(self.tell("GET", self.lease).startswith(b"2:"))

    async def test_many_pending(self) -> None:
        """Thousands that were pending come in order, whoever had them."""
        await self.reading(1200)
        stranger = await self.open(await self.make_broker())
        await self.take(stranger, 700)
        taken = await self.take(self.consumer, 1200)
        self.assertEqual(list(range(1200)), self.numbers(taken))
        self.assertEqual({Settled.WON}, set(await self.settle(self.consumer, *taken)))
        stranger.in_hand.clear()

    async def test_wakes(self) -> None:
        """While it waits for messages it takes none, and is there as soon as one comes."""
        await self.reading(0)
        taking = self.consumer.take(1)
        await self.wait(0.1)
        await self.fill(self.one, b"7")
        self.assertEqual([7], self.numbers(await self.soon(taking)))

    async def test_lost_group(self) -> None:
        """When the group has gone it is made anew, and everything that is there is read again."""
        await self.reading()
        jobs = await self.take(self.consumer, 2)
        self.tell("XGROUP", "DESTROY", self.stream, GROUP)
        taken = await self.take(self.consumer, 6)
        self.assertEqual([0, 1, 2, 3, 4, 5], self.numbers(taken))
        self.assertEqual([Settled.WON] * 6, await self.settle(self.consumer, *taken))
        self.assertEqual([Settled.LOST] * 2, await self.settle(self.consumer, *jobs))

    async def test_lost_answer_of_the_lease(self) -> None:
        """Who closes before it has heard that it got the lease gives it up all the same."""
        broker = await self.make_broker()
        consumer = broker.consumer(QUEUE, ordered=True)
        await consumer.open()
        run = broker.client.run

        def failing(script: Any, keys: Any, args: Any) -> Any:
            reply = run(script, keys, args)
            return Deferred() if script.name == "lease.lua" else reply

        self.patch(broker.client, "run", failing)
        taking = consumer.take(1)
        await self.wait(0.05)
        lease = broker.layouts[0].lease(QUEUE)
        self.assertIn(broker.worker_id.encode(), self.tell("GET", lease))
        closing = consumer.close()
        await self.soon(closing)
        self.assertEqual([], await self.soon(taking))
        self.assertEqual(b"1::", self.tell("GET", lease))
