"""Settlement, where a real server and a real network make it hard."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from pipeline.brokers.redis.layout import GROUP
from pipeline.brokers.redis.settle import Settler
from pipeline.delivery import Delivery, Post, Settled
from pipeline.store import Store
from tests.brokers.redis.bench import OTHER, QUEUE, RedisCase
from tests.brokers.redis.proxy import Proxy

WON, LOST, REFUSED = Settled.WON, Settled.LOST, Settled.REFUSED


class SettleCase(RedisCase):
    async def jobs(self, count: int, **options: Any) -> tuple[Any, Any, list[Delivery]]:
        """A broker, a consumer, and messages in hand that each stage a reply and a count."""
        broker = await self.make_broker(**options)
        consumer = await self.open(broker)
        await self.fill(broker, *[b"%d" % n for n in range(count)])
        return broker, consumer, self.staged(await self.take(consumer, count))

    def staged(self, jobs: list[Delivery]) -> list[Delivery]:
        for job in jobs:
            job.stage(Post(OTHER, job.payload))
            job.store.incr("n")
        return jobs

    async def assert_effects(self, broker: Any, count: int) -> None:
        """Every one of so many took effect exactly once."""
        self.assertEqual(sorted(b"%d" % n for n in range(count)), sorted(self.stored(OTHER)))
        self.assertEqual(count, await Store(broker.reader()).count("n"))


class Races(SettleCase):
    async def test_two_settlers(self) -> None:
        """Of two that settle 3,000 entries at once, each entry is won once and effective once."""
        broker, consumer, jobs = await self.jobs(3000)
        other = await self.make_broker()
        rival = Settler(other.client, self.reactor, other.layouts[0], QUEUE, lambda: 0)
        settling: list[Deferred[Any]] = []
        for start in range(0, 3000, 50):
            part = jobs[start : start + 50]
            settling.append(consumer.settle(part))
            settling.append(Deferred.fromCoroutine(rival.settle(part)))
        results = [r for part in await self.soon(gatherResults(settling), 30) for r in part]
        self.assertEqual((3000, 3000), (results.count(WON), results.count(LOST)))
        await self.assert_effects(broker, 3000)
        self.assertEqual(0, self.length())

    async def test_two_settlers_of_all_kinds(self) -> None:
        """So it is when some publish and write nothing, some publish once, and some do more."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, *[b"%d" % n for n in range(600)])
        jobs = await self.take(consumer, 600)
        for n, job in enumerate(jobs):
            if n % 3:
                job.stage(Post(OTHER, job.payload))
            if n % 3 == 2:
                job.store.incr("n")
        rival = Settler(broker.client, self.reactor, broker.layouts[0], QUEUE, lambda: 0)
        settling: list[Deferred[Any]] = []
        for start in range(0, 600, 50):
            part = jobs[start : start + 50]
            settling.append(consumer.settle(part[:30]))
            settling.append(Deferred.fromCoroutine(rival.settle(part)))
            settling.append(consumer.settle(part[30:]))
        results = [r for part in await self.soon(gatherResults(settling), 30) for r in part]
        self.assertEqual((600, 600), (results.count(WON), results.count(LOST)))
        self.assertEqual(sorted(b"%d" % n for n in range(600) if n % 3), sorted(self.stored(OTHER)))
        self.assertEqual(200, await Store(broker.reader()).count("n"))
        self.assertEqual(0, self.length())

    async def test_who_lost(self) -> None:
        """Of a batch that wants nothing, each that was settled before is told apart; a torn one
        is, too, and stays for who looks after it."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, *[b"%d" % n for n in range(5)])
        jobs = await self.take(consumer, 5)
        stream = broker.layouts[0].stream(QUEUE)
        await consumer.settle([jobs[1]])
        await broker.client.execute("XGROUP", "CREATE", stream, "_torn", "$")
        await broker.client.execute("XACK", stream, GROUP, jobs[3].id)
        await broker.client.execute(
            *("XCLAIM", stream, "_torn", "_torn", 0, jobs[3].id, "FORCE", "JUSTID")
        )
        self.assertEqual([WON, LOST, WON, LOST, WON], await consumer.settle(jobs))
        left = await broker.client.execute("XRANGE", stream, "-", "+")
        self.assertEqual([jobs[3].id], [id for id, _ in left])

    async def test_script_flush(self) -> None:
        """A server that has forgotten the scripts is told them again, in the midst of settling."""
        broker, consumer, jobs = await self.jobs(300)
        settling = []
        for start in range(0, 300, 10):
            if start % 50 == 0:
                settling.append(broker.client.execute("SCRIPT", "FLUSH"))
            settling.append(consumer.settle(jobs[start : start + 10]))
        await self.soon(gatherResults(settling))
        await self.assert_effects(broker, 300)


class LostReplies(SettleCase):
    async def setUpProxy(self) -> Proxy:
        proxy = Proxy(self.address, self.reactor)
        await proxy.start()
        self.addCleanup(proxy.stop)
        return proxy

    async def test_settle(self) -> None:
        """A settlement whose reply is lost is asked for again: no duplicate, nothing lost."""
        proxy = await self.setUpProxy()
        broker, consumer, jobs = await self.jobs(200, address=proxy.address)
        for start in range(0, 200, 20):
            proxy.lose(1, b"EVALSHA")
            batch = jobs[start : start + 20]
            self.assertEqual([WON] * 20, await self.soon(consumer.settle(batch)))
        self.assertEqual(10, proxy.lost)
        await self.assert_effects(broker, 200)
        self.assertEqual({}, consumer.in_hand)

    async def test_settle_what_was_read(self) -> None:
        """A settlement that changed what it had read is no conflict with itself when repeated."""
        proxy = await self.setUpProxy()
        _, consumer, jobs = await self.jobs(1, address=proxy.address)
        await jobs[0].store.get("v")
        jobs[0].store.set("v", "1")
        proxy.lose(1, b"EVALSHA")
        self.assertEqual([WON], await self.soon(consumer.settle(jobs)))
        self.assertEqual(1, proxy.lost)

    async def test_refused_is_not_won(self) -> None:
        """Not to be connected when settling begins is no reason to believe that it was won."""
        proxy = await self.setUpProxy()
        broker, consumer, jobs = await self.jobs(1, address=proxy.address)
        self.tell("XACK", f"{{{self.namespace}:0}}:q:{QUEUE}", "pipeline", jobs[0].id)
        for session in list(proxy.sessions):
            await session.cut()
        await self.until(lambda: not broker.client.connected)
        self.assertEqual([LOST], await self.soon(consumer.settle(jobs)))


class Limits(SettleCase):
    OWN_SERVER = True

    async def test_memory(self) -> None:
        """At the memory limit settling goes on while publishing waits, until there is room."""
        broker, consumer, jobs = await self.jobs(100)
        self.limit()
        publishing = broker.publish([Post(QUEUE, b"late")])
        results = await self.soon(consumer.settle(jobs))
        self.assertEqual([WON] * 100, results)
        await self.assert_effects(broker, 100)
        self.assertFalse(publishing.called)
        self.unlimit()
        await self.soon(publishing)
        self.assertEqual([b"late"], self.stored())

    async def test_server_restarts(self) -> None:
        """While the server is away settling waits; afterwards nothing was settled twice."""
        assert self.server is not None
        _, consumer, jobs = await self.jobs(10)
        self.server.kill_now()
        settling = consumer.settle(jobs)
        await self.pause(0.1)
        self.assertFalse(settling.called)
        self.server.start_now()
        # The server kept nothing: the queue is another one.
        self.assertEqual([Settled.FENCED] * 10, await self.soon(settling))


class Refusals(SettleCase):
    async def refuse(self, spoil: Any) -> Delivery:
        """Settle three, the second of which is spoilt; the others must be settled."""
        broker, consumer, jobs = await self.jobs(3)
        spoil(jobs[1])
        results = await self.soon(consumer.settle(jobs))
        self.assertEqual([WON, REFUSED, WON], results)
        self.assertEqual([b"0", b"2"], self.stored(OTHER))
        self.assertEqual({jobs[1].id: jobs[1]}, consumer.in_hand)
        self.assertEqual((0, 1, 0, 0), tuple(await broker.depth(QUEUE)))
        self.assertTrue(jobs[1].refusal)
        return jobs[1]

    async def test_wrong_type(self) -> None:
        """A destination of another type refuses its own delivery; the entry stays pending."""
        self.tell("SET", f"{{{self.namespace}:0}}:q:broken", "x")
        job = await self.refuse(lambda job: job.stage(Post("broken", b"x")))
        self.assertIn("holds a string", job.refusal)

    async def test_wrong_type_of_every_kind(self) -> None:
        """Each kind of destination is looked at beforehand."""
        prefix = f"{{{self.namespace}:0}}"
        for key in ("d:later", "x:letters", "q:web@1", "x:web"):
            self.tell("SET", f"{prefix}:{key}", "x")
        for key in ("s:v:k", "s:n:k", "s:h:k", "s:z:k"):
            self.tell("SADD", f"{prefix}:{key}", "x")
        self.tell("SET", f"{prefix}:s:s:k", "x")
        spoils: list[Any] = [
            lambda job: job.stage(Post("later", b"x", delay=5)),
            lambda job: job.stage(Post("!letters", b"x", (b"reason", b"torn"))),
            lambda job: job.stage(Post("web@1", b"x")),
            lambda job: job.stage(Post("web@2", b"x")),
            lambda job: job.store.set("k", "x"),
            lambda job: job.store.incr("k"),
            lambda job: job.store.hset("k", {"f": "x"}),
            lambda job: job.store.hdel("k", "f"),
            lambda job: job.store.sadd("k", "x"),
            lambda job: job.store.zadd("k", "x", 1),
            lambda job: job.store.ztrim("k", 1),
        ]
        _, consumer, jobs = await self.jobs(len(spoils))
        for spoil, job in zip(spoils, jobs, strict=True):
            spoil(job)
        results = await self.soon(consumer.settle(jobs))
        self.assertEqual([REFUSED] * len(spoils), results)
        self.assertEqual([], self.stored(OTHER))

    async def test_one_message(self) -> None:
        """A delivery that only publishes one message is refused, or torn, alone as well."""
        broker = await self.make_broker()
        consumer = await self.open(broker)
        await self.fill(broker, *[b"%d" % n for n in range(4)])
        jobs = await self.take(consumer, 4)
        prefix = f"{{{self.namespace}:0}}:q:"
        self.tell("SET", f"{prefix}broken", "x")
        last = 2**64 - 1
        self.tell("XADD", f"{prefix}full", f"{last}-{last}", "m", "x")
        for queue, job in zip((OTHER, "broken", "full", OTHER), jobs, strict=True):
            job.stage(Post(queue, job.payload))
        results = await self.soon(consumer.settle(jobs))
        self.assertEqual([WON, REFUSED, Settled.TORN, WON], results)
        self.assertIn("holds a string", jobs[1].refusal)
        self.assertIn("last possible ID", jobs[2].refusal)
        self.assertEqual([b"0", b"3"], self.stored(OTHER))
        self.assertEqual({jobs[1].id: jobs[1]}, consumer.in_hand)
        [letter] = await self.dead(broker)
        self.assertEqual((b"torn", b"2"), (letter.fields["reason"], letter.fields["payload"]))

    async def test_too_much(self) -> None:
        """A write with thousands of arguments is refused: a script can't unpack it."""
        write = ("hset", "h", 0, *[b"x"] * 5000)
        job = await self.refuse(lambda job: job.store.writes.append(write))
        self.assertIn("too many arguments", job.refusal)

    async def test_not_a_number(self) -> None:
        """A score that is no number is refused."""
        job = await self.refuse(lambda job: job.store.zadd("z", "m", float("nan")))
        self.assertIn("not a score", job.refusal)

    async def test_huge_ttl(self) -> None:
        """A time to live beyond all reason is refused."""
        job = await self.refuse(lambda job: job.store.set("k", "v", ttl=1e20))
        self.assertIn("not a time to live", job.refusal)

    async def test_unsendable(self) -> None:
        """Text that can't be encoded refuses its own delivery alone."""
        await self.refuse(lambda job: job.store.set("\udc80", "v"))

    async def test_found_among_others(self) -> None:
        """A delivery that can't be sent is found, and the others are settled."""
        _, consumer, jobs = await self.jobs(7)
        jobs[3].store.writes.append(("expire", "k", "v", "soon"))
        jobs[5].store._seen["get", "\udc80", ()] = b"x"
        results = await self.soon(consumer.settle(jobs))
        self.assertEqual([WON, WON, WON, REFUSED, WON, REFUSED, WON], results)
        self.assertEqual(5, len(self.stored(OTHER)))


class Torn(SettleCase):
    async def test_torn(self) -> None:
        """A write that fails after all is told, settled by nobody else, and dead-lettered."""
        broker, consumer, [job] = await self.jobs(1)
        job.store.hset("h", {"f": "text"})
        job.store.writes.append(("hincr", "h", b"f", 1))
        rival = Settler(broker.client, self.reactor, broker.layouts[0], QUEUE, lambda: 0)
        self.assertEqual([Settled.TORN], await self.soon(consumer.settle([job])))
        self.assertIn("integer", job.refusal)
        self.assertEqual({}, consumer.in_hand)
        self.assertEqual([LOST], await rival.settle([job]))
        [letter] = await self.dead(broker)
        self.assertEqual((b"torn", b"0"), (letter.fields["reason"], letter.fields["payload"]))
        self.assertEqual((0, 0, 0, 1), tuple(await broker.depth(QUEUE)))
        self.assertEqual([b"0"], self.stored(OTHER))


class Fences(SettleCase):
    async def test_ids_issued_again(self) -> None:
        """After a flush an entry with the old id is not acknowledged by the old delivery."""
        _, consumer, [job] = await self.jobs(1)
        stream = f"{{{self.namespace}:0}}:q:{QUEUE}"
        await self.flush()
        other = await self.make_broker()
        heir = await self.open(other)
        self.tell("XADD", stream, job.id, "m", "another")
        [again] = await self.take(heir, 1)
        self.assertEqual((job.id, b"another"), (again.id, again.payload))
        self.assertEqual([Settled.FENCED], await self.soon(consumer.settle([job])))
        self.assertEqual([WON], await self.soon(heir.settle([again])))
        self.assertEqual({}, consumer.in_hand)
