"""Tests of pipeline.middleware.cache."""

from __future__ import annotations

from typing import Any

from pipeline.errors import ConfigError
from pipeline.middleware.cache import _Place
from pipeline.requests import Request, Response
from tests.middleware.requesting import Counting, RequestsCase, RequestsOverRedis, asked
from tests.workers import inbound

UPDATE = {"update": "cache.UpdateCacheMiddleware"}
FETCH = {"fetch": "cache.FetchFromCacheMiddleware"}


class CacheCase(RequestsCase):
    """Has a view that counts, behind a cache."""

    def start(self, made: Any = None, *between: Any, **sections: Any) -> None:
        self.view = Counting(made)
        self.begin(self.view, UPDATE, *between, FETCH, **sections)

    def asked_twice(self, first: dict[str, Any], second: dict[str, Any]) -> int:
        """How often the view has run for two requests."""
        before = self.view.calls
        for each in (first, second):
            self.ask(each.pop("path", "/"), each.pop("method", "GET"), **each)
        return self.view.calls - before


class Hits(CacheCase):
    """What is answered without the view."""

    def test_hit(self) -> None:
        """The second request is answered with the first one's response, and its age."""
        self.start(lambda: Response("text", headers={"X-Own": "1"}))
        first = self.ask()
        self.assertEqual("max-age=600", first["Cache-Control"])
        self.assertIn("Expires", first)
        self.helper.advance(5).now()
        second = self.ask()
        self.assertEqual(1, self.view.calls)
        self.assertEqual(("text", "1", "5"), (second.text, second["X-Own"], second["Age"]))
        self.assertEqual(first["Expires"], second["Expires"])

    def test_time(self) -> None:
        """It is forgotten after its time: the response's own, or the option's."""
        for made, options, seconds in (
            (None, {"timeout": 60}, 60),
            (lambda: Response("a", headers={"Cache-Control": "max-age=30"}), {"timeout": 60}, 30),
            (lambda: Response("a", headers={"Cache-Control": "max-age=90"}), {"longest": 40}, 40),
        ):
            self.start(made, update=options, fetch={"prefix": str(seconds)})
            self.ask()
            self.helper.advance(seconds - 1).now()
            self.ask()
            self.assertEqual(1, self.view.calls)
            self.helper.advance(2).now()
            self.ask()
            self.assertEqual(2, self.view.calls)

    def test_head(self) -> None:
        """A HEAD is answered with what is kept for GET, or with what is kept for HEAD; never a
        GET with a HEAD's."""
        self.start()
        counted = []
        for method in ("HEAD", "HEAD", "GET", "GET", "HEAD"):
            self.ask("/", method)
            counted.append(self.view.calls)
        self.assertEqual([1, 1, 2, 2, 2], counted)
        self.assertEqual("answer 2", self.ask("/", "HEAD").text)

    def test_equal(self) -> None:
        """Requests are equal if host, path, query and scheme are."""
        self.start()
        for other in (
            {"path": "/a"},
            {"path": "/?q=1"},
            {"headers": {"Host": "example.com"}},
            {"scheme": "https"},
        ):
            self.assertEqual(1, self.asked_twice(dict(other), dict(other)), other)

    def test_vary(self) -> None:
        """What varies on a header is kept for each value of it."""
        self.start(lambda: Response("a", headers={"Vary": "X-Kind, Accept"}))
        told = []
        for kind in ("a", "b", "a", "", "b"):
            self.ask(headers={"X-Kind": kind} if kind else {})
            told.append(self.view.calls)
        self.assertEqual([1, 2, 2, 3, 3], told)

    def test_cookies(self) -> None:
        """What varies on cookies is kept for each browser."""
        self.start(lambda: Response("a", headers={"Vary": "Cookie"}))
        for _ in range(2):
            for cookie in ("id=1", "id=2"):
                self.ask(headers={"Cookie": cookie})
        self.assertEqual(2, self.view.calls)

    def test_wishes(self) -> None:
        """What a client wishes in Cache-Control changes nothing: no wish makes the view run."""
        self.start()
        for wish in ("no-cache", "no-store", "max-age=0"):
            self.ask(headers={"Cache-Control": wish})
        self.assertEqual(1, self.view.calls)

    def test_binary(self) -> None:
        """Bytes come back as they were."""
        content = bytes(range(256))
        self.start(lambda: Response(content))
        self.ask()
        self.assertEqual((content, 1), (self.ask().content, self.view.calls))


class Misses(CacheCase):
    """What is not kept."""

    def runs(self, *requests: dict[str, Any], **response: Any) -> int:
        """How often the view runs for two requests that it answers so."""
        self.start(lambda: Response("a", **response))
        return self.asked_twice(*(dict(each) for each in (requests or ({}, {}))))

    def test_methods(self) -> None:
        """Only GET and HEAD."""
        self.assertEqual(2, self.runs(*[{"method": "POST"}] * 2))
        self.assertEqual(2, self.runs({"method": "POST", "path": "/p"}, {"path": "/p"}))

    def test_statuses(self) -> None:
        """Only 200; a 304 is told its time, and not kept."""
        for status in (201, 204, 301, 404, 500):
            self.assertEqual(2, self.runs(status=status), status)
        self.assertEqual(2, self.runs(status=304))
        self.assertEqual("max-age=600", self.ask()["Cache-Control"])

    def test_forbidden(self) -> None:
        """What the view forbids."""
        for control in ("private", "no-store", "no-cache", "max-age=0"):
            self.assertEqual(2, self.runs(headers={"Cache-Control": control}), control)
            self.assertEqual(control, self.ask()["Cache-Control"])
        self.assertEqual(2, self.runs(headers={"Vary": "Cookie, *"}))

    def test_sets_cookie(self) -> None:
        """What sets a cookie belongs to one browser alone."""
        self.assertEqual(2, self.runs(headers={"Set-Cookie": "id=1", "Vary": "Cookie"}))

        def made() -> Response:
            response = Response("a")
            response.set_cookie("id", "1")
            return response

        self.start(made)
        self.assertEqual(2, self.asked_twice({}, {}))

    def test_authorization(self) -> None:
        """Who says who they are is neither answered with what is kept, nor is their response
        kept."""
        named = {"headers": {"Authorization": "Bearer x"}}
        self.assertEqual(2, self.runs(named, {}))
        self.assertEqual(1, self.asked_twice(named, {}))

    def test_known_to_transport(self) -> None:
        """Nor who has told the transport, which takes the header away."""
        self.start()
        for _ in range(2):
            message = asked("/")
            message.transport_metadata["user"] = "ada"
            self.put("sms.inbound", message)
            self.replies()
        self.ask()
        self.assertEqual(3, self.view.calls)

    def test_size(self) -> None:
        """What is too large."""
        self.start(lambda: Response("a" * 2000), update={"max_size": 2000})
        self.assertEqual(2, self.asked_twice({}, {}))

    def test_timeout(self) -> None:
        """With a timeout of 0 only what says how long itself."""
        self.start(update={"timeout": 0})
        self.assertEqual(2, self.asked_twice({}, {}))
        self.assertNotIn("Cache-Control", self.ask())

    def test_broken(self) -> None:
        """What can't be read in the store is no entry: the view answers, and it is kept anew."""
        self.start()
        key = _Place("worker", ["GET", "http", "example.org", "/", "", None], Request()).key
        for wrong in (b"\\xff", b"{}", b'{"response":{"status":"x"}}'):
            self.put_in_store(key, wrong)
            self.assertEqual(1, self.asked_twice({}, {}), wrong)

    def put_in_store(self, key: str, value: bytes) -> None:
        store = self.helper.store()
        store.set(key, value)
        self.helper.now(store.commit())


class Messages(CacheCase):
    """Plain messages."""

    def start_with(self, *fields: str, made: Any = None) -> None:
        self.start(made, fetch={"message_fields": list(fields)})

    def test_hit(self) -> None:
        """Equal messages to one destination are answered without the handler."""
        self.start_with("content")
        answers = [self.say(text) for text in ("rate", "rate", "help", "rate")]
        expected = [["answer 1"], ["answer 1"], ["answer 2"], ["answer 1"]]
        self.assertEqual(expected, answers)
        self.put("sms.inbound", inbound("rate", to_addr="other"))
        self.assertEqual(["answer 3"], [reply.content for reply in self.replies()])

    def test_fields(self) -> None:
        """Who is asked for by a field has answers of their own."""
        self.start_with("content", "from_addr")
        for _ in range(2):
            for sender in ("+27", "+28"):
                self.say("rate", from_addr=sender)
        self.assertEqual(2, self.view.calls)

    def test_not_chosen(self) -> None:
        """Without chosen fields every message is handled."""
        self.start_with()
        self.assertEqual([["answer 1"], ["answer 2"]], [self.say("a"), self.say("a")])

    def test_session(self) -> None:
        """Messages of a session are always handled; what ends one, ends it from the cache too."""
        self.start_with("content", made=lambda: Response("bye", continue_session=False))
        for _ in range(2):
            self.say("a", session_event="resume")
        self.assertEqual(2, self.view.calls)
        for _ in range(2):
            self.put("sms.inbound", inbound("a"))
        events = [reply.session_event for reply in self.replies()]
        self.assertEqual((["close", "close"], 3), (events, self.view.calls))

    def test_failure(self) -> None:
        """A failure is not kept."""
        self.start_with("content", made=lambda: Response("no", 503))
        self.assertEqual([["no"], ["no"], 2], [self.say("a"), self.say("a"), self.view.calls])


class Order(CacheCase):
    """Where the two stand."""

    def test_missing(self) -> None:
        """What is never kept is never found, nor the other way: an error at the start."""
        with self.assertRaisesRegex(ConfigError, "needs UpdateCacheMiddleware"):
            self.begin(Counting(), FETCH)
        with self.assertRaisesRegex(ConfigError, "does nothing without FetchFromCacheMiddleware"):
            self.begin(Counting(), UPDATE)

    def test_turned(self) -> None:
        """Turned around, both lines are told."""
        with self.assertRaisesRegex(ConfigError, "move it below 'update'"):
            self.begin(Counting(), FETCH, UPDATE)

    def test_locale(self) -> None:
        """The language must be found between them."""
        locale = {"locale": "locale.LocaleMiddleware"}
        options = {"locale": {"languages": ["en", "de"]}}
        with self.assertRaisesRegex(ConfigError, "move it above 'locale'"):
            self.begin(Counting(), locale, UPDATE, FETCH, **options)
        with self.assertRaisesRegex(ConfigError, "move it below 'locale'"):
            self.begin(Counting(), UPDATE, FETCH, locale, **options)
        self.start(None, locale, **options)
        told = [self.ask(where).text for where in ("/x", "/de/x", "/x", "/de/x")]
        self.assertEqual(["answer 1", "answer 2", "answer 1", "answer 2"], told)

    def test_with_conditions(self) -> None:
        """With conditions around it, what is kept whole is answered with a 304."""
        conditional = {"conditional": "conditional.ConditionalMiddleware"}
        self.view = Counting()
        self.begin(self.view, conditional, UPDATE, FETCH)
        tag = self.ask()["ETag"]
        response = self.ask(headers={"If-None-Match": tag})
        self.assertEqual((304, "answer 1", 1), (response.status, self.ask().text, self.view.calls))

    def test_one_section(self) -> None:
        """Both may have one name, and one section of options."""
        self.view = Counting()
        listed = [{"cache": value} for each in (UPDATE, FETCH) for value in each.values()]
        self.begin(self.view, *listed, cache={"timeout": 5, "prefix": "shop"})
        self.assertEqual(1, self.asked_twice({}, {}))


class OverRedis(RequestsOverRedis):
    """On a real server, with two applications."""

    async def test_shared(self) -> None:
        """What one application has kept another one finds; the server forgets it in time."""
        views = [Counting(), Counting()]
        options = {"update": {"timeout": 0.3}, "fetch": {"prefix": "shop"}}
        first = await self.begin(views[0], UPDATE, FETCH, **options)
        self.assertEqual("answer 1", (await self.ask("/a")).text)
        await self.helper.cleanup_worker(first)
        await self.begin(views[1], UPDATE, FETCH, **{**options, "update": {}})
        response = await self.ask("/a")
        self.assertIn("Age", response)
        await self.helper.until(lambda: self._is_asked_anew("/a"), "an entry that is forgotten")
        self.assertEqual(1, views[1].calls)

    async def _is_asked_anew(self, path: str) -> bool:
        return "Age" not in await self.ask(path)
