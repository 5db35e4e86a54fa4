"""Who is dead, who is not, and what becomes of what the dead held."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.reclaim import Watch
from pipeline.delivery import Post, Settled
from tests.brokers.redis.bench import QUEUE, RedisCase
from tests.quick import SKIP

ROOT = Path(__file__).resolve().parents[3]
INSTANCE = "web.outbound@i1"


class Watching(SynchronousTestCase):
    def setUp(self) -> None:
        self.watch = Watch(dead_after=10, stall=4)

    def see(self, now: float, **beats: bytes) -> list[tuple[bytes, bytes]]:
        self.watch.see({name.encode(): beat for name, beat in beats.items()}, now)
        return self.watch.dead()

    def see_each(self, first: int, last: int, **beats: bytes) -> list[tuple[bytes, bytes]]:
        return [dead for now in range(first, last + 1) for dead in self.see(now, **beats)]

    def test_still(self) -> None:
        """A worker is dead when its beat has not moved for so long, not before."""
        self.assertEqual([], self.see_each(100, 109, a=b"1"))
        self.assertEqual([(b"a", b"1")], self.see(110, a=b"1"))

    def test_moves(self) -> None:
        """A worker whose beat moves is alive, though it counts backwards."""
        for now in range(100, 140):
            self.assertEqual([], self.see(now, a=b"%d" % (200 - now)))

    def test_never_seen(self) -> None:
        """A worker that never beat is watched from the first time that somebody asks."""
        self.see(100)
        self.assertIsNone(self.watch.last_beat(b"a"))
        self.see_each(101, 109)
        self.assertIsNone(self.watch.last_beat(b"a"))
        self.see(110)
        self.assertEqual(b"", self.watch.last_beat(b"a"))

    def test_stall(self) -> None:
        """Who did not look for a while begins anew."""
        self.see_each(100, 109, a=b"1")
        self.assertEqual([], self.see(114, a=b"1"))
        self.assertEqual([], self.see_each(115, 123, a=b"1"))
        self.assertEqual([(b"a", b"1")], self.see(124, a=b"1"))

    def test_restart(self) -> None:
        """So does who lost the connection."""
        self.see_each(100, 109, a=b"1")
        self.watch.restart()
        self.assertEqual([], self.see(110, a=b"1"))

    def test_struck_off(self) -> None:
        """A beat that vanishes is no sign of life: death is as near as it was."""
        self.see_each(100, 107, a=b"1")
        self.assertEqual([], self.see_each(108, 109))
        self.assertEqual([(b"a", b"")], self.see(110))
        self.assertEqual([], self.see(111, a=b"2"))

    def test_forgotten(self) -> None:
        """Nobody is watched for ever."""
        self.see_each(100, 110, a=b"1")
        self.watch.forget(b"a")
        self.assertEqual([], self.see(111))
        self.assertEqual({}, self.watch._seen)


class ReclaimCase(RedisCase):
    async def hold(self, count: int, **options: Any) -> tuple[Any, Any, list[Any]]:
        """A broker that has messages in hand."""
        broker = await self.make_broker(**options)
        consumer = await self.open(broker)
        await self.fill(broker, *[b"%d" % n for n in range(count)])
        return broker, consumer, await self.take(consumer, count)

    def names(self, queue: str = QUEUE) -> list[bytes]:
        flat = self.tell("XINFO", "CONSUMERS", f"{{{self.namespace}:0}}:q:{queue}", "pipeline")
        return [dict(zip(c[::2], c[1::2], strict=True))[b"name"] for c in flat]

    def beating(self) -> list[bytes]:
        beats: list[bytes] = self.tell("ZRANGE", f"{{{self.namespace}:0}}:w", 0, -1)
        return beats


class Taking(ReclaimCase):
    async def test_poison(self) -> None:
        """Of ten that were prefetched with a poison, only its count rises over two deaths."""
        first, _, _ = await self.hold(10)
        second = await self.make_broker()
        heir = await self.open(second)
        await self.kill(first)
        counts = await self.on_probation(heir, 5, till=b"4")
        self.assertEqual({b"%d" % n: 1 for n in range(5)}, counts)
        last = await self.open(await self.make_broker())
        await self.kill(second)
        counts = await self.on_probation(last, 6)
        self.assertEqual({b"4": 2, **{b"%d" % n: 1 for n in range(5, 10)}}, counts)

    async def on_probation(self, consumer: Any, count: int, till: bytes = b"") -> dict[bytes, int]:
        """How many deaths each counts; they are settled, but not the one that is the poison."""
        counts = {}
        for _ in range(count):
            [job] = await self.soon(consumer.take(10))
            self.assertTrue(job.probation)
            counts[job.payload] = job.deaths
            if job.payload != till:
                await self.soon(consumer.settle([job]))
        return counts

    async def test_forgotten(self) -> None:
        """When all is taken over, a dead worker's name is nowhere any more."""
        victim, _, taken = await self.hold(250)
        consumer = await self.open(await self.make_broker())
        await self.kill(victim)
        for _ in taken:
            [job] = await self.soon(consumer.take(10))
            await self.soon(consumer.settle([job]))
        name = victim.worker_id.encode()
        await self.until(lambda: name not in self.names())
        await self.until(lambda: name not in self.beating())

    async def test_publisher_forgotten(self) -> None:
        """So it is with one that held nothing."""
        broker, victim = await self.make_broker(), await self.make_broker()
        self.assertIn(victim.worker_id.encode(), self.beating())
        await self.kill(victim)
        await self.until(lambda: self.beating() == [broker.worker_id.encode()])
        watch = next(iter(broker._recoverer._watches.values()))
        await self.until(lambda: set(watch._seen) == {broker.worker_id.encode()})

    async def test_broken_queue(self) -> None:
        """A queue that is broken doesn't keep others from being looked after."""
        heir = await self.make_broker()
        await self.open(heir, "broken")
        consumer = await self.open(heir)
        key = f"{{{self.namespace}:0}}:q:broken"
        self.tell("DEL", key)
        self.tell("SET", key, "x")
        victim, _, _ = await self.hold(1)
        await self.kill(victim)
        [job] = await self.soon(consumer.take(1))
        self.assertEqual(1, job.deaths)
        self.tell("DEL", key)

    async def test_other_life(self) -> None:
        """Who still thinks of the queue's former life learns of the new one, and takes over."""
        heir = await self.make_broker()
        consumer = await self.open(heir)
        await self.flush()
        victim, _, _ = await self.hold(1)
        await self.kill(victim)
        [job] = await self.soon(consumer.take(1))
        self.assertEqual([Settled.WON], await self.soon(consumer.settle([job])))

    async def test_lost_take_over(self) -> None:
        """What a take-over brought whose reply was lost is handled on probation all the same."""
        victim, _, _ = await self.hold(2)
        consumer = await self.open(await self.make_broker())
        membership = consumer.membership
        stream = f"{{{self.namespace}:0}}:q:{QUEUE}"
        self.tell(
            *("XCLAIM", stream, "pipeline", consumer._broker.worker_id, 0),
            *[id for id, _ in self.tell("XRANGE", stream, "-", "+")],
            "JUSTID",
        )
        membership._doubtful = True
        membership.suspect()
        for payload in (b"0", b"1"):
            [job] = await self.soon(consumer.take(10))
            self.assertEqual((payload, True), (job.payload, job.probation))
            await self.soon(consumer.settle([job]))
        self.assertTrue(victim.available)


class Instances(ReclaimCase):
    async def test_buried(self) -> None:
        """What waits for a dead process, now or later, is a dead letter; its queue is gone."""
        victim, other = await self.make_broker(), await self.make_broker()
        await self.open(victim, INSTANCE, instance=True)
        await self.fill(other, *[b"%d" % n for n in range(150)], queue=INSTANCE)
        headers = (b"a", b"3", b"h", b"[]", b"t", b"17")
        await self.soon(other.publish([Post(INSTANCE, b"now", headers)]))
        await self.soon(other.publish([Post(INSTANCE, b"later", delay=60_000)]))
        await self.kill(victim)
        await self.until(lambda: self._count(other, 152))
        letters = {e.fields["payload"]: e.fields for e in await other.dead(INSTANCE, count=200)}
        self.assertEqual(b"gone", letters[b"later"]["reason"])
        told = [letters[b"now"][name] for name in ("attempts", "history", "enqueued_at")]
        self.assertEqual([b"3", b"[]", b"17"], told)
        self.assertEqual(b"1", letters[b"0"]["attempts"])
        self.assertTrue(all(int(letter["enqueued_at"]) for letter in letters.values()))
        self.assertEqual([], self.tell("KEYS", f"{{{self.namespace}:0}}:?:{INSTANCE}"))

    async def test_late(self) -> None:
        """What is published or staged for an instance that is gone is a dead letter at once."""
        broker = await self.make_broker()
        gone = await self.open(broker, INSTANCE, instance=True)
        await gone.close()
        await self.fill(broker, b"late", queue=INSTANCE)
        consumer = await self.open(broker)
        await self.fill(broker, b"x")
        [job] = await self.take(consumer, 1)
        job.stage(Post(INSTANCE, b"later"))
        self.assertEqual([Settled.WON], await self.soon(consumer.settle([job])))
        letters = await broker.dead(INSTANCE)
        self.assertEqual([b"late", b"later"], [e.fields["payload"] for e in letters])
        now = self.tell("TIME")[0]
        for letter in letters:
            self.assertEqual((b"gone", b"1"), (letter.fields["reason"], letter.fields["attempts"]))
            self.assertLess(abs(int(letter.fields["enqueued_at"]) / 1000 - int(now)), 60)

    async def _count(self, broker: Any, count: int) -> bool:
        return bool((await broker.depth(INSTANCE)).dead == count)

    async def test_wrong_type(self) -> None:
        """Where dead letters can't be written, nothing is taken off the instance's queue."""
        victim, other = await self.make_broker(), await self.make_broker()
        await self.open(victim, INSTANCE, instance=True)
        await self.fill(other, b"x", queue=INSTANCE)
        letters = f"{{{self.namespace}:0}}:x:web.outbound"
        self.tell("SET", letters, "x")
        await self.kill(victim)
        await self.until(lambda: other._recoverer._troubles.get("the lost instances"))
        self.assertEqual([b"x"], self.stored(INSTANCE))
        self.tell("DEL", letters)
        await self.dead(other, INSTANCE)

    async def test_registered_again(self) -> None:
        """After the server lost all, an instance is known as one again."""
        victim, other = await self.make_broker(), await self.make_broker()
        consumer = await self.open(victim, INSTANCE, instance=True)
        taking = consumer.take(1)
        await self.flush()
        await self.until(lambda: self.tell("EXISTS", f"{{{self.namespace}:0}}:i"))
        await self.until(lambda: self.tell("EXISTS", f"{{{self.namespace}:0}}:q:{INSTANCE}"))
        await consumer.interrupt()
        await taking
        await self.fill(other, b"x", queue=INSTANCE)
        await self.kill(victim)
        await self.dead(other, INSTANCE)


class Pauses(ReclaimCase):
    OWN_SERVER = True

    async def test_server_stops(self) -> None:
        """A server that was stopped for longer than dead_after has made nobody dead."""
        _, consumer, taken = await self.hold(3)
        other = await self.make_broker()
        idle = await self.open(other)
        taking = idle.take(10)
        for seconds in (0.7, 1.5):
            await self.pause(0.3)
            self.freeze()
            await self.pause(seconds)
            self.thaw()
        await self.pause(1.5)
        self.assertFalse(taking.called)
        self.assertEqual([Settled.WON] * 3, await self.soon(consumer.settle(taken)))
        await self.soon(idle.interrupt())


class Processes(ReclaimCase):
    skip = SKIP

    def spawn(self, how: str, count: int) -> subprocess.Popen[str]:
        """A worker in a process of its own."""
        command = [sys.executable, "-m", "tests.brokers.redis.child"]
        child = subprocess.Popen(
            [*command, self.address.path, self.namespace, how, str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self._end, child)
        return child

    def _end(self, child: subprocess.Popen[str]) -> None:
        child.kill()
        child.communicate()

    async def line(self, child: subprocess.Popen[str]) -> str:
        assert child.stdout is not None
        line: str = await self.soon(deferToThread(child.stdout.readline), 20)
        return line.strip()

    async def test_blocked_reactor(self) -> None:
        """A process whose reactor is blocked for longer than dead_after is not dead."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, b"1", b"2")
        child = self.spawn("block", 2)
        self.assertEqual("taken", await self.line(child))
        taking = consumer.take(10)
        self.assertEqual("won won", await self.line(child))
        self.assertFalse(taking.called)
        await self.soon(consumer.interrupt())

    async def test_stopped_process(self) -> None:
        """A process that was stopped for long is dead; when it is woken, it has lost."""
        broker = await self.make_broker()
        await self.fill(broker, b"1", b"2")
        child = self.spawn("settle", 2)
        self.assertEqual("taken", await self.line(child))
        consumer = await self.open(broker)
        os.kill(child.pid, signal.SIGSTOP)
        for _ in range(2):
            [job] = await self.soon(consumer.take(2))
            self.assertEqual([Settled.WON], await self.soon(consumer.settle([job])))
        os.kill(child.pid, signal.SIGCONT)
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
        self.assertEqual("lost lost", await self.line(child))
