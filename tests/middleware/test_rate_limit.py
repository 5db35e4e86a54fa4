"""The middleware that lets only so many through."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.task import deferLater

from pipeline.errors import ConfigError, TemporaryFailure
from pipeline.middleware.rate_limit import RateLimitMiddlewareConfig
from tests.middleware.systems import Answering, Phone, RedisCase, SystemCase, options_of
from tests.workers import inbound

LIMIT = "pipeline.middleware.rate_limit.RateLimitMiddleware"

#: As exactly as a server knows the time.
MILLISECOND = 0.001


def most_within(times: list[float], per: float) -> int:
    """The most moments that lie in any span of this length, its end left out."""
    ordered = sorted(times)
    return max(
        (sum(start <= each < start + per for each in ordered) for start in ordered), default=0
    )


class RateLimit(SystemCase):
    """How many take effect, and when the others come."""

    MIDDLEWARE = LIMIT

    def test_over(self) -> None:
        """What is over the limit comes again when there is room, one after another."""
        app = self.started(Answering, self.options(limit=2, per="10s"))
        self.put("sms.inbound", *[inbound() for _ in range(5)])
        self.turn()
        self.assertEqual(2, len(app.got))
        self.turn(9.9)
        self.assertEqual(2, len(app.got))
        for handled in (3, 4, 5):
            self.helper.until(lambda handled=handled: len(app.got) >= handled).now()
            self.assertEqual(handled, len(app.got))

    def test_put_off_is_no_attempt(self) -> None:
        """A message that was put off often still has all its attempts."""
        options = {**self.options(limit=1, per="5s"), "retry": {"attempts": 1}}
        app = self.started(Answering, options)
        self.put("sms.inbound", *[inbound() for _ in range(10)])
        self.turn(100)
        self.assertEqual(10, len(app.got))
        self.assertEqual([], self.letters())

    def test_dropped(self) -> None:
        """Or it is dropped, if that is wanted."""
        app = self.started(Answering, self.options(limit=1, on_limit="drop"))
        self.put("sms.inbound", inbound(), inbound())
        self.turn()
        self.assertEqual(1, len(app.got))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))

    def test_keys(self) -> None:
        """Each value of the key has the limit for itself; those without one share it."""
        app = self.started(Answering, self.options(limit=1, per=60, key="from_addr"))
        senders = ["a", "b", "a", "b", None, None]
        self.put("sms.inbound", *[inbound(from_addr=each) for each in senders])
        self.turn()
        self.assertEqual(["a", "b", None], [each.from_addr for each in app.got])

    def test_failure_counts_not(self) -> None:
        """A failed attempt takes no room: its retry, and others, find it free."""
        app = self.started(Answering, self.options(limit=1, per="60s"))

        def once(message: Any) -> None:
            if len(app.got) == 1:
                raise TemporaryFailure("not yet")

        app.first = once
        self.put("sms.inbound", inbound())
        self.turn(1)
        self.turn(1)
        self.assertEqual((2, 1), (len(app.got), len(self.replies())))

    def test_starts_count(self) -> None:
        """With count: starts a failed attempt has had its turn."""
        app = self.started(Answering, self.options(limit=1, per="60s", count="starts"))
        app.first = lambda message: 1 / 0
        self.put("sms.inbound", inbound())
        for _ in range(59):
            self.turn(1)
        self.assertEqual(1, len(app.got))
        for _ in range(10):
            self.turn(1)
        self.assertEqual(2, len(app.got))

    def test_starts_of_several(self) -> None:
        """With count: starts no more than the limit are begun, over all workers."""
        apps = [
            self.started(Answering, self.options(limit=3, per="60s", count="starts"))
            for _ in range(3)
        ]
        for app in apps:
            app.first = lambda message: deferLater(self.clock, 5)
        self.put("sms.inbound", *[inbound() for _ in range(30)])
        self.turn(1)
        self.assertEqual(3, sum(len(app.got) for app in apps))

    def test_many(self) -> None:
        """200 messages, four workers, failures, one death: all answered, never over the limit."""
        chance = random.Random(5)
        brokers = [self.process() for _ in range(4)]
        apps = [self.started(Answering, self.options(limit=7, per="2s"), one) for one in brokers]

        async def first(message: Any) -> None:
            await deferLater(self.clock, chance.choice([0, 0.1, 1.0]))
            if chance.random() < 0.1:
                raise TemporaryFailure("not yet")

        for app in apps:
            app.first = first
        looker = self.started(Phone, {"transport_name": "sms"})
        arrivals: list[float] = []
        looker.handle_outbound_message = lambda message: arrivals.append(self.clock.seconds())
        looker.connector.add_handler("outbound", looker.handle_outbound_message)
        self.put("sms.inbound", *[inbound(f"{n}", message_id=f"id-{n}") for n in range(200)])
        for step in range(1600):
            self.turn(0.05)
            if step == 50:
                brokers[0].die()
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))
        self.assertEqual(200, len(arrivals))
        self.assertLessEqual(most_within(arrivals, 2 - MILLISECOND), 7)

    def test_room_is_used(self) -> None:
        """Under load the limit is nearly reached: putting off wastes little time."""
        apps = [self.started(Answering, self.options(limit=10, per="1s")) for _ in range(4)]
        self.put("sms.inbound", *[inbound() for _ in range(200)])
        start, seconds = self.clock.seconds(), 0.0
        while sum(len(app.got) for app in apps) < 200 and seconds < 60:
            self.turn(0.01)
            seconds = self.clock.seconds() - start
        self.assertTrue(19 <= seconds <= 26, seconds)


class OverRedis(RedisCase):
    """The same on a real server, by its clock."""

    async def test_limit(self) -> None:
        """60 messages over two workers: never more than 10 settle within 0.3 s."""
        phone = await self.started(Phone, {"transport_name": "sms"})
        config = options_of("guard", LIMIT, {"limit": 10, "per": "300ms"})
        for _ in range(2):
            await self.started(Answering, config)
        arrivals: list[float] = []
        clock = phone.clock
        phone.connector.add_handler("outbound", lambda message: arrivals.append(clock.seconds()))
        for n in range(60):
            await phone.connector.publish("inbound", inbound(f"{n}"))
        await self.helper.until(lambda: len(arrivals) == 60)
        await self.settled()
        # A few ms of a window go by until the answer is read.
        self.assertLessEqual(most_within(arrivals, 0.25), 10)
        await self.stop()


class Options(SystemCase):
    """What may be configured."""

    def test_wrong(self) -> None:
        """The limit is required, and no part of it may be nothing."""
        for options in ({}, {"limit": 0}, {"limit": 1, "per": 0}, {"limit": 1, "count": "all"}):
            self.assertRaises(ConfigError, RateLimitMiddlewareConfig, options)
