"""The message store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.broker import RedisBroker
from pipeline.config.schemas import SystemConfig
from pipeline.message import EventMessage, UserMessage
from pipeline.service.connect import connect
from pipeline.state.messages import MessageStore
from pipeline.store import Store
from pipeline.testing.server import shared_server, unique_namespace
from tests.workers import WorkerCase, inbound

TAG = ("pool", "one")


def ack(message: UserMessage, event_id: str = "event") -> EventMessage:
    return EventMessage(
        event_id=event_id,
        user_message_id=message.message_id,
        event_type="ack",
        sent_message_id="s",
    )


class Kept(WorkerCase):
    """In memory, over two partitions, for 100 seconds."""

    def setUp(self) -> None:
        super().setUp()
        self.messages = MessageStore(self.worker(), "kept", retention=100)

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 2}

    def done(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def add(self, add: Callable[..., Any], *args: Any, partition: int = 0) -> None:
        """Add something in a unit of work of its own; then a second passes."""
        store = Store(self.broker.reader(partition))
        waited = add(store, *args)
        if waited is not None:
            self.done(waited)
        self.done(store.commit())
        self.clock.advance(1)

    def contents(self, listing: Any) -> list[str]:
        return [message.content for message in self.done(listing.page())]

    def talk(self, tag: Any = None) -> tuple[UserMessage, UserMessage]:
        """A message and its reply."""
        question = inbound("question", helper_metadata={"x": [1]})
        answer = question.reply("answer")
        self.add(self.messages.add_inbound_message, question, tag)
        self.add(self.messages.add_outbound_message, answer, tag)
        return question, answer

    def test_by_id(self) -> None:
        """A message is found by its id as it was, in whichever partition; others are not."""
        question, _ = self.talk()
        other = inbound("elsewhere")
        self.add(self.messages.add_inbound_message, other, partition=1)
        for message in (question, other):
            self.assertEqual(message, self.done(self.messages.get_message(message.message_id)))
        self.assertIsNone(self.done(self.messages.get_message("none")))
        self.assertIsNone(self.done(self.messages.get_event(question.message_id)))

    def test_by_address(self) -> None:
        """What a user said and was told is one list, the newest first."""
        self.talk()
        self.add(self.messages.add_inbound_message, inbound("other", from_addr="+44"))
        self.assertEqual(["answer", "question"], self.contents(self.messages.of_address("+27")))
        self.assertEqual(["other"], self.contents(self.messages.of_address("+44")))
        self.assertEqual(2, self.done(self.messages.of_address("+27").count()))

    def test_group(self) -> None:
        """What has no address is kept all the same."""
        message = inbound("for all", to_addr=None, group="#g")
        self.add(self.messages.add_outbound_message, message)
        self.assertEqual(message, self.done(self.messages.get_message(message.message_id)))

    def test_replies(self) -> None:
        """Answers are found by what they answer."""
        question, answer = self.talk()
        self.add(self.messages.add_outbound_message, question.reply("more"))
        replies = self.messages.replies_to(question.message_id)
        self.assertEqual(["more", "answer"], self.contents(replies))
        self.assertEqual([], self.contents(self.messages.replies_to(answer.message_id)))

    def test_events(self) -> None:
        """Events are found by their id, and by the message that they are about."""
        _, answer = self.talk()
        self.add(self.messages.add_event, ack(answer))
        self.add(self.messages.add_event, ack(answer, "edge"), partition=1)
        found = self.done(self.messages.events_of(answer.message_id).page())
        self.assertEqual([ack(answer, "edge").event_id, "event"], [e.event_id for e in found])
        self.assertEqual("ack", self.done(self.messages.get_event("event")).status())
        self.assertEqual(2, self.done(self.messages.events_of(answer.message_id).count()))

    def test_tags(self) -> None:
        """Under a tag are what came in, what went out, and the events about that."""
        _, answer = self.talk(TAG)
        self.talk()
        self.talk(("pool:one", ""))
        for number, name in enumerate(("event", "edge")):
            self.add(self.messages.add_event, ack(answer, name), partition=number)
        self.assertEqual(["question"], self.contents(self.messages.inbound(TAG)))
        self.assertEqual(["answer"], self.contents(self.messages.outbound(list(TAG))))
        events = self.done(self.messages.events(TAG).page())
        self.assertEqual(["edge", "event"], [event.event_id for event in events])

    def test_event_in_one_unit(self) -> None:
        """An event has the tag of a message that the same unit of work adds."""
        message = inbound("out")
        store = Store(self.broker.reader())
        self.messages.add_outbound_message(store, message, TAG)
        self.done(self.messages.add_event(store, ack(message)))
        self.done(store.commit())
        self.assertEqual(1, self.done(self.messages.events(TAG).count()))

    def test_again(self) -> None:
        """To add a message again makes no second one; it is the newest then."""
        question, _ = self.talk(TAG)
        self.add(self.messages.add_inbound_message, question)
        self.assertEqual(["question", "answer"], self.contents(self.messages.of_address("+27")))
        self.assertEqual(1, self.done(self.messages.inbound(TAG).count()))

    def test_retention(self) -> None:
        """After the retention a message and its places in lists are gone."""
        question, answer = self.talk(TAG)
        self.add(self.messages.add_event, ack(answer))
        self.clock.advance(101)
        self.assertIsNone(self.done(self.messages.get_message(question.message_id)))
        for listing in self.every_listing(question, answer):
            self.assertEqual(([], 0), (self.done(listing.page()), self.done(listing.count())))

    def every_listing(self, question: UserMessage, answer: UserMessage) -> list[Any]:
        messages = self.messages
        tagged = [messages.inbound(TAG), messages.outbound(TAG), messages.events(TAG)]
        named = [messages.of_address("+27"), messages.replies_to(question.message_id)]
        return [*tagged, *named, messages.events_of(answer.message_id)]

    def test_lists_are_bounded(self) -> None:
        """A list that is added to again and again holds only what is still kept."""
        for number in range(300):
            self.add(self.messages.add_inbound_message, inbound(f"{number}"), TAG)
        for index in ("kept:list:address:+27", 'kept:list:inbound:["pool","one"]'):
            held = self.successResultOf(self.broker.reader().read("zcard", index))
            self.assertTrue(95 <= held <= 101, held)
        self.assertEqual("299", self.contents(self.messages.inbound(TAG))[0])

    def test_idle_lists_end(self) -> None:
        """A list that nothing is added to is gone as a whole."""
        self.talk(TAG)
        self.clock.advance(101)
        held = self.successResultOf(self.broker.reader().read("zcard", "kept:list:address:+27"))
        self.assertEqual(0, held)

    def test_prefixes(self) -> None:
        """Stores of two prefixes know nothing of each other."""
        self.talk()
        other = MessageStore(self.broker, "other")
        self.assertEqual([], self.contents(other.of_address("+27")))

    def test_delete_odd(self) -> None:
        """An address with anything in it is one address, also when its message is deleted."""
        message = inbound("odd", from_addr='+27\nreplies:"x')
        self.add(self.messages.add_inbound_message, message)
        listing = self.messages.of_address(message.from_addr or "")
        self.assertEqual(1, self.done(listing.count()))
        self.assertTrue(self.done(self.messages.delete_message(message.message_id)))
        self.assertEqual(0, self.done(listing.count()))

    def test_delete(self) -> None:
        """A message that is deleted is in no list; others and its events stay."""
        question, answer = self.talk(TAG)
        self.add(self.messages.add_event, ack(answer))
        deleted = [self.done(self.messages.delete_message(answer.message_id)) for _ in range(2)]
        self.assertEqual([True, False], deleted)
        self.assertIsNone(self.done(self.messages.get_message(answer.message_id)))
        counts = [self.done(each.count()) for each in self.every_listing(question, answer)]
        self.assertEqual([1, 0, 1, 1, 0, 1], counts)


class OverRedis(TestCase):
    """The same on a real server, from a program that is no worker."""

    async def test_program(self) -> None:
        """A program that is no worker asks through its connection."""
        from twisted.internet import reactor

        system = SystemConfig(namespace=unique_namespace(), redis=f"unix://{shared_server().path}")
        async with await connect(system, reactor) as connected:
            messages = MessageStore(connected)
            store = Store(connected.broker.reader())
            messages.add_inbound_message(store, inbound("hi"))
            await store.commit()
            [found] = await messages.of_address("+27").page()
            self.assertEqual("hi", found.content)

    async def test_conversation(self) -> None:
        """A conversation of three pages over two partitions is found, counted, forgotten."""
        from twisted.internet import reactor

        broker = RedisBroker(shared_server(), reactor, namespace=unique_namespace(), partitions=2)
        await broker.start()
        messages = MessageStore(broker, retention=60)
        for number in range(25):
            store = Store(broker.reader(number % 2))
            messages.add_inbound_message(store, inbound(f"{number}"), TAG)
            await store.commit()
        listing = messages.of_address("+27")
        pages = [await listing.page(start, 10) for start in (0, 10, 20)]
        contents = [message.content for page in pages for message in page]
        self.assertEqual([f"{number}" for number in range(24, -1, -1)], contents)
        newest = (await messages.inbound(TAG).page(count=1))[0]
        event = ack(newest)
        store = Store(broker.reader(1))
        await messages.add_event(store, event)
        await store.commit()
        self.assertEqual([event], await messages.events(TAG).page())
        self.assertTrue(await messages.delete_message(newest.message_id))
        self.assertEqual((24, 24), (await listing.count(), await messages.inbound(TAG).count()))
        await broker.stop()
