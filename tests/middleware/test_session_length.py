"""The middleware that notes when sessions began and ended."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.errors import ConfigError, TemporaryFailure
from pipeline.message import UserMessage
from pipeline.middleware.session_length import (
    SessionLengthMiddlewareConfig,
    SessionLengthMiddlewareError,
)
from pipeline.state.partition import partition_of
from pipeline.store import Store
from tests.middleware.systems import Answering, Phone, RedisCase, SystemCase, options_of
from tests.workers import inbound

LENGTH = "pipeline.middleware.session_length.SessionLengthMiddleware"
START = 1_000_000.0
KEY = "sms:+27:session_created"


class LengthCase(SystemCase):
    """Applications that read through the middleware, and transports that publish through it."""

    MIDDLEWARE = LENGTH

    def noted(self, message: Any, field: str = "session") -> Any:
        return message.helper_metadata.get(field)

    def read(self, app: Any, event: str | None, **fields: Any) -> Any:
        """What the application gets when this comes in: what is noted in it."""
        self.put("sms.inbound", inbound(session_event=event, **fields))
        self.turn()
        return self.noted(app.got[-1])

    def stored(self, key: str = KEY, partition: int = 0) -> bytes | None:
        value: bytes | None = self.successResultOf(self.looker.reader(partition).read("get", key))
        return value


class Reader(Answering):
    """Gets closing messages as all others, and answers nothing."""

    async def consume_user_message(self, message: Any) -> None:
        self.got.append(message)
        waited = self.first(message)
        if waited is not None:
            await waited

    def close_session(self, message: Any) -> Any:
        return self.consume_user_message(message)


class Times(LengthCase):
    """What is noted, as messages are read."""

    def test_new(self) -> None:
        """A session's first message has the time as a float, which is remembered by its key."""
        app = self.started(Reader, self.options())
        noted = self.read(app, "new")
        self.assertEqual({"session_start": START}, noted)
        self.assertIsInstance(noted["session_start"], float)
        self.assertEqual(START, float(self.stored() or 0))

    def test_within(self) -> None:
        """Messages within the session have its start: with no event, and resumed."""
        app = self.started(Reader, self.options())
        self.read(app, "new")
        for event in (None, "resume"):
            self.turn(5)
            self.assertEqual({"session_start": START}, self.read(app, event))
        self.assertEqual(START, float(self.stored() or 0))

    def test_close(self) -> None:
        """The last message has both; then the session is forgotten."""
        app = self.started(Reader, self.options())
        self.read(app, "new")
        self.turn(7)
        noted = self.read(app, "close")
        self.assertEqual({"session_start": START, "session_end": START + 7}, noted)
        self.assertIsInstance(noted["session_end"], float)
        self.assertIsNone(self.stored())

    def test_unknown(self) -> None:
        """Where no start is known none is noted; an end is."""
        app = self.started(Reader, self.options())
        self.assertIsNone(self.read(app, None))
        self.assertEqual({"session_end": START}, self.read(app, "close"))

    def test_new_again(self) -> None:
        """A session that begins anew has a new start."""
        app = self.started(Reader, self.options())
        self.read(app, "new")
        self.turn(3)
        self.assertEqual({"session_start": START + 3}, self.read(app, "new"))
        self.assertEqual({"session_start": START + 3}, self.read(app, None))

    def test_answers(self) -> None:
        """An answer has the start of what it answers; if it closes, the timeout forgets that."""
        app = self.started(Answering, self.options())
        app.reply_to = lambda message, content: Answering.reply_to(app, message, content, False)
        self.read(app, "new")
        [answer] = self.replies()
        self.assertEqual({"session_start": START, "session_end": START}, self.noted(answer))
        self.assertIsNotNone(self.stored())
        self.turn(601)
        self.assertIsNone(self.stored())

    def test_timeout(self) -> None:
        """A start is forgotten after ten minutes, or as the option says."""
        for options, seconds in (({}, 600), ({"timeout": "30s"}, 30)):
            app = self.started(Reader, self.options(**options))
            began = self.read(app, "new")
            self.turn(seconds - 1)
            self.assertEqual(began, self.read(app, None))
            self.turn(2)
            self.assertIsNone(self.read(app, None))
            self.successResultOf(app.stop_worker(0))

    def test_field(self) -> None:
        """The times are noted under the name that is wanted; what else is noted stays."""
        app = self.started(Reader, self.options(field_name="length"))
        self.read(app, "new", helper_metadata={"length": {"x": 1}, "session": "mine"})
        got = app.got[-1]
        self.assertEqual({"x": 1, "session_start": START}, self.noted(got, "length"))
        self.assertEqual("mine", self.noted(got))

    def test_never_overwritten(self) -> None:
        """What is noted already stays; a start that is noted is neither kept nor forgotten."""
        app = self.started(Reader, self.options())
        known = {"session_start": 1.5, "session_end": 2.5}
        for event in ("new", None, "close"):
            self.assertEqual(known, self.read(app, event, helper_metadata={"session": {**known}}))
            self.assertIsNone(self.stored())
        self.read(app, "new")
        half = {"session": {"session_start": 1.5}}
        noted = self.read(app, "close", helper_metadata=half)
        self.assertEqual({"session_start": 1.5, "session_end": START}, noted)
        self.assertIsNotNone(self.stored())
        noted = self.read(app, "close", helper_metadata={"session": {"session_end": 2.5}})
        self.assertEqual({"session_start": START, "session_end": 2.5}, noted)
        self.assertIsNone(self.stored())


class Names(LengthCase):
    """Whose session it is."""

    def test_users_apart(self) -> None:
        """Sessions are of an address in a transport."""
        app = self.started(Reader, self.options())
        self.read(app, "new")
        self.assertIsNone(self.read(app, None, from_addr="+44"))
        self.assertIsNone(self.read(app, None, transport_name="other"))

    def test_outbound(self) -> None:
        """Of what goes out it is the receiver's session."""
        app = self.started(Reader, self.options())
        self.read(app, "new")
        self.turn(2)
        message = UserMessage.send("+27", "bye", transport_name="sms", session_event="close")
        passed = self.successResultOf(app.stack.apply_publish("outbound", message, "sms"))
        self.assertEqual({"session_start": START, "session_end": START + 2}, self.noted(passed))

    def test_tag(self) -> None:
        """With the namespace ``tag`` sessions are of an address under a tag."""
        app = self.started(Reader, self.options(namespace_type="tag"))
        tagged = {"tag": {"tag": ["pool", "name"]}}
        self.assertEqual(START, self.read(app, "new", helper_metadata=tagged)["session_start"])
        self.assertEqual(START, float(self.stored("pool:name:+27:session_created") or 0))
        other = {"tag": {"tag": ["pool", "other"]}}
        self.assertIsNone(self.read(app, None, helper_metadata=other))

    def test_tag_on_a_transport(self) -> None:
        """Before the tagger in a transport's list, it sees the tag of what comes in."""
        tagger = {
            "incoming": {
                "addr_pattern": "(.*)",
                "tagpool_template": "pool",
                "tagname_template": r"\1",
            },
            "outgoing": {"tagname_pattern": "none", "msg_template": {}},
        }
        options = self.options(namespace_type="tag")
        options["middleware"].append({"tag": "pipeline.middleware.tagger.TaggingMiddleware"})
        phone = self.started(Phone, {**options, "tag": tagger})
        self.assertEqual({"session_start": START}, self.noted(self.say(phone, session_event="new")))
        self.assertEqual(START, float(self.stored("pool:1234:+27:session_created") or 0))

    def test_no_namespace(self) -> None:
        """A message without a tag is logged, and passes as it was."""
        app = self.started(Reader, self.options(namespace_type="tag"))
        self.assertIsNone(self.read(app, "new"))
        self.assert_logged("there is no namespace")
        self.assertIsNone(self.read(app, "new", helper_metadata={"tag": {"tag": None}}))
        self.assert_logged("there is no namespace")

    def test_no_transport_name(self) -> None:
        """A message of no transport is logged, and passes as it was."""
        app = self.started(Reader, self.options())
        self.assertIsNone(self.read(app, "new", transport_name=None))
        self.assert_logged("there is no namespace")

    def test_no_address(self) -> None:
        """A message from nobody is logged, and passes as it was; so is one to nobody."""
        app = self.started(Reader, self.options())
        self.assertIsNone(self.read(app, "new", from_addr=None))
        self.assert_logged("there is no address")
        message = inbound(to_addr=None, session_event="close")
        passed = self.successResultOf(app.stack.apply_publish("outbound", message, "sms"))
        self.assertIsNone(self.noted(passed))
        self.assert_logged("there is no address")

    def test_no_mapping(self) -> None:
        """A message with something else under the field's name is logged, and passes."""
        app = self.started(Reader, self.options())
        self.assertEqual("x", self.read(app, "new", helper_metadata={"session": "x"}))
        self.assert_logged("what is noted is no mapping, but 'x'")

    def assert_logged(self, what: str) -> None:
        [failure] = self.flushLoggedErrors(SessionLengthMiddlewareError)
        self.assertIn(what, str(failure.value))

    def test_events(self) -> None:
        """Events belong to no session, and pass untouched."""
        app = self.started(Reader, self.options())
        for method in ("handle_event", "handle_failure", "handle_status"):
            self.assertNotIn(method, vars(type(app.middlewares[0])))


class Commits(LengthCase):
    """When the start is remembered."""

    def test_with_the_settlement(self) -> None:
        """A start that an attempt has noted is remembered only once the message is settled."""
        app = self.started(Reader, self.options())
        app.first = lambda message: self.failing(app)
        self.put("sms.inbound", inbound(session_event="new"))
        self.turn()
        self.assertIsNone(self.stored())
        self.turn(1)
        self.assertEqual(2, len(app.got))
        self.assertEqual(self.noted(app.got[1])["session_start"], float(self.stored() or 0))

    def failing(self, app: Any) -> None:
        if len(app.got) == 1:
            raise TemporaryFailure("not yet")

    def test_killed(self) -> None:
        """A worker that dies with a closing message has ended nothing; who takes over does."""
        first = self.started(Reader, self.options(), self.process())
        self.read(first, "new")
        first.first = lambda message: Deferred()
        self.read(first, "close")
        first.broker.die()
        self.assertIsNotNone(self.stored())
        second = self.started(Reader, self.options(), self.process())
        self.turn(6)
        self.turn()
        self.assertEqual(START, self.noted(second.got[-1])["session_start"])
        self.assertIsNone(self.stored())

    def test_conflict(self) -> None:
        """If the start changes while the last message is in hand, it is handled again: the start
        that is forgotten is the one that is noted."""
        app = self.started(Reader, self.options())
        self.read(app, "new")
        waiting: Deferred[None] = Deferred()
        app.first = lambda message: waiting if len(app.got) == 2 else None
        self.assertEqual(START, self.read(app, "close")["session_start"])
        store = Store(self.looker.reader())
        store.set(KEY, "5.0")
        self.successResultOf(Deferred.fromCoroutine(store.commit()))
        waiting.callback(None)
        self.turn()
        self.assertEqual([START, START, 5.0], [self.noted(m)["session_start"] for m in app.got])
        self.assertEqual((None, (0, 0, 0, 0)), (self.stored(), self.depth("sms.inbound")))


class AtTheEdge(LengthCase):
    """A transport publishes with nothing in hand."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def test_published(self) -> None:
        """The start is remembered in the message's partition, before the message is there."""
        phone = self.started(Phone, self.options())
        first = self.say(phone, session_event="new")
        self.assertEqual({"session_start": START}, self.noted(first))
        where = partition_of("+27", 3)
        self.assertEqual(START, float(self.stored(partition=where) or 0))
        self.turn(1)
        self.assertEqual({"session_start": START}, self.noted(self.say(phone)))
        last = self.say(phone, session_event="close")
        self.assertEqual({"session_start": START, "session_end": START + 1}, self.noted(last))
        self.assertIsNone(self.stored(partition=where))
        self.assertEqual(3, len(self.taken("sms.inbound", where)))


class OverRedis(RedisCase):
    """On a real server."""

    async def test_conversations(self) -> None:
        """Of 20 conversations each message has the start of its own, and each end comes after."""
        config = options_of("length", LENGTH, {})
        phone = await self.started(Phone, config)
        app = await self.started(Reader, {"transport_name": "sms"})
        for event in ("new", None, "close"):
            for number in range(20):
                message = inbound(session_event=event, from_addr=f"+{number}")
                await phone.connector.publish("inbound", message)
        await self.helper.until(lambda: len(app.got) == 60)
        await self.settled()
        times: dict[str, list[Any]] = {}
        for message in app.got:
            times.setdefault(message.from_addr, []).append(message.helper_metadata["session"])
        for noted in times.values():
            self.assertEqual(1, len({each["session_start"] for each in noted}))
            [end] = [each["session_end"] for each in noted if "session_end" in each]
            self.assertTrue(end >= noted[0]["session_start"])
        left = [phone.broker.reader().read("get", f"sms:+{n}:session_created") for n in range(20)]
        self.assertEqual([None] * 20, [await each for each in left])
        await self.stop()


class Options(SystemCase):
    """What may be configured."""

    def test_defaults(self) -> None:
        """Ten minutes, by transport, under ``session``."""
        config = SessionLengthMiddlewareConfig({})
        found = (config.timeout, config.namespace_type, config.field_name)
        self.assertEqual((600, "transport_name", "session"), found)

    def test_wrong(self) -> None:
        """A timeout of nothing, an unknown namespace: each is an error that says so."""
        for options, what in (
            ({"timeout": 0}, "longer than 0"),
            ({"timeout": "soon"}, "timeout: expected a span of time"),
            ({"namespace_type": "transport"}, "one of transport_name, tag"),
        ):
            error = self.assertRaises(ConfigError, SessionLengthMiddlewareConfig, options)
            self.assertIn(what, str(error))

    def test_at_setup(self) -> None:
        """A worker with an unknown namespace doesn't start."""
        config = options_of("length", LENGTH, {"namespace_type": "transport"})
        app = Reader("app", config, self.runtime)
        self.failureResultOf(app.start_worker(), ConfigError)
