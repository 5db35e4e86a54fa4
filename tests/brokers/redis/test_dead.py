"""Dead letters on Redis: lost answers, other types, the search; the rest is in the contract."""

from __future__ import annotations

from typing import Any

from zope.interface.verify import verifyObject

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.dead import RedisDeadLetters
from pipeline.delivery import DeadLetterEntry, Post
from pipeline.errors import BrokerUnavailable, ServerRefused
from pipeline.interfaces import IDeadLetters
from tests.brokers.redis.bench import QUEUE, RedisCase


class RedisDeadLettersTests(RedisCase):
    """Orders are sent again until their answer is known."""

    async def dead(self, count: int = 3) -> tuple[Any, RedisDeadLetters, list[DeadLetterEntry]]:
        """A broker with dead letters."""
        broker = self.broker()
        await broker.start()
        fields = (b"reason", b"exhausted")
        await broker.publish([Post(f"!{QUEUE}", b"%d" % n, fields) for n in range(count)])
        place = broker.dead_letters(QUEUE)
        return broker, place, await place.page()

    def lose_answers(self, broker: Any) -> list[str]:
        """Every order is carried out, and its first answer is lost."""
        run, lost = broker.client.run, []

        async def losing(script: Any, keys: Any, args: Any) -> Any:
            reply = await run(script, keys, args)
            if len(keys) > 1 and keys[1] not in lost:
                lost.append(keys[1])
                raise BrokerUnavailable("the answer was lost")
            return reply

        self.patch(broker.client, "run", losing)
        return lost

    async def test_interface(self) -> None:
        """It is what the interface says."""
        _, place, _ = await self.dead(0)
        verifyObject(IDeadLetters, place)

    async def test_lost_answers(self) -> None:
        """An order whose answer was lost takes effect once, and the true answer is given."""
        broker, place, letters = await self.dead(6)
        lost = self.lose_answers(broker)
        self.assertEqual([True, True], await place.requeue(letters[:2]))
        self.assertEqual([True], await place.purge(letters[2:3]))
        edited = await place.edit(letters[3], b"new")
        self.assertEqual(3, len(lost))
        depth = await broker.depth(QUEUE)
        self.assertEqual((2, 3), (depth.waiting, depth.dead))
        self.assertEqual(edited, (await place.page())[-1].id)

    async def test_other_type(self) -> None:
        """A queue's key that holds something else is said, and no letter is touched."""
        broker, place, letters = await self.dead()
        self.tell("SET", broker.layouts[0].stream(QUEUE), "x")
        with self.assertRaises(ServerRefused):
            await place.requeue(letters)
        self.assertEqual(3, await place.count())

    async def test_many_reasons(self) -> None:
        """Counting goes on until the last of thousands."""
        _, place, _ = await self.dead(2300)
        self.assertEqual({"exhausted": 2300}, await place.reasons())

    async def test_search(self) -> None:
        """The search passes over other namespaces, and queues whose letters are all gone."""
        broker, place, letters = await self.dead()
        other = self.broker(namespace=self.namespace + "2")
        await other.start()
        self.assertEqual([QUEUE], await broker.dead_queues())
        self.assertEqual([], await other.dead_queues())
        await place.purge(letters)
        self.assertEqual([], await broker.dead_queues())

    async def test_strange_home(self) -> None:
        """A letter that names a queue of another connector stays with the one it lies with."""
        broker, place, _ = await self.dead(0)
        await broker.publish([Post(f"!{QUEUE}", b"x", (b"queue", b"other.inbound"))])
        await place.requeue(await place.page())
        self.assertEqual(1, (await broker.depth(QUEUE)).waiting)


class Crash(RedisCase):
    """The server dies in the midst of it, and comes back."""

    OWN_SERVER = True

    def make_server(self, **options: Any) -> EmbeddedServer:
        """One that keeps its data."""
        return super().make_server(folder=self.mktemp(), **options)

    async def test_requeue_over_a_crash(self) -> None:
        """All letters are back, each once, and the count of them is true."""
        assert self.server is not None
        broker = self.broker()
        await broker.start()
        for start in range(0, 5000, 500):
            await broker.publish([Post(f"!{QUEUE}", b"%d" % n) for n in range(start, start + 500)])
        place = broker.dead_letters(QUEUE)
        letters = await place.page(count=5000)
        working = place.requeue(letters)
        while not (await broker.depth(QUEUE)).waiting:
            pass
        self.assertFalse(working.called)
        self.server.kill_now()
        self.server.start_now()
        self.assertEqual(5000, sum(await working))
        depth = await broker.depth(QUEUE)
        self.assertEqual((5000, 0), (depth.waiting, depth.dead))
