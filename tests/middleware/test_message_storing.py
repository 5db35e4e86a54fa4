"""The middleware that keeps messages and events."""

from __future__ import annotations

import ast
import base64
import random
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.errors import ConfigError, ServerRefused, TemporaryFailure
from pipeline.message import EventMessage, FailureMessage
from pipeline.middleware.message_storing import StoringMiddlewareConfig
from pipeline.state.messages import MessageStore
from pipeline.state.partition import partition_of
from tests.middleware.systems import (
    PAGES,
    Answering,
    Phone,
    RedisCase,
    SystemCase,
    example_of,
    options_of,
    unreliable,
)
from tests.workers import inbound, nack

STORING = "pipeline.middleware.message_storing.StoringMiddleware"
TAG = ("pool", "one")
TAGGED = {"tag": {"tag": list(TAG)}}


class StoringCase(SystemCase):
    """Workers that keep, and one that asks."""

    MIDDLEWARE = STORING

    def setUp(self) -> None:
        super().setUp()
        self.messages = MessageStore(self.looker)

    def done(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def kept(self, listing: Any) -> list[Any]:
        found: list[Any] = self.done(listing.page(count=1000))
        return found

    def contents(self, listing: Any) -> list[str]:
        return [message.content for message in self.kept(listing)]


class Storing(StoringCase):
    """What is kept."""

    def test_conversation(self) -> None:
        """An application keeps what it reads, its answers, and the events about them."""
        app = self.started(Answering, self.options())
        phone = self.started(Phone, {"transport_name": "sms"})
        said = self.say(phone, "hi", helper_metadata=TAGGED)
        self.turn()
        [sent] = phone.sent
        self.assertEqual(1, len(app.events))
        self.assertEqual(
            said.content, self.done(self.messages.get_message(said.message_id)).content
        )
        self.assertEqual(["re: hi", "hi"], self.contents(self.messages.of_address("+27")))
        self.assertEqual(["re: hi"], self.contents(self.messages.replies_to(said.message_id)))
        self.assertEqual(["hi"], self.contents(self.messages.inbound(TAG)))
        self.assertEqual(["re: hi"], self.contents(self.messages.outbound(TAG)))
        for events in (self.messages.events(TAG), self.messages.events_of(sent.message_id)):
            self.assertEqual(["ack"], [event.status() for event in self.kept(events)])

    def test_transport(self) -> None:
        """A transport keeps the same: what it publishes at the edge, what it reads, its events."""
        phone = self.started(Phone, self.options())
        self.started(Answering, {"transport_name": "sms"})
        self.say(phone, "hi", helper_metadata=TAGGED)
        self.turn()
        self.assertEqual(["re: hi", "hi"], self.contents(self.messages.of_address("+27")))
        self.assertEqual(1, self.done(self.messages.events(TAG).count()))

    def test_example(self) -> None:
        """The page's example on a transport: what comes in is tagged first, then kept."""
        phone = self.started(Phone, {"transport_name": "sms", **example_of("message_storing")})
        self.started(Answering, {"transport_name": "sms"})
        self.say(phone, "hi", to_addr="12345123")
        self.turn()
        tag = ("codes", "123")
        counts = [
            self.messages.inbound(tag),
            self.messages.outbound(tag),
            self.messages.events(tag),
        ]
        self.assertEqual([1, 1, 1], [self.done(each.count()) for each in counts])

    def test_encryption(self) -> None:
        """After encryption in the list what was said is kept readable, before it unreadable."""
        key = base64.b64encode(bytes(32)).decode()
        for order in (("secret", "keep"), ("keep", "secret")):
            dotted = {
                "keep": STORING,
                "secret": "pipeline.middleware.encryption.EncryptionMiddleware",
            }
            listed = [{name: dotted[name]} for name in order]
            options = {
                "transport_name": "sms",
                "middleware": listed,
                "secret": {"keys": {"k": key}},
            }
            said = self.say(self.started(Phone, options), "hi")
            kept = self.done(self.messages.get_message(said.message_id))
            self.assertEqual(order[0] == "secret", kept.content == "hi")

    def test_asking(self) -> None:
        """The page's Python runs: a conversation is added by hand, found, and deleted."""
        page = (PAGES / "message_storing.md").read_text(encoding="utf-8")
        asking, adding = (part.split("```")[0] for part in page.split("```python\n")[1:])
        message = inbound("hi", from_addr="+27831234567", message_id="0b4e..")
        answer = message.reply("re: hi")
        event = EventMessage(
            event_id="77aa..", user_message_id="0b4e..", event_type="ack", sent_message_id="1"
        )
        names = {"worker": self.worker(), "partition": 0, "messages": self.messages}
        names |= {"message": message, "answer": answer, "event": event}
        self.run_code(adding, names)
        self.assertEqual(1, self.done(self.messages.inbound(("codes", "123")).count()))
        self.run_code(asking, names)
        self.assertEqual(["re: hi"], self.contents(names["talk"]))
        self.assertEqual(1, self.done(self.messages.events_of("0b4e..").count()))

    def run_code(self, source: str, names: dict[str, Any]) -> None:
        code = compile(source, "page", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        waited = eval(code, names)
        self.done(waited)

    def test_as_it_passed(self) -> None:
        """What is kept is the message as it was where the middleware stands."""
        app = self.started(Answering, self.options())
        self.put("sms.inbound", inbound("hi", extra={"a": 1}, transport_metadata={"b": [2]}))
        self.turn()
        self.assertEqual([app.got[0]], self.kept(self.messages.of_address("+27"))[1:])

    def test_not_on_consume(self) -> None:
        """Without ``store_on_consume`` only what goes out is kept, and reading costs nothing."""
        app = self.started(Answering, self.options(store_on_consume=False))
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        self.assertEqual(["re: hi"], self.contents(self.messages.of_address("+27")))
        answer = self.replies()[0]
        self.put("sms.event", nack(answer))
        self.turn()
        self.assertEqual(1, len(app.events))
        self.assertEqual([], self.kept(self.messages.events_of(answer.message_id)))
        self.assertEqual((), app.stack.consume("inbound").steps)

    def test_published_events(self) -> None:
        """What is published is kept in any case: events, too."""
        phone = self.started(Phone, self.options(store_on_consume=False))
        self.put("sms.outbound", inbound("out", message_id="out"))
        self.turn()
        self.assertEqual(1, len(phone.sent))
        self.assertIsNone(self.done(self.messages.get_message("out")))
        self.assertEqual(1, self.done(self.messages.events_of("out").count()))

    def test_failures_are_not_kept(self) -> None:
        """Failures and statuses pass, and leave nothing behind."""
        phone = self.started(Phone, self.options())
        failure = FailureMessage(message=inbound().payload, reason="r", failure_code=None)
        passed = phone.stack.apply_publish("failure", failure, "sms")
        self.assertIs(failure, self.successResultOf(passed))
        for kind in ("failure", "status"):
            self.assertEqual((), phone.stack.publish(kind).steps)

    def test_untagged(self) -> None:
        """What has no tag, or no address, is kept all the same."""
        self.started(Answering, self.options())
        self.put("sms.inbound", inbound("who?", from_addr=None, message_id="one"))
        self.turn()
        self.assertEqual("who?", self.done(self.messages.get_message("one")).content)

    def test_prefix(self) -> None:
        """The keys begin with the prefix that is wanted."""
        self.started(Answering, self.options(store_prefix="mine"))
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        self.assertEqual([], self.contents(self.messages.of_address("+27")))
        mine = MessageStore(self.looker, "mine")
        self.assertEqual(["re: hi", "hi"], self.contents(mine.of_address("+27")))

    def test_retention(self) -> None:
        """After the retention nothing of a message is left."""
        self.started(Answering, self.options(retention="1h"))
        self.put("sms.inbound", inbound("hi", message_id="one"))
        self.turn(3599)
        self.assertEqual(2, len(self.contents(self.messages.of_address("+27"))))
        self.turn(2)
        self.assertEqual([], self.contents(self.messages.of_address("+27")))
        self.assertIsNone(self.done(self.messages.get_message("one")))

    def test_asked_by_the_worker(self) -> None:
        """A worker finds the store in its middleware."""
        app = self.started(Answering, self.options(store_prefix="mine"))
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        listing = app.middlewares[0].store.of_address("+27")
        self.assertEqual(["re: hi", "hi"], self.contents(listing))


class Commits(StoringCase):
    """When it is kept."""

    def test_failed_attempt(self) -> None:
        """What a failed attempt would have kept is not kept; what succeeds is, once."""
        app = self.started(Answering, self.options())

        async def first(message: Any) -> None:
            await app.reply_to(message, "early")
            if len(app.got) == 1:
                raise TemporaryFailure("not yet")

        app.first = first
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        self.assertEqual([], self.contents(self.messages.of_address("+27")))
        self.turn(1)
        contents = self.contents(self.messages.of_address("+27"))
        self.assertEqual(sorted(["re: hi", "early", "hi"]), sorted(contents))

    def test_killed(self) -> None:
        """A worker that dies has kept nothing; who takes over keeps it once, late settlement or
        not."""
        dead = self.started(Answering, self.options(), self.process())
        waiting: Deferred[None] = Deferred()
        dead.first = lambda message: waiting
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        dead.broker.die()
        self.assertEqual([], self.contents(self.messages.of_address("+27")))
        self.started(Answering, self.options(), self.process())
        self.turn(6)
        self.turn()
        waiting.callback(None)
        self.turn()
        replies = self.replies()
        self.assertEqual(["re: hi"], [each.content for each in replies])
        self.assertEqual(["re: hi", "hi"], self.contents(self.messages.of_address("+27")))

    def test_immediately(self) -> None:
        """What goes out at once from a handler that fails is not kept."""
        app = self.started(Answering, {**self.options(), "retry": {"attempts": 1}})

        async def first(message: Any) -> None:
            await app.connector.publish("outbound", message.reply("at once"), immediately=True)
            raise TemporaryFailure("not yet")

        app.first = first
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        self.assertEqual(["at once"], [each.content for each in self.replies()])
        self.assertEqual([], self.contents(self.messages.of_address("+27")))

    def test_agrees(self) -> None:
        """100 messages, three workers, failures, a death: what is kept is what was answered."""
        chance = random.Random(5)
        brokers = [self.process() for _ in range(3)]
        apps = [self.started(Answering, self.options(), broker) for broker in brokers]

        for app in apps:
            app.first = unreliable(self.clock, chance)
        for at in range(0, 100, 20):
            said = [inbound(f"{n}", from_addr=f"+{n % 7}") for n in range(at, at + 20)]
            self.put("sms.inbound", *said)
            self.turn(0.1)
            if at == 40:
                brokers[0].die()
        for _ in range(60):
            self.turn(1)
        self.assertEqual((0, 0, 0), self.depth("sms.inbound")[:3])
        answered = sorted(each.content for each in self.replies())
        self.assertEqual(100, len(answered))
        kept = [c for n in range(7) for c in self.contents(self.messages.of_address(f"+{n}"))]
        self.assertEqual(sorted([*answered, *map(str, range(100))]), sorted(kept))

    def test_errors(self) -> None:
        """What can't be kept is an error of the message: it isn't settled as done."""
        app = self.started(Answering, {**self.options(), "retry": {"attempts": 1}})

        def refuse(*args: Any) -> None:
            raise ServerRefused("full", "")

        app.middlewares[0].store.add_inbound_message = refuse
        self.put("sms.inbound", inbound("hi"))
        self.turn()
        self.assertEqual([], app.got)
        self.assertEqual(b"ServerRefused: full", self.letters()[0]["error"])

    def test_errors_at_the_edge(self) -> None:
        """At the edge who publishes gets the error, and nothing is published."""
        phone = self.started(Phone, self.options())

        def refuse(*args: Any) -> None:
            raise ServerRefused("full", "")

        phone.middlewares[0].store.add_inbound_message = refuse
        self.failureResultOf(phone.publish_message(content="hi", **_ADDRESSES), ServerRefused)
        self.assertEqual(0, self.depth("sms.inbound").waiting)


_ADDRESSES = {"to_addr": "1", "from_addr": "+27", "transport_type": "sms"}


class Partitions(StoringCase):
    """With three partitions."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def test_conversations(self) -> None:
        """What is kept lies with its user's messages, and is found from anywhere."""
        phone = self.started(Phone, self.options())
        self.started(Answering, {"transport_name": "sms"})
        for number in range(12):
            said = self.say(phone, f"{number}", from_addr=f"+{number}", helper_metadata=TAGGED)
            self.turn()
            where = partition_of(f"+{number}", 3)
            key = f"message_store:message:{said.message_id}"
            raw = self.successResultOf(self.looker.reader(where).read("hget", key, "message"))
            self.assertIsNotNone(raw)
            listing = self.messages.of_address(f"+{number}")
            self.assertEqual([f"re: {number}", f"{number}"], self.contents(listing))
        self.assertEqual(12, self.done(self.messages.inbound(TAG).count()))
        self.assertEqual(12, self.done(self.messages.events(TAG).count()))

    def test_report_at_the_edge(self) -> None:
        """A delivery report that comes later, from the edge, has its message's tag."""
        phone = self.started(Phone, self.options())
        for number in range(6):
            message = inbound("out", to_addr=f"+{number}", helper_metadata=TAGGED)
            passed = phone.stack.apply_publish("outbound", message, "sms")
            self.successResultOf(passed)
            self.successResultOf(phone.publish_delivery_report(message.message_id, "delivered"))
        events = self.kept(self.messages.events(TAG))
        self.assertEqual(["delivery_report.delivered"] * 6, [each.status() for each in events])


class OverRedis(RedisCase):
    """On a real server."""

    async def test_kept_once(self) -> None:
        """Of 60 messages over two workers that sometimes fail all are kept once, with answers."""
        chance = random.Random(2)
        config = options_of("keep", STORING, {})
        config["retry"] = {"jitter": 0, "base": 0.05, "factor": 1, "attempts": 20}
        phone = await self.started(Phone, config)
        for _ in range(2):
            app = await self.started(Answering, config)
            app.first = lambda message: 1 / 0 if chance.random() < 0.3 else None
        for number in range(60):
            message = inbound(f"{number}", from_addr=f"+{number % 3}", helper_metadata=TAGGED)
            await phone.connector.publish("inbound", message)
        await self.helper.until(lambda: len(phone.sent) == 60)
        for queue in ("sms.inbound", "sms.outbound", "sms.event"):
            await self.settled(queue)
        messages = MessageStore(phone)
        kept = [await messages.of_address(f"+{n}").page(count=100) for n in range(3)]
        contents = sorted(message.content for page in kept for message in page)
        said = [f"{n}" for n in range(60)]
        self.assertEqual(sorted([*said, *(f"re: {each}" for each in said)]), contents)
        counts = [messages.inbound(TAG), messages.outbound(TAG), messages.events(TAG)]
        self.assertEqual([60, 60, 60], [await each.count() for each in counts])
        await self.stop()


class Options(SystemCase):
    """What may be configured."""

    def test_defaults(self) -> None:
        """A week, on both ways, under ``message_store``."""
        config = StoringMiddlewareConfig({})
        found = (config.store_prefix, config.store_on_consume, config.retention)
        self.assertEqual(("message_store", True, 7 * 86_400), found)

    def test_wrong(self) -> None:
        """A retention of nothing, a word for true or false: each is an error that says so."""
        for options, what in (
            ({"retention": 0}, "retention: must be longer than 0"),
            ({"store_on_consume": "perhaps"}, "expected true or false"),
            ({"store_prefix": 7}, "store_prefix: expected text"),
        ):
            error = self.assertRaises(ConfigError, StoringMiddlewareConfig, options)
            self.assertIn(what, str(error))
