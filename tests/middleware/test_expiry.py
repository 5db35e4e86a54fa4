"""The middleware that stops what is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.errors import ConfigError, Expired
from pipeline.message import UserMessage
from pipeline.middleware.expiry import ExpiryMiddleware, ExpiryMiddlewareConfig
from tests.middleware.systems import Answering, Phone, RedisCase, SystemCase, options_of
from tests.workers import inbound

EXPIRY = "pipeline.middleware.expiry.ExpiryMiddleware"


class Expiry(SystemCase):
    """When a message is late, and what becomes of it."""

    MIDDLEWARE = EXPIRY

    def after(self, seconds: float, message: UserMessage, **options: Any) -> Any:
        """An application that starts so many seconds after a message was sent."""
        self.put("sms.inbound", message)
        self.turn(seconds)
        app = self.started(Answering, self.options(**options))
        self.turn()
        return app

    def at(self, seconds: float) -> datetime:
        """A moment so many seconds from now."""
        return datetime.fromtimestamp(self.clock.seconds(), UTC) + timedelta(seconds=seconds)

    def test_in_time(self) -> None:
        """A message that waited less than its time to live is handled."""
        self.assertEqual(1, len(self.after(9.9, inbound(), ttl="10s").got))

    def test_late(self) -> None:
        """One that waited longer is a dead letter with the reason expired."""
        app = self.after(10.5, inbound(), ttl="10s")
        self.assertEqual([], app.got)
        [letter] = self.letters()
        self.assertEqual(b"expired", letter["reason"])
        self.assertEqual(b"Expired: 0.500 s too late, 10.500 s old", letter["error"])

    def test_dropped(self) -> None:
        """Or it is dropped, if that is wanted."""
        app = self.after(11, inbound(), ttl="10s", on_expired="drop")
        self.assertEqual([], app.got)
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))

    def test_clock_of_the_sender(self) -> None:
        """The age counts from when the server took it in: the sender's clock may be wrong."""
        for wrong in (-3600, 3600):
            app = self.after(5, inbound(timestamp=self.at(wrong)), ttl="10s")
            self.assertEqual(1, len(app.got))
            self.successResultOf(app.stop_worker(0))

    def test_own_ttl(self) -> None:
        """What a message says itself goes before the option; of two ends the earlier counts."""
        cases: list[tuple[dict[str, Any], int]] = [
            ({"helper_metadata": {"ttl": 3}}, 0),
            ({"helper_metadata": {"ttl": "1m"}}, 1),
            ({"extra": {"ttl": "3s"}}, 0),
            ({"extra": {"expires_at": self.at(3).timestamp()}}, 0),
            ({"extra": {"expires_at": self.at(1000).isoformat()}}, 1),
            ({"extra": {"expires_at": self.at(3).replace(tzinfo=None).isoformat()}}, 0),
            ({"extra": {"expires_at": self.at(3).timestamp(), "ttl": "1h"}}, 0),
            ({"extra": {"other": 1}}, 1),
        ]
        for fields, handled in cases:
            app = self.started(Answering, self.options(ttl="20s"))
            app.connector.pause()
            self.clock.rightNow = 1_000_000.0
            self.put("sms.inbound", inbound(**fields))
            self.turn(5)
            app.unpause_connectors()
            self.turn()
            self.assertEqual(handled, len(app.got), fields)
            self.successResultOf(app.stop_worker(0))

    def test_unreadable(self) -> None:
        """An end that can't be read is an error of the message, and not tried again."""
        for name, value in (("ttl", "soon"), ("expires_at", "tomorrow"), ("expires_at", True)):
            app = self.after(0, inbound(extra={name: value}))
            self.assertEqual([], app.got)
            letter = self.letters()[-1]
            self.assertEqual(b"permanent", letter["reason"])
            self.assertIn(name.encode(), letter["error"])
            self.successResultOf(app.stop_worker(0))

    def test_by_kind(self) -> None:
        """A kind may have a time of its own."""
        phone = self.started(
            Phone, self.options(ttl="1h", ttl_by_kind={"outbound": "1s"}, kinds=["inbound"])
        )
        phone.connector.pause()
        self.put("sms.outbound", inbound())
        self.turn(2)
        phone.unpause_connectors()
        self.turn()
        self.assertEqual([], phone.sent)
        self.assertEqual(1, len(self.letters("sms.outbound")))

    def test_retries_count(self) -> None:
        """The age goes on counting while a message is tried again."""
        app = self.after(0, inbound(), ttl="2.5s")
        app.first = lambda message: 1 / 0
        self.put("sms.inbound", inbound())
        for _ in range(6):
            self.turn(1)
        self.assertEqual(b"expired", self.letters()[-1]["reason"])
        self.assertEqual(1 + 3, len(app.got))

    def test_without_delivery(self) -> None:
        """A message that came some other way is as old as its timestamp says."""
        app = self.started(Answering, {"transport_name": "other"})
        expiry = ExpiryMiddleware("late", {"ttl": 10}, app)
        expiry.setup_middleware()
        handle: Any = expiry.handle_consume_inbound
        self.assertRaises(Expired, handle, inbound(timestamp=self.at(-11)), "sms")


class OverRedis(RedisCase):
    """The same on a real server."""

    async def test_expired(self) -> None:
        """Of two messages the one that is late by its own words is not answered."""
        phone = await self.started(Phone, {"transport_name": "sms"})
        await self.started(Answering, options_of("guard", EXPIRY, {"ttl": "1h"}))
        for content, ttl in (("late", 0), ("in time", 60)):
            message = inbound(content, extra={"ttl": ttl})
            await phone.connector.publish("inbound", message)
        await self.helper.until(lambda: phone.sent)
        await self.settled()
        self.assertEqual(["re: in time"], [each.content for each in phone.sent])
        [letter] = await phone.broker.dead("sms.inbound")
        self.assertEqual(b"expired", letter.fields["reason"])
        await self.stop()


class Options(SystemCase):
    """What may be configured."""

    def test_wrong(self) -> None:
        """An unknown kind, or no span of time."""
        for options in ({"ttl_by_kind": {"evnt": 1}}, {"ttl_by_kind": {"event": "x"}}, {"ttl": -1}):
            self.assertRaises(ConfigError, ExpiryMiddlewareConfig, options)
