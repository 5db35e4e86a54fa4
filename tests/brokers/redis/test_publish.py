"""Publishing: stored once, in order, whatever is lost on the way."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults

from pipeline.brokers.redis import publish
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.publish import Lane
from pipeline.delivery import Post
from pipeline.errors import BrokerUnavailable, QueueFull, ServerRefused
from tests.brokers.redis.bench import QUEUE, RedisCase
from tests.brokers.redis.proxy import Proxy


class LaneCase(RedisCase):
    async def lane(self, address: Any = None) -> Lane:
        """A lane on a connection of its own."""
        client = await self.client(address)
        self.layout = Layout(self.namespace, 0)
        lane = Lane(client, self.reactor, self.layout, QUEUE, "me", lambda: 0)
        self.addCleanup(lane.end, BrokerUnavailable("the test is over"))
        return lane

    def send(self, lane: Lane, *payloads: bytes, depth: int = 0) -> Deferred[None]:
        return lane.publish([Post(QUEUE, payload) for payload in payloads], depth)

    async def send_apart(self, lane: Lane, count: int, size: int = 1) -> list[Any]:
        """Publish one by one, each in a batch of its own, so that several are on their way."""
        self.patch(publish.Batch, "has_room_for", lambda batch, call: not batch.calls)
        payloads = [b"%d" % n + b"." * size for n in range(count)]
        return [self.send(lane, payload) for payload in payloads]

    def numbers(self) -> list[int]:
        return [int(payload.strip(b".")) for payload in self.stored()]

    async def results(self, sent: list[Any]) -> list[Any]:
        """What became of each: None, or the kind of error."""
        for deferred in sent:
            deferred.addErrback(lambda failure: failure.type)
        return await self.soon(gatherResults(sent), 20)  # type: ignore[no-any-return]


class Order(LaneCase):
    async def test_order(self) -> None:
        """What is published is stored in that order, however it was grouped."""
        lane = await self.lane()
        sent = [self.send(lane, *[b"%d" % n] * (n % 3 + 1)) for n in range(2000)]
        await self.results(sent)
        wanted = [n for n in range(2000) for _ in range(n % 3 + 1)]
        self.assertEqual(wanted, self.numbers())

    async def test_nothing(self) -> None:
        """To publish nothing is done at once."""
        lane = await self.lane()
        self.assertIsNone(self.successResultOf(lane.publish([], 0)))

    async def test_one_call_is_whole(self) -> None:
        """Thousands of messages in one call are stored together."""
        lane = await self.lane()
        await self.soon(self.send(lane, *[b"%d" % n for n in range(3000)]))
        self.assertEqual(list(range(3000)), self.numbers())

    async def test_silence(self) -> None:
        """The server forgets a producer a day after its last message, not after its first."""
        lane = await self.lane()
        await self.soon(self.send(lane, b"0"))
        key = self.layout.producer("me")
        self.tell("EXPIRE", key, 5)
        await self.soon(self.send(lane, b"1"))
        self.assertGreater(self.tell("TTL", key), publish.PRODUCER_TTL - 60)


class LateCopies(LaneCase):
    """What the network delivers when everybody has given it up changes nothing."""

    async def record(self, lane: Lane) -> list[tuple[Any, ...]]:
        """The scripts that a lane runs from now on."""
        ran: list[tuple[Any, ...]] = []
        run = lane._client.run

        def recorded(*call: Any) -> Any:
            ran.append(call)
            return run(*call)

        self.patch(lane._client, "run", recorded)
        return ran

    async def test_introduction(self) -> None:
        """A late copy of a producer's introduction doesn't make it begin anew."""
        lane = await self.lane()
        ran = await self.record(lane)
        for payload in (b"0", b"1", b"2"):
            await self.soon(self.send(lane, payload))
        [introduction] = [call for call in ran if call[0].name == "raise"]
        await lane._client.run(*introduction)
        await self.soon(self.send(lane, b"3"))
        self.assertEqual([0, 1, 2, 3], self.numbers())

    async def test_refused(self) -> None:
        """A late copy of what was refused takes no place, neither in the queue nor another's."""
        lane = await self.lane()
        await self.soon(self.send(lane, b"0"))
        ran = await self.record(lane)
        self.assertEqual([QueueFull], await self.results([self.send(lane, b"1", depth=1)]))
        refused = ran[0]
        self.tell("XTRIM", self.layout.stream(QUEUE), "MAXLEN", 0)
        await lane._client.run(*refused)
        await self.soon(self.send(lane, b"2"))
        await lane._client.run(*refused)
        self.assertEqual([2], self.numbers())


class LostReplies(LaneCase):
    async def test_several_in_flight(self) -> None:
        """Batches on their way when the connection is cut, again and again, are stored once."""
        proxy = Proxy(self.address, self.reactor)
        await proxy.start()
        self.addCleanup(proxy.stop)
        lane = await self.lane(proxy.address)
        await self.soon(self.send(lane, b"0"))
        for start in range(1, 101, 10):
            proxy.lose(1, b"EVALSHA")
            sent = [self.send(lane, b"%d" % n) for n in range(start, start + 10)]
            self.assertEqual([None] * 10, await self.results(sent))
        self.assertEqual(10, proxy.lost)
        self.assertEqual(list(range(101)), self.numbers())

    async def test_each_alone(self) -> None:
        """The same with four batches in flight, of which replies are lost one after another."""
        proxy = Proxy(self.address, self.reactor)
        await proxy.start()
        self.addCleanup(proxy.stop)
        lane = await self.lane(proxy.address)
        proxy.lose(5, b"EVALSHA")
        self.assertEqual([None] * 60, await self.results(await self.send_apart(lane, 60)))
        self.assertEqual(5, proxy.lost)
        self.assertEqual(list(range(60)), self.numbers())


class ServerLoses(LaneCase):
    async def test_unknown(self) -> None:
        """A producer that the server has forgotten introduces itself again, and goes on."""
        lane = await self.lane()
        await self.soon(self.send(lane, b"0"))
        self.tell("DEL", self.layout.producer("me"))
        await self.results([self.send(lane, b"1"), self.send(lane, b"2")])
        self.assertEqual([0, 1, 2], self.numbers())

    async def test_gap(self) -> None:
        """Batches that the server acknowledged and then lost are sent again, in order."""
        lane = await self.lane()
        await self.results(await self.send_apart(lane, 10))
        stream = self.layout.stream(QUEUE)
        for id, _ in self.tell("XREVRANGE", stream, "+", "-", "COUNT", 4):
            self.tell("XDEL", stream, id)
        self.tell("HSET", self.layout.producer("me"), QUEUE, 6)
        await self.soon(self.send(lane, b"10"))
        self.assertEqual(list(range(11)), self.numbers())

    async def test_gap_in_a_full_queue(self) -> None:
        """What was let in once is let in again, however full the queue is then."""
        lane = await self.lane()
        await self.results([self.send(lane, b"%d" % n, depth=3) for n in range(3)])
        self.tell("HSET", self.layout.producer("me"), QUEUE, 1)
        await self.soon(self.send(lane, b"3"))
        self.assertEqual([0, 1, 2, 1, 2, 3], self.numbers())

    async def test_gap_refused(self) -> None:
        """Of what is sent again only that is lost which is refused now, and it is told."""
        lane = await self.lane()
        post = Post(QUEUE, b"9", writes=(("incr", "n", 1, 0),))
        sent = [self.send(lane, b"%d" % n) for n in range(publish.WINDOW)]
        sent += [self.send(lane, b"4"), lane.publish([post], 0), self.send(lane, b"5", b"6")]
        await self.results(sent)
        self.assertEqual([0, 1, 2, 3, 4, 9, 5, 6], self.numbers())
        self.tell("XTRIM", self.layout.stream(QUEUE), "MAXLEN", 0)
        self.tell("HSET", self.layout.producer("me"), QUEUE, publish.WINDOW)
        self.tell("SET", self.layout.store("n", "n"), "no number")
        told: list[Any] = []
        self.patch(lane, "_log", type("Log", (), {"error": lambda self, *a, **k: told.append(k)})())
        await self.soon(self.send(lane, b"7"))
        self.assertEqual([4, 5, 6, 7], self.numbers())
        self.assertEqual(
            [(1, "the stored value is no integer")],
            [(each["count"], str(each["why"])) for each in told],
        )

    async def test_gap_too_old(self) -> None:
        """What is lost and not kept any more is told, and the rest goes on."""
        lane = await self.lane()
        await self.results(await self.send_apart(lane, 3))
        lane._kept.clear()
        self.tell("HSET", self.layout.producer("me"), QUEUE, 1)
        told: list[Any] = []
        self.patch(lane, "_log", type("Log", (), {"error": lambda self, *a, **k: told.append(k)})())
        await self.soon(self.send(lane, b"3"))
        self.assertEqual([(2, 3)], [(k["a"], k["b"]) for k in told])
        self.assertEqual(list(range(4)), self.numbers())


class AtTheLimit(LaneCase):
    OWN_SERVER = True

    async def test_memory(self) -> None:
        """A batch refused for want of memory, and those behind it, wait until there is room."""
        lane = await self.lane()
        await self.soon(self.send(lane, b"0"))
        self.limit()
        sent = [self.send(lane, b"%d" % n) for n in range(1, 6)]
        await self.until(lambda: lane._trouble)
        self.assertEqual([0], self.numbers())
        self.unlimit()
        sent += [self.send(lane, b"%d" % n) for n in range(6, 11)]
        await self.results(sent)
        self.assertEqual(list(range(11)), self.numbers())

    async def test_refused_then_accepted(self) -> None:
        """Of batches in flight the first is refused and the next accepted: nothing is lost."""
        lane = await self.lane()
        await self.soon(self.send(lane, b"0"))
        asked: list[Any] = []
        ask = lane._ask

        async def first_refused(batch: Any) -> Any:
            asked.append(batch.first)
            return [b"WAIT"] if len(asked) == 1 else await ask(batch)

        self.patch(lane, "_ask", first_refused)
        sent = [self.send(lane, b"%d" % n) for n in range(1, 5)]
        await self.results(sent)
        self.assertEqual([0, 1, 2, 3, 4], self.numbers())

    async def test_away(self) -> None:
        """Publishing goes on when the server is back."""
        assert self.server is not None
        lane = await self.lane()
        await self.soon(self.send(lane, b"0"))
        self.server.kill_now()
        sent = [self.send(lane, b"%d" % n) for n in range(1, 4)]
        await self.pause(0.1)
        self.server.start_now()
        self.assertEqual([None] * 3, await self.results(sent))
        self.assertEqual([1, 2, 3], [n for n in self.numbers() if n])


class Refusals(LaneCase):
    async def test_full_among_others(self) -> None:
        """Of calls sent together those that don't fit are refused, later ones stored."""
        lane = await self.lane()
        await self.soon(self.send(lane, b"0", b"0"))
        sent = await self.block(lane)
        sent += [self.send(lane, *[b"2"] * n, depth=6) for n in (2, 3, 1)]
        sent.append(self.send(lane, b"3"))
        results = await self.results(sent)
        wanted = [None] * publish.WINDOW + [QueueFull, QueueFull, QueueFull, None]
        self.assertEqual(wanted, results)
        self.assertEqual([0, 0, 1, 1, 1, 1, 3], self.numbers())

    async def test_full_fits_partly(self) -> None:
        """Merged calls are judged one by one: a small one fits where a large one didn't."""
        lane = await self.lane()
        sent = await self.block(lane)
        sent += [self.send(lane, *[b"2"] * n, depth=7) for n in (2, 3, 1)]
        results = await self.results(sent)
        self.assertEqual([None] * publish.WINDOW + [None, QueueFull, None], results)
        self.assertEqual([1, 1, 1, 1, 2, 2, 2], self.numbers())

    async def block(self, lane: Lane) -> list[Any]:
        """Fill the window, so that what comes next is merged."""
        return [self.send(lane, b"1") for _ in range(publish.WINDOW)]

    async def test_wrong_type(self) -> None:
        """A key of another type is an error at the caller; the lane goes on when it is gone."""
        lane = await self.lane()
        self.tell("SET", self.layout.stream(QUEUE), "x")
        sent = [self.send(lane, b"0") for _ in range(6)]
        self.assertEqual([ServerRefused] * 6, await self.results(sent))
        self.tell("DEL", self.layout.stream(QUEUE))
        await self.soon(self.send(lane, b"1"))
        self.assertEqual([1], self.numbers())

    async def test_unsendable(self) -> None:
        """What can't be encoded fails alone, and blocks nobody."""
        lane = await self.lane()
        sent = await self.block(lane)
        bad = Post(QUEUE, b"2", unique="\udc80", delay=5)
        sent += [self.send(lane, b"2"), lane.publish([bad], 0), self.send(lane, b"2")]
        results = await self.results(sent)
        self.assertEqual([None] * publish.WINDOW + [None, UnicodeEncodeError, None], results)
        self.assertEqual([1, 1, 1, 1, 2, 2], self.numbers())

    async def test_bound(self) -> None:
        """No more than so many calls wait; the next is refused at once."""
        self.patch(publish, "MOST_WAITING", 5)
        lane = await self.lane()
        sent = [self.send(lane, b"1") for _ in range(publish.WINDOW + 5)]
        self.failureResultOf(self.send(lane, b"2"), QueueFull)
        await self.results(sent)
        await self.soon(self.send(lane, b"3"))

    async def test_bound_of_bytes(self) -> None:
        """Nor so many bytes."""
        self.patch(publish, "MOST_WAITING_BYTES", 1000)
        lane = await self.lane()
        sent = [self.send(lane, b"1" * 600) for _ in range(publish.WINDOW + 2)]
        self.failureResultOf(self.send(lane, b"2"), QueueFull)
        await self.results(sent)


class Ends(LaneCase):
    async def test_cancel(self) -> None:
        """Cancelling takes back what is unsent; what is on its way is stored all the same."""
        lane = await self.lane()
        sent = [self.send(lane, b"%d" % n) for n in range(publish.WINDOW + 3)]
        sent[0].cancel()
        sent[publish.WINDOW + 1].cancel()
        results = await self.results(sent)
        gone = [n for n, result in enumerate(results) if result is CancelledError]
        self.assertEqual([0, publish.WINDOW + 1], gone)
        wanted = [n for n in range(publish.WINDOW + 3) if n != publish.WINDOW + 1]
        self.assertEqual(wanted, self.numbers())

    async def test_end(self) -> None:
        """An ended lane fails what waits, though a failure cancels another, and what comes."""
        lane = await self.lane()
        sent = [self.send(lane, b"%d" % n) for n in range(publish.WINDOW + 3)]
        sent[0].addErrback(lambda failure: (sent[-1].cancel(), failure)[1])
        lane.end(BrokerUnavailable("over"))
        results = [self.failureResultOf(deferred).type for deferred in sent]
        self.assertEqual([BrokerUnavailable] * (len(sent) - 1), results[:-1])
        self.failureResultOf(self.send(lane, b"x"), BrokerUnavailable)
        self.assertTrue(self.successResultOf(lane.idle()) is None)

    async def test_kept_is_bounded(self) -> None:
        """Stored batches are kept for a while only, and only so many bytes of them."""
        self.patch(publish, "KEPT_BYTES", 1000)
        lane = await self.lane()
        await self.results(await self.send_apart(lane, 50, size=100))
        self.assertLessEqual(lane._kept_size, 1000)
        self.assertLessEqual(len(lane._kept), 10)


class Windows(LaneCase):
    async def test_window_is_forgotten(self) -> None:
        """The ids seen are forgotten as a whole once nobody publishes."""
        lane = await self.lane()
        await self.soon(lane.publish([Post(QUEUE, b"1", unique="a", window=60_000)], 0))
        await self.soon(lane.publish([Post(QUEUE, b"2", unique="b", window=1_000)], 0))
        self.assertGreater(self.tell("PTTL", self.layout.window(QUEUE)), 50_000)
