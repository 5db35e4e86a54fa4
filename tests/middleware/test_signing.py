"""The middleware that signs and verifies."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import Codec
from pipeline.message import EventMessage, TaskMessage
from pipeline.middleware.signing import SigningMiddleware, canonical
from tests.middleware.systems import (
    Answering,
    Phone,
    RedisCase,
    SystemCase,
    options_of,
    said,
)
from tests.properties import given, settings
from tests.workers import inbound

SIGNING = "pipeline.middleware.signing.SigningMiddleware"
OLD, NEW = "an old secret of some length", "a new secret of some length"

ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(),
        st.text(),
        st.binary(max_size=8),
        st.sets(st.text(max_size=3)),
        st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
        st.dictionaries(st.integers(0, 99), inner, max_size=3),
    ),
    max_leaves=8,
)


class Signing(SystemCase):
    """A transport that signs and an application that verifies, and the way back."""

    MIDDLEWARE = SIGNING

    def options(self, **options: Any) -> dict[str, Any]:
        return super().options(**{"keys": {"k1": OLD}, **options})

    def test_there_and_back(self) -> None:
        """What is signed on one side passes on the other, in both directions, with any codec."""
        for algorithm in ("hmac-sha256", "blake2b"):
            for form in ("json", "msgpack"):
                phone = self.started(Phone, self.options(algorithm=algorithm), format=form)
                app = self.started(Answering, self.options(algorithm=algorithm), format=form)
                self.say(phone, extra={"at": datetime.now(timezone(timedelta(hours=2)))})
                self.assertEqual(["hi"], [each.content for each in app.got])
                self.assertEqual(["re: hi"], [each.content for each in phone.sent])
                self.assertEqual(["ack"], [each.event_type for each in app.events])
                self.assertEqual({}, app.got[0].helper_metadata)
                for worker in (phone, app):
                    self.successResultOf(worker.stop_worker(0))

    def test_every_field(self) -> None:
        """Whatever is changed on the way, the message is forged, or no message at all."""
        phone = self.started(Phone, self.options())
        self.say(phone, extra={"price": 10}, group="g")
        [delivery] = self.taken("sms.inbound")
        app = self.started(Answering, self.options())
        signed = json.loads(delivery.payload)
        self.change_each(signed, app)

    def change_each(self, signed: dict[str, Any], app: Any) -> None:
        changes = {
            **dict.fromkeys(signed, "changed"),
            "timestamp": "2001-01-01T00:00:00Z",
            "routing_metadata": {"other": 1},
            "transport_metadata": {"other": 1},
            "session_event": "close",
            "extra": {"price": 11},
            "helper_metadata": {**signed["helper_metadata"], "admin": True},
            "new_key": 1,
        }
        del changes["message_type"]
        for name, value in changes.items():
            self.put("sms.inbound", json.dumps({**signed, name: value}).encode())
            self.turn()
            self.assertEqual([], app.got, name)
            reason = b"undecodable" if name == "message_version" else b"forged"
            self.assertEqual(reason, self.letters()[-1]["reason"], name)
        self.put("sms.inbound", json.dumps(signed).encode())
        self.turn()
        self.assertEqual(1, len(app.got))

    def test_type(self) -> None:
        """A signature of one type of message is none of another's."""
        self.assertIn(b'"message_type":"task"', canonical(TaskMessage(task="t")))
        self.assertIn(b'"message_type":"user_message"', canonical(inbound()))

    def test_unsigned(self) -> None:
        """What is not signed, or in some other form, is forged."""
        app = self.started(Answering, self.options())
        mac = {"key": "k1", "at": 1, "mac": "ü"}
        for signature in (
            None,
            "x",
            {},
            {"key": "k1"},
            mac,
            {**mac, "more": 1},
            {**mac, "at": "1"},
        ):
            metadata = {} if signature is None else {"signature": signature}
            self.put("sms.inbound", inbound(helper_metadata=metadata))
            self.turn()
            self.assertEqual(b"forged", self.letters()[-1]["reason"])
        self.assertEqual([], app.got)
        self.assertIn(b"not signed", self.letters()[0]["error"])

    def test_rotation(self) -> None:
        """Signed with the active key, accepted with any that is listed; others are forged."""
        both = {"k1": OLD, "k2": NEW}
        phone = self.started(Phone, self.options())
        app = self.started(Answering, self.options(keys=both, active="k2"))
        self.say(phone)
        self.assertEqual((1, []), (len(app.got), phone.sent))
        [letter] = self.letters("sms.outbound")
        self.assertIn(b"not listed here: 'k2'", letter["error"])

    def test_same_name_other_secret(self) -> None:
        """The name of a key proves nothing."""
        phone = self.started(Phone, self.options(keys={"k1": NEW}))
        app = self.started(Answering, self.options())
        self.say(phone)
        self.assertEqual([], app.got)

    def test_stale(self) -> None:
        """Signed too long ago, or in the future, is stale."""
        phone = self.started(Phone, self.options())
        for wait, handled in ((59, 1), (61, 0), (-61, 0)):
            self.say(phone)
            self.clock.rightNow += wait
            app = self.started(Answering, self.options(max_age="1m"))
            self.assertEqual(handled, len(app.got), wait)
            self.successResultOf(app.stop_worker(0))
        self.assertEqual([b"stale"] * 2, [letter["reason"] for letter in self.letters()])

    def test_retry(self) -> None:
        """A message that is tried again is verified again, as it came."""
        phone = self.started(Phone, self.options())
        app = self.started(Answering, self.options())
        app.first = lambda message: 1 / 0 if len(app.got) < 3 else None
        self.say(phone)
        for _ in range(3):
            self.turn(1)
        self.assertEqual(1, len(phone.sent))

    def test_sender_keeps_its_message(self) -> None:
        """The message object that was published is not changed under its owner's hands."""
        phone = self.started(Phone, self.options())
        message = inbound()
        self.successResultOf(phone.connector.publish("inbound", message))
        self.assertEqual({}, message.helper_metadata)

    def test_nack_of_dropped(self) -> None:
        """Events that the framework makes are signed too."""
        app = self.started(Answering, self.options())
        phone = self.started(Phone, {**self.options(), "retry": {"attempts": 1}})
        nack = EventMessage(user_message_id="1", event_type="nack", nack_reason="no")
        self.successResultOf(phone.connector.publish("event", nack))
        self.turn()
        self.assertEqual(1, len(app.events))


class Canonical(SynchronousTestCase):
    """What is signed is the same at both ends."""

    @settings(max_examples=200)
    @given(ANYTHING, st.sampled_from(["json", "msgpack"]))
    def test_travels(self, value: Any, form: Any) -> None:
        """Whatever travels, by either codec, is verified where it arrives."""
        codec = Codec(form)
        ends = [Ends(codec) for _ in range(2)]
        first, second = [SigningMiddleware("s", {"keys": {"k": OLD}}, end) for end in ends]
        for middleware in (first, second):
            middleware.setup_middleware()
        signed = first.handle_publish_inbound(inbound(extra={"x": value}), "sms")
        arrived = codec.decode(codec.encode(signed))
        self.assertEqual({}, second.handle_consume_inbound(arrived, "sms").helper_metadata)


class Ends:
    """A worker, as far as signing looks at it."""

    class clock:
        seconds = staticmethod(lambda: 1_000_000.0)

    def __init__(self, codec: Codec) -> None:
        self.codec = codec


class OverRedis(RedisCase):
    """The same on a real server."""

    async def test_there_and_back(self) -> None:
        """A signed message is answered, an unsigned one buried."""
        config = options_of("guard", SIGNING, {"keys": {"k1": OLD}})
        phone = await self.started(Phone, config)
        app = await self.started(Answering, config)
        await phone.publish_message(**said())
        await app.connector.publish("outbound", inbound("out"))
        stranger = await self.started(Phone, {"transport_name": "sms"})
        stranger.connector.pause()
        await stranger.publish_message(**said("forged"))
        await self.helper.until(lambda: len(phone.sent) == 2)
        await self.settled()
        self.assertEqual(["hi"], [each.content for each in app.got])
        self.assertEqual(1, len(await phone.broker.dead("sms.inbound")))
        await self.stop()
