"""The middleware that drops copies."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.errors import ConfigError, TemporaryFailure
from pipeline.message import UserMessage
from pipeline.middleware.dedup import DedupMiddlewareConfig
from tests.middleware.systems import (
    Answering,
    Phone,
    RedisCase,
    SystemCase,
    options_of,
    unreliable,
)

DEDUP = "pipeline.middleware.dedup.DedupMiddleware"


def copy_of(content: str = "hi", message_id: str = "one", **fields: Any) -> UserMessage:
    given = {"to_addr": "1234", "from_addr": "+27", "transport_name": "sms", **fields}
    return UserMessage(transport_type="sms", content=content, message_id=message_id, **given)


class Dedup(SystemCase):
    """What passes, and what is dropped."""

    MIDDLEWARE = DEDUP

    def test_dropped_within_window(self) -> None:
        """A copy is dropped until the window has passed since the first took effect."""
        app = self.started(Answering, self.options(window="10s"))
        for _ in range(2):
            self.put("sms.inbound", copy_of())
            self.turn(4.9)
        self.assertEqual(1, len(app.got))
        self.turn(0.2)
        self.put("sms.inbound", copy_of())
        self.turn()
        self.assertEqual(2, len(app.got))
        self.assertEqual(2, len(self.replies()))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))

    def test_other_messages_pass(self) -> None:
        """Messages with another id, or none for the key, are no copies."""
        app = self.started(Answering, self.options(key="extra.order"))
        self.put("sms.inbound", copy_of(), copy_of(), copy_of(extra={"order": 1}))
        self.put("sms.inbound", copy_of(extra={"order": "1"}), copy_of(extra={"order": 1}))
        self.turn()
        self.assertEqual([None, None, 1, "1"], [each.extra.get("order") for each in app.got])

    def test_retry_is_no_copy(self) -> None:
        """A message that failed and is tried again is handled, though it was read before."""
        app = self.started(Answering, self.options())
        app.first = lambda message: self.failing(2, app)
        self.put("sms.inbound", copy_of())
        for _ in range(3):
            self.turn(1)
        self.assertEqual((3, 1), (len(app.got), len(self.replies())))
        self.put("sms.inbound", copy_of())
        self.turn()
        self.assertEqual(3, len(app.got))

    def failing(self, times: int, app: Any) -> None:
        if len(app.got) <= times:
            raise TemporaryFailure("not yet")

    def test_dead_letter_is_not_seen(self) -> None:
        """What failed for good has not taken effect: sent again, it is handled again."""
        app = self.started(Answering, {**self.options(), "retry": {"attempts": 1}})
        app.first = lambda message: self.failing(1, app)
        self.put("sms.inbound", copy_of())
        self.turn()
        self.put("sms.inbound", copy_of())
        self.turn(0.3)
        self.assertEqual((1, 1), (len(self.letters()), len(self.replies())))

    def test_at_once(self) -> None:
        """Of copies that two workers handle at once one takes effect."""
        apps = [self.started(Answering, self.options()) for _ in range(2)]
        for app in apps:
            app.first = lambda message: deferLater(self.clock, 1.1)
        for _ in apps:
            self.put("sms.inbound", *[copy_of() for _ in range(3)])
        self.turn()
        self.assertEqual(2, sum(len(app.got) for app in apps))
        for _ in range(12):
            self.turn(0.25)
        self.assertEqual(2, sum(len(app.got) for app in apps))
        self.assertEqual(1, len(self.replies()))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))

    def test_in_one_process(self) -> None:
        """A copy waits for the one that its process has in hand: handled only if that fails."""
        app = self.started(Answering, {**self.options(), "retry": {"attempts": 1}})
        for fails in (True, False):
            app.first = lambda message, fails=fails: 1 / 0 if fails and len(app.got) == 1 else None
            self.put("sms.inbound", copy_of(message_id=f"{fails}"), copy_of(message_id=f"{fails}"))
            self.turn()
            self.turn(0.3)
        self.assertEqual(["True", "True", "False"], [each.message_id for each in app.got])
        self.assertEqual((0, 0, 0, 1), self.depth("sms.inbound"))

    def test_hangs(self) -> None:
        """One that hangs is not waited for without end, and what is over is forgotten."""
        app = self.started(Answering, self.options())
        app.first = lambda message: Deferred() if len(app.got) == 1 else None
        self.put("sms.inbound", copy_of(), copy_of())
        for _ in range(62):
            self.turn(1)
        self.assertEqual((2, 1), (len(app.got), len(self.replies())))
        for n in range(100):
            self.put("sms.inbound", copy_of(message_id=f"{n}"))
            self.turn(1)
        self.assertTrue(len(app.middlewares[0]._begun) < 5)

    def test_publish(self) -> None:
        """On the way out, within a delivery, the second copy is not published."""
        app = self.started(
            Answering, self.options(directions="publish", kinds=["outbound"], key="content")
        )
        app.first = lambda message: app.reply_to(message, "re: hi")
        self.put("sms.inbound", copy_of(), copy_of(message_id="two"))
        self.turn()
        self.assertEqual(["re: hi"], [each.content for each in self.replies()])
        self.assertEqual(["nack"] * 3, [event.event_type for event in app.events])

    def test_edge(self) -> None:
        """At the edge every message passes: a mark could not commit with it."""
        phone = self.started(Phone, self.options(directions=["publish"]))
        for _ in range(2):
            self.say(phone, message_id="one")
        self.assertEqual(2, self.depth("sms.inbound").waiting)

    def test_many(self) -> None:
        """200 messages, three copies each, four workers, failures, one death: 200 effects."""
        chance = random.Random(3)
        brokers = [self.process() for _ in range(4)]
        apps = [self.started(Answering, self.options(), broker) for broker in brokers]

        for app in apps:
            app.first = unreliable(self.clock, chance)
        messages = [copy_of(f"{n}", f"id-{n}") for n in range(200)] * 3
        chance.shuffle(messages)
        for at in range(0, 600, 60):
            self.put("sms.inbound", *messages[at : at + 60])
            self.turn(0.1)
            if at == 300:
                brokers[0].die()
        for _ in range(100):
            self.turn(1)
        self.assertEqual((0, 0, 0), self.depth("sms.inbound")[:3])
        contents = [each.content for each in self.replies()]
        self.assertEqual(len(set(contents)), len(contents))
        self.assertEqual(200, len(contents))


class OverRedis(RedisCase):
    """The same on a real server."""

    async def test_at_once(self) -> None:
        """Of 40 messages, five copies each, over two workers, each is answered once."""
        config = options_of("guard", DEDUP, {})
        phone = await self.started(Phone, {"transport_name": "sms"})
        for _ in range(2):
            app = await self.started(Answering, config)
            app.first = lambda message: deferLater(phone.clock, 0.01)
        said = [
            phone.connector.publish("inbound", copy_of(f"{n % 40}", f"{n % 40}"))
            for n in range(200)
        ]
        for each in said:
            await each
        await self.helper.until(lambda: len({each.content for each in phone.sent}) == 40)
        await self.settled()
        self.assertEqual(40, len(phone.sent))
        await self.stop()


class Options(SystemCase):
    """What may be configured."""

    def test_wrong(self) -> None:
        """A window of nothing, an unknown kind, no path: each is an error that says so."""
        for options, what in (
            ({"window": 0}, "longer than 0"),
            ({"kinds": ["inbuond"]}, "there is no 'inbuond' (did you mean 'inbound'?)"),
            ({"directions": []}, "a list of consume, publish"),
            ({"key": "a..b"}, "a field's path"),
        ):
            error = self.assertRaises(ConfigError, DedupMiddlewareConfig, options)
            self.assertIn(what, str(error))
