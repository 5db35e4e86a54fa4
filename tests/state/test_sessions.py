"""The session manager."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.applications.base import Application
from pipeline.errors import TemporaryFailure
from pipeline.state.sessions import SessionManager
from tests.middleware.systems import Phone, RedisCase, SystemCase
from tests.workers import inbound


class Menu(Application):
    """Counts in the user's session how often the user has written."""

    def setup_application(self) -> None:
        self.sessions = SessionManager(self, max_session_length=60)
        self.failures = 0

    async def consume_user_message(self, message: Any) -> None:
        user = message.user()
        session = await self.sessions.load_session(user)
        if not session:
            session = await self.sessions.create_session(user, times=0)
        times = int(session["times"]) + 1
        await self.sessions.save_session(user, {"times": times})
        if self.failures:
            self.failures -= 1
            raise TemporaryFailure("not yet")
        await self.reply_to(message, f"{times}", continue_session=times < 3)
        if times == 3:
            await self.sessions.clear_session(user)


class Sessions(SystemCase):
    """With no delivery in hand."""

    def setUp(self) -> None:
        super().setUp()
        self.sessions = SessionManager(self.worker(), max_session_length=60)

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def done(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def load(self, user: str = "+27") -> dict[str, str]:
        session: dict[str, str] = self.done(self.sessions.load_session(user))
        return session

    def active(self) -> dict[str, Any]:
        return dict(self.done(self.sessions.active_sessions()))

    def test_create(self) -> None:
        """A new session has what it was given and when it began, as texts; the old one is gone."""
        self.done(self.sessions.create_session("+27", old=1))
        made = self.done(self.sessions.create_session("+27", page="menu", number=2))
        self.assertEqual({"created_at": "1000000.0", "page": "menu", "number": "2"}, made)
        self.assertEqual(made, self.load())
        made = self.done(self.sessions.create_session("+27", created_at=5, user_id="me"))
        self.assertEqual({"created_at": "5", "user_id": "me"}, made)

    def test_save(self) -> None:
        """Saving sets fields and leaves the others; users are apart."""
        self.done(self.sessions.create_session("+27", a="1", b="2"))
        given = {"b": 3, "c": ""}
        self.assertIs(given, self.done(self.sessions.save_session("+27", given)))
        session = self.load()
        self.assertEqual(("1", "3", ""), (session["a"], session["b"], session["c"]))
        self.assertEqual({}, self.load("+44"))

    def test_clear(self) -> None:
        """A session that is cleared is gone, also from those that are active."""
        self.done(self.sessions.create_session("+27"))
        self.done(self.sessions.clear_session("+27"))
        self.assertEqual(({}, {}), (self.load(), self.active()))
        self.done(self.sessions.clear_session("never"))

    def test_expiry(self) -> None:
        """A session ends so long after its beginning, however often it is saved."""
        self.done(self.sessions.create_session("+27"))
        self.clock.advance(40)
        self.done(self.sessions.save_session("+27", {"a": "1"}))
        self.clock.advance(19)
        self.assertEqual("1", self.load()["a"])
        self.clock.advance(2)
        self.assertEqual(({}, {}), (self.load(), self.active()))

    def test_saved_only(self) -> None:
        """A session that was never created begins when it is saved, and ends as others."""
        self.done(self.sessions.save_session("+27", {"a": "1"}))
        self.assertEqual({"+27": {"a": "1"}}, self.active())
        self.clock.advance(61)
        self.assertEqual({}, self.load())

    def test_no_expiry(self) -> None:
        """With no length a session stays."""
        self.sessions = SessionManager(self.worker())
        self.done(self.sessions.create_session("+27"))
        self.clock.advance(1e7)
        self.assertEqual(["+27"], list(self.active()))

    def test_schedule(self) -> None:
        """A session's end can be set; one that isn't there is not made by that."""
        self.done(self.sessions.create_session("+27"))
        for user in ("+27", "+44"):
            self.done(self.sessions.schedule_session_expiry(user, 5))
        self.assertEqual(["+27"], list(self.active()))
        self.clock.advance(6)
        self.assertEqual({}, self.active())

    def test_active(self) -> None:
        """All sessions of all partitions are found, also when they are many."""
        for number in range(1200):
            self.done(self.sessions.create_session(f"+{number}", n=number))
        active = self.active()
        self.assertEqual({f"+{number}" for number in range(1200)}, set(active))
        self.assertEqual("77", active["+77"]["n"])

    def test_active_is_bounded(self) -> None:
        """The list of users doesn't keep those whose session has ended."""
        for number in range(600):
            self.done(self.sessions.create_session(f"+{number}"))
            self.clock.advance(1)
        reads = [self.broker.reader(n).read("zcard", "session_manager:active") for n in range(3)]
        held = sum(self.successResultOf(read) for read in reads)
        self.assertTrue(held <= 60 + 3 * 10, held)

    def test_prefixes(self) -> None:
        """Managers of two prefixes know nothing of each other."""
        self.done(self.sessions.create_session("+27"))
        self.sessions = SessionManager(self.worker(), key_prefix="other")
        self.assertEqual(({}, {}), (self.load(), self.active()))


class InHand(SystemCase):
    """In a handler."""

    def conversation(self, **options: Any) -> Any:
        retry = {"jitter": 0, "base": 1, "factor": 1}
        return self.started(Menu, {"transport_name": "sms", "retry": retry, **options})

    def test_conversation(self) -> None:
        """A session goes from one message to the next, and ends with the conversation."""
        app = self.conversation()
        for _ in range(4):
            self.put("sms.inbound", inbound())
            self.turn()
        replies = self.replies()
        self.assertEqual(["1", "2", "3", "1"], [reply.content for reply in replies])
        self.assertEqual("close", replies[2].session_event)
        active = self.successResultOf(Deferred.fromCoroutine(app.sessions.active_sessions()))
        self.assertEqual(["+27"], [user for user, _ in active])

    def test_failure(self) -> None:
        """What a failed attempt has saved is not saved."""
        app = self.conversation()
        app.failures = 2
        self.put("sms.inbound", inbound())
        for _ in range(3):
            self.turn(1)
        self.assertEqual(["1"], [reply.content for reply in self.replies()])

    def test_killed(self) -> None:
        """What a worker that died has saved is not saved; who takes over begins anew."""
        first = self.conversation()
        first.connector.pause()
        stuck: Deferred[None] = Deferred()
        first.reply_to = lambda *args, **kwargs: stuck
        first.connector.unpause()
        self.put("sms.inbound", inbound())
        self.turn()
        first.broker.die()
        self.conversation()
        self.turn(6)
        self.turn()
        self.assertEqual(["1"], [reply.content for reply in self.replies()])
        stuck.callback(None)
        self.turn()
        self.assertEqual([], self.replies())

    def test_within(self) -> None:
        """A callback that knows of no delivery can name it."""
        app = self.conversation()
        waiting: Deferred[None] = Deferred()

        def handle(message: Any) -> Any:
            sessions = app.sessions.within(message._delivery)

            def save(_: None) -> Any:
                return Deferred.fromCoroutine(sessions.save_session("+27", {"a": "1"}))

            waiting.addCallback(save)
            waiting.addCallback(lambda _: 1 / 0)
            return waiting

        app.connector.add_handler("inbound", handle)
        self.put("sms.inbound", inbound())
        self.turn()
        waiting.callback(None)
        self.turn()
        loading = app.sessions.load_session("+27")
        self.assertEqual({}, self.successResultOf(Deferred.fromCoroutine(loading)))


class OverRedis(RedisCase):
    """On a real server."""

    async def test_no_count_is_lost(self) -> None:
        """Two workers that count in one session at once lose nothing, and count nothing twice."""
        config = {"transport_name": "sms"}
        phone = await self.started(Phone, config)
        apps = [await self.started(Menu, config) for _ in range(2)]
        for app in apps:
            app.consume_user_message = _counting(app)
            app.connector.add_handler("inbound", app.consume_user_message)
        for _ in range(40):
            await phone.connector.publish("inbound", inbound())
        await self.helper.until(lambda: len(phone.sent) == 40)
        await self.settled()
        session = await apps[0].sessions.load_session("+27")
        self.assertEqual("40", session["times"])
        self.assertEqual({f"{n}" for n in range(1, 41)}, {each.content for each in phone.sent})
        await self.stop()


def _counting(app: Any) -> Any:
    async def count(message: Any) -> None:
        session = await app.sessions.load_session("+27")
        times = int(session.get("times", 0)) + 1
        await deferLater(app.clock, 0.001)
        await app.sessions.save_session("+27", {"times": times})
        await app.reply_to(message, f"{times}")

    return count
