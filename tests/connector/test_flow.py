from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from pipeline.delivery import Settled
from pipeline.errors import BrokerUnavailable
from pipeline.message import UserMessage
from pipeline.outcome import DeadLetter, Dropped, Retry
from pipeline.signals import (
    message_dead_lettered,
    message_dropped,
    message_published,
    message_received,
    message_retried,
    message_settled,
)
from tests.workers import Bare, WorkerCase, inbound


class Held(WorkerCase):
    """A connector whose handler holds messages until they are let go."""

    def holding(self, **options: Any) -> Any:
        self.held: dict[str, Deferred[Any]] = {}

        def hold(message: Any) -> Deferred[Any]:
            self.held[message.content] = Deferred()
            return self.held[message.content]

        connector = self.connector(**options)
        connector.add_handler("inbound", hold)
        return connector

    def let_go(self, *names: str) -> None:
        for name in names:
            self.held.pop(name).callback(None)
            self.clock.advance(0)


class Room(Held):
    """At most so many messages are in hand, and reading goes on as they are settled."""

    def test_max_in_flight(self) -> None:
        """Reading pauses when there is no room, and goes on when there is."""
        connector = self.holding(max_in_flight=2)
        self.put("sms.inbound", *map(inbound, "abcd"))
        self.assertEqual(["a", "b"], sorted(self.held))
        self.assertEqual((2, 2), self.depth("sms.inbound")[:2])
        self.let_go("b")
        self.assertEqual(["a", "c"], sorted(self.held))
        self.assertEqual(2, connector.in_hand)
        self.let_go("a", "c", "d")
        self.assertEqual((0, 0), self.depth("sms.inbound")[:2])

    def test_over_all_queues(self) -> None:
        """Several queues that become busy at once share the one limit."""
        self.holding(max_in_flight=2, consumes=("inbound", "event", "outbound"))
        for queue in ("sms.inbound", "sms.event", "sms.outbound"):
            self.put(queue, *(inbound(f"{queue}-{n}") for n in range(3)))
        self.assertEqual(2, len(self.held))

    def test_order(self) -> None:
        """Messages are handled in the order in which they were published."""
        seen: list[str] = []
        connector = self.connector(max_in_flight=4)
        connector.add_handler("inbound", lambda message: seen.append(message.content))
        self.put("sms.inbound", *map(inbound, "abcdefghijklmnop"))
        self.assertEqual(list("abcdefghijklmnop"), seen)

    def test_partitions(self) -> None:
        """Every partition is read."""
        self.broker.partitions = self.looker.partitions = 3
        self.holding()
        for partition in range(3):
            self.put("sms.inbound", inbound(str(partition)), partition=partition)
        self.assertEqual(["0", "1", "2"], sorted(self.held))


class Ordering(Held):
    """With ``ordering: process`` messages of one address are handled one after another."""

    def test_one_at_a_time(self) -> None:
        """The next of a key begins when the one before has settled; other keys run beside it."""
        self.holding(ordering="process")
        self.put("sms.inbound", inbound("a1", from_addr="a"), inbound("a2", from_addr="a"))
        self.put("sms.inbound", inbound("b1", from_addr="b"), inbound("a3", from_addr="a"))
        self.assertEqual(["a1", "b1"], sorted(self.held))
        self.let_go("a1")
        self.assertEqual(["a2", "b1"], sorted(self.held))
        self.let_go("b1", "a2", "a3")
        self.assertEqual((0, 0), self.depth("sms.inbound")[:2])

    def test_not_before_settled(self) -> None:
        """The next sees the state that the one before has committed."""

        async def count(message: UserMessage) -> None:
            store = message._delivery.store
            store.set("n", str(int(await store.get("n") or 0) + 1))
            runs.append(message.content)

        runs: list[str | None] = []
        connector = self.connector(ordering="process")
        connector.add_handler("inbound", count)
        self.put("sms.inbound", *map(inbound, "abcde"))
        self.assertEqual(list("abcde"), runs)
        self.assertEqual(b"5", self.successResultOf(self.broker.reader(0).read("get", "n")))

    def test_no_key(self) -> None:
        """A worker that can't say a message's key has it handled without order."""

        def fails(message: Any, kind: str) -> None:
            raise KeyError("key")

        connector = self.holding(ordering="process")
        self.patch(connector._worker, "ordering_key", fails)
        self.put("sms.inbound", inbound("a1", from_addr="a"), inbound("a2", from_addr="a"))
        self.assertEqual(["a1", "a2"], sorted(self.held))
        self.assertEqual(2, len(self.flushLoggedErrors(KeyError)))

    def test_none(self) -> None:
        """Without it all run side by side."""
        self.holding()
        self.put("sms.inbound", inbound("a1", from_addr="a"), inbound("a2", from_addr="a"))
        self.assertEqual(["a1", "a2"], sorted(self.held))

    def test_undecodable(self) -> None:
        """What can't be decoded has no key, and doesn't hold up the rest."""
        self.holding(ordering="process")
        self.put("sms.inbound", b"\xff", inbound("a"))
        self.assertEqual((["a"], 1), (list(self.held), len(self.dead("sms.inbound"))))


class Results(WorkerCase):
    """What becomes of a delivery when settling it brings something else than success."""

    def test_conflict(self) -> None:
        """When what it read has changed it is handled again, on fresh reads and a fresh message."""
        seen: list[tuple[bytes | None, Any]] = []

        async def handle(message: Any) -> None:
            store = message._delivery.store
            before = await store.get("n")
            seen.append((before, message.helper_metadata.get("run")))
            message.helper_metadata["run"] = True
            await connector.publish("outbound", message.reply(str(len(seen))))
            store.set("n", b"mine")
            if len(seen) == 1:
                await self.looker.reader(0).commit([], [("set", "n", b"theirs", 0)])

        connector = self.connector()
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual([(None, None), (b"theirs", None)], seen)
        self.assertEqual(["2"], self.contents("sms.outbound"))

    def test_same_ids(self) -> None:
        """A second run makes the same ids."""
        ids: list[str] = []

        async def handle(message: Any) -> None:
            store = message._delivery.store
            await store.get("n")
            store.set("n", b"mine")
            ids.append(message.reply("yes").message_id)
            ids.append(UserMessage.send("a", "b").message_id)
            if len(ids) == 2:
                await self.looker.reader(0).commit([], [("set", "n", b"theirs", 0)])

        connector = self.connector()
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.assertEqual(ids[:2], ids[2:])
        self.assertNotEqual(ids[0], ids[1])

    def test_refused(self) -> None:
        """When the server refuses a write it is a dead letter that says so, and nothing else."""
        self.successResultOf(self.looker.reader(0).commit([], [("hset", "h", 0, b"n", b"x")]))

        def handle(message: Any) -> None:
            connector.publish("outbound", message.reply("never"))
            message._delivery.store.hincr("h", "n")

        connector = self.connector()
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        [entry] = self.dead("sms.inbound")
        self.assertEqual(b"refused", entry.fields["reason"])
        self.assertEqual([], self.contents("sms.outbound"))
        self.assertEqual(0, connector.in_hand)

    def test_gone(self) -> None:
        """What is torn, or of a queue that was made anew, is let go of without effects."""
        connector = self.connector()
        connector.add_handler("inbound", lambda message: None)
        consumer = connector._flow.sources[0].consumer
        for result in (Settled.TORN, Settled.FENCED):
            self.patch(consumer, "settle", lambda batch, result=result: succeed([result]))
            self.addCleanup(consumer.in_hand.clear)
            self.put("sms.inbound", inbound())
            self.assertEqual((0, 0), (connector.in_hand, connector.lost))

    def test_close_all(self) -> None:
        """A queue that can't be closed doesn't keep the others open."""
        connector = self.connector()
        first, second = (source.consumer for source in connector._flow.sources)
        closed: list[str] = []
        self.patch(first, "close", lambda: fail(RuntimeError("in hand")))
        self.patch(second, "close", lambda: succeed(closed.append(second.queue)))
        self.stop(connector)
        self.assertEqual(["sms.event"], closed)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_refused_for_good(self) -> None:
        """If not even the dead letter can be written, the message stays with the server."""
        connector = self.connector()
        connector.add_handler("inbound", lambda message: None)
        consumer = connector._flow.sources[0].consumer
        self.patch(consumer, "settle", lambda batch: succeed([Settled.REFUSED]))
        self.put("sms.inbound", inbound())
        self.assertEqual(0, connector.in_hand)
        self.assertEqual(1, self.depth("sms.inbound").in_hand)

    def test_lost(self) -> None:
        """When another was faster its effects vanish; it is counted."""
        holding: Deferred[None] = Deferred()

        async def handle(message: Any) -> None:
            await connector.publish("outbound", message.reply("late"))
            await holding

        connector = self.connector()
        connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        shard = self.broker.server.shard(self.broker.namespace, 0)
        [delivery] = connector._flow.sources[0].reader.held
        self.assertIs(Settled.WON, shard.settle(delivery_like(delivery)))
        holding.callback(None)
        self.clock.advance(0)
        self.assertEqual((1, 0), (connector.lost, connector.in_hand))
        self.assertEqual([], self.contents("sms.outbound"))


def delivery_like(delivery: Any) -> Any:
    """The same delivery in the hand of another worker, with nothing staged."""
    return type(delivery)(
        delivery.queue,
        delivery.id,
        delivery.payload,
        token=delivery.token,
        partition=delivery.partition,
    )


class Broken(WorkerCase):
    """A broker that can't be read ends nothing."""

    def test_reads_on(self) -> None:
        """The connector takes again when the broker is back, and does not spin meanwhile."""
        seen: list[Any] = []
        connector = self.connector()
        connector.add_handler("inbound", seen.append)
        self.successResultOf(connector.pause())
        self.broker.available = False
        connector.unpause()
        self.assertEqual(2, len(self.clock.getDelayedCalls()))
        self.clock.advance(1)
        self.assertEqual(2, len(self.clock.getDelayedCalls()))
        self.broker.available = True
        self.clock.advance(1)
        self.put("sms.inbound", inbound())
        self.assertEqual(1, len(seen))

    def test_fault(self) -> None:
        """A fault of the framework costs one message its settlement, not its whole batch."""
        seen: list[str] = []
        connector = self.connector()
        connector.add_handler("inbound", lambda message: seen.append(message.content))
        inlet = connector._inlets["inbound"]
        process, faults = inlet.process, [MemoryError()]

        def faulty(delivery: Any) -> Any:
            if faults:
                raise faults.pop()
            return process(delivery)

        self.patch(inlet, "process", faulty)
        self.put("sms.inbound", inbound("a"), inbound("b"))
        self.assertEqual(["b"], seen)
        self.assertEqual((0, 1), self.depth("sms.inbound")[:2])
        self.assertEqual(1, len(self.flushLoggedErrors(MemoryError)))

    def test_settles_on(self) -> None:
        """A batch that could not be settled is settled later."""
        connector = self.connector()
        connector.add_handler("inbound", lambda message: None)
        consumer = connector._flow.sources[0].consumer
        settle, answers = consumer.settle, [BrokerUnavailable("gone")]

        def failing(deliveries: Any) -> Any:
            if answers:
                raise answers.pop()
            return settle(deliveries)

        consumer.settle = failing
        self.put("sms.inbound", inbound())
        self.assertEqual(1, self.depth("sms.inbound").in_hand)
        self.clock.advance(1)
        self.assertEqual((0, 0), self.depth("sms.inbound")[:2])
        self.assertEqual(1, len(self.flushLoggedErrors(BrokerUnavailable)))


class LetGo(WorkerCase):
    """What is handled and stages nothing is let go of before the server has answered."""

    def setUp(self) -> None:
        super().setUp()
        self.answer: Deferred[Any] = Deferred()
        self.told: list[Any] = []
        self.patch(Bare, "on_final_failure", lambda _, *about: self.told.append(about[0]))
        self.source = self.connector()._flow.sources[0]
        self.source.inlet.default = lambda message: None
        consumer = self.source.consumer
        settle, answers = consumer.settle, [self.answer]
        self.patch(consumer, "settle", lambda batch: answers.pop() if answers else settle(batch))
        self.addCleanup(consumer.in_hand.clear)

    def test_message(self) -> None:
        """Of a message that waits for its settlement nothing is kept but what the server needs."""
        self.put("sms.inbound", inbound())
        [delivery] = self.source.reader.held
        self.assertTrue(delivery.settled)
        self.assertIsNone(delivery.message)
        self.answer.callback([Settled.LOST])

    def test_told(self) -> None:
        """Who wants to be told of settlements by then is told of the message all the same."""
        heard: list[str] = []

        def hear(message: Any, **_: Any) -> None:
            heard.append(message.content)

        self.put("sms.inbound", inbound("a"))
        message_settled.connect(hear)
        self.addCleanup(message_settled.disconnect, hear)
        self.answer.callback([Settled.WON])
        self.assertEqual(["a"], heard)

    def test_refused(self) -> None:
        """Who is asked about a final failure gets the message all the same."""
        self.put("sms.inbound", inbound("a"))
        self.answer.callback([Settled.REFUSED])
        self.helper.advance()
        self.assertEqual(["a"], [message.content for message in self.told])


class Told(WorkerCase):
    """Signals say what happens, after it has."""

    def test_signals(self) -> None:
        """Each outcome has its signal, sent by the connector when it is settled."""
        outcomes = {"retry": Retry(1), "dead": DeadLetter(), "drop": Dropped("no"), "done": None}
        signals = {
            "received": message_received,
            "settled": message_settled,
            "retried": message_retried,
            "dead_lettered": message_dead_lettered,
            "dropped": message_dropped,
        }
        connector = self.connector()
        connector.add_handler("inbound", lambda message: outcomes[message.content])
        heard: list[tuple[str, str]] = []
        for name, signal in signals.items():

            def hear(message: Any, name: str = name, **_: Any) -> None:
                heard.append((name, message.content))

            signal.connect(hear, sender=connector, weak=False)
            self.addCleanup(signal.disconnect, hear, sender=connector)
        for content, expected in (
            ("done", ["received", "settled"]),
            ("retry", ["received", "settled", "retried"]),
            ("dead", ["received", "settled", "dead_lettered"]),
            ("drop", ["received", "settled", "dropped"]),
        ):
            self.put("sms.inbound", inbound(content))
            self.assertEqual([(name, content) for name in expected], heard)
            heard.clear()

    def test_published(self) -> None:
        """A published message is told with its queue."""
        heard: list[str] = []

        def hear(queue: str, **_: Any) -> None:
            heard.append(queue)

        connector = self.connector()
        message_published.connect(hear, sender=connector)
        self.successResultOf(connector.publish("outbound", inbound()))
        self.assertEqual(["sms.outbound"], heard)
