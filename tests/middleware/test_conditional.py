"""Tests of pipeline.middleware.conditional."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from pipeline.applications.routes import path
from pipeline.hooks import handle
from pipeline.middleware.conditional import condition
from pipeline.middleware.preconditions import http_date
from pipeline.requests import Request, Response
from tests.middleware.requesting import Counting, RequestsCase, RequestsOverRedis

CONDITIONAL = {"conditional": "conditional.ConditionalMiddleware"}
GZIP = {"gzip": "gzip.GZipMiddleware"}


def answering(content: str = "text", **options: Any) -> Counting:
    """A view that answers always the same."""
    return Counting(lambda: Response(content, **options))


class Http(RequestsCase):
    """Requests of HTTP."""

    def test_tag(self) -> None:
        """A response gets a tag of its content, its length and the date; equal ones the same."""
        self.begin(answering(), CONDITIONAL)
        response = self.ask()
        self.assertEqual("4", response["Content-Length"])
        self.assertEqual(http_date(self.clock.seconds()), response["Date"])
        self.assertRegex(response["ETag"], '^"[0-9a-f]{32}"$')
        self.assertEqual(response["ETag"], self.ask()["ETag"])

    def test_not_modified(self) -> None:
        """Who has it gets a 304 without content, with the tag."""
        self.begin(answering(headers={"Cache-Control": "max-age=5"}), CONDITIONAL)
        tag = self.ask()["ETag"]
        for method in ("GET", "HEAD"):
            response = self.ask("/", method, headers={"If-None-Match": tag})
            self.assertEqual((304, b"", tag), (response.status, response.content, response["ETag"]))
            self.assertEqual("max-age=5", response["Cache-Control"])
            self.assertNotIn("Content-Length", response)
            self.assertNotIn("Content-Type", response)
        self.assertEqual(200, self.ask(headers={"If-None-Match": '"other"'}).status)

    def test_last_modified(self) -> None:
        """A date that the view has set counts, and its own tag is kept."""
        headers = {"Last-Modified": http_date(1000), "ETag": 'W/"own"'}
        self.begin(answering(headers=headers), CONDITIONAL)
        self.assertEqual(304, self.ask(headers={"If-Modified-Since": http_date(1000)}).status)
        self.assertEqual(200, self.ask(headers={"If-Modified-Since": http_date(999)}).status)
        self.assertEqual(412, self.ask(headers={"If-Unmodified-Since": http_date(999)}).status)
        self.assertEqual('W/"own"', self.ask()["ETag"])

    def test_other_methods(self) -> None:
        """What another method has done can't be taken back: its response stays, with its length."""
        self.begin(answering(), CONDITIONAL)
        response = self.ask("/", "POST", headers={"If-None-Match": "*", "If-Match": '"x"'})
        self.assertEqual((200, "4"), (response.status, response["Content-Length"]))
        self.assertNotIn("ETag", response)

    def test_other_statuses(self) -> None:
        """Only a 200 is compared; what is not to be stored, or empty, gets no tag."""
        self.begin(answering(status=404), CONDITIONAL)
        self.assertEqual(404, self.ask(headers={"If-None-Match": "*"}).status)
        for view in (answering(headers={"Cache-Control": "no-store"}), answering("")):
            self.begin(view, CONDITIONAL)
            self.assertNotIn("ETag", self.ask())
        self.begin(answering(status=204), CONDITIONAL)
        self.assertNotIn("Content-Length", self.ask())

    def test_option(self) -> None:
        """By option no tags are made; those of views still count."""
        self.begin(answering(headers={"X": "1"}), CONDITIONAL, conditional={"etags": False})
        self.assertNotIn("ETag", self.ask())

    def test_anything(self) -> None:
        """`*` is whatever there is, also without a tag."""
        self.begin(answering(), CONDITIONAL, conditional={"etags": False})
        told = [self.ask(headers={name: "*"}).status for name in ("If-Match", "If-None-Match")]
        self.assertEqual([200, 304], told)

    def test_cookies(self) -> None:
        """A 304 sets the cookies that the response would have set."""

        def made() -> Response:
            response = Response("text")
            response.set_cookie("seen", "1")
            return response

        self.begin(Counting(made), CONDITIONAL)
        tag = self.ask()["ETag"]
        response = self.ask(headers={"If-None-Match": tag})
        self.assertEqual((304, "seen=1; Path=/"), (response.status, response["Set-Cookie"]))

    def test_compressed(self) -> None:
        """Below gzip: who got it compressed, with a weak tag, gets a 304 for that."""
        self.begin(answering("a" * 1000), GZIP, CONDITIONAL)
        accepts = {"Accept-Encoding": "gzip"}
        first = self.ask(headers=accepts)
        self.assertEqual("gzip", first["Content-Encoding"])
        self.assertTrue(first["ETag"].startswith('W/"'))
        self.assertEqual(str(len(first.content)), first["Content-Length"])
        response = self.ask(headers={**accepts, "If-None-Match": first["ETag"]})
        self.assertEqual((304, first["ETag"]), (response.status, response["ETag"]))
        self.assertEqual("Accept-Encoding", response["Vary"])

    def test_order(self) -> None:
        """Above gzip it would compare what is compressed anew each time: an error at the start."""
        with self.assertRaisesRegex(Exception, "move it below 'gzip'"):
            self.begin(answering(), CONDITIONAL, GZIP)


class Messages(RequestsCase):
    """Plain messages."""

    def start(self, view: Any = None, **options: Any) -> None:
        options = {"skip_unchanged": True, "unchanged_for": 60, **options}
        self.begin(view or answering("same"), CONDITIONAL, conditional=options)

    def test_unchanged(self) -> None:
        """The same answer to the same user is published once, until time has passed."""
        self.start()
        self.assertEqual((["same"], []), (self.say("a"), self.say("b")))
        self.assertEqual(["same"], self.say("a", from_addr="+28"))
        self.helper.advance(61).now()
        self.assertEqual(["same"], self.say("a"))

    def test_changed(self) -> None:
        """Another answer is published, and the first one again after it."""
        answers = iter(["a", "b", "a"])
        self.start(Counting(lambda: Response(next(answers))))
        self.assertEqual([["a"], ["b"], ["a"]], [self.say("x") for _ in range(3)])

    def test_sessions(self) -> None:
        """Who is in a session is always answered."""
        self.start()
        answers = [self.say("a", session_event="resume") for _ in range(2)]
        self.assertEqual([["same"]] * 2, answers)
        self.start(answering("bye", continue_session=False))
        self.assertEqual([["bye"]] * 2, [self.say("a") for _ in range(2)])

    def test_off(self) -> None:
        """Without the option every message is answered."""
        self.begin(answering("same"), CONDITIONAL)
        self.assertEqual([["same"]] * 2, [self.say("a") for _ in range(2)])


class Before(RequestsCase):
    """Views that say themselves which version there is."""

    def setUp(self) -> None:
        super().setUp()
        self.ran: list[str] = []

    async def etag(self, request: Any, **kwargs: Any) -> str | None:
        return "v1" if request.path == "/there" else None

    def start(self) -> None:
        @condition(etag=self.etag)
        async def view(request: Any) -> Response:
            self.ran.append(request.method)
            return Response("text")

        self.begin([path("/there", view), path("/free", view)])

    def test_change(self) -> None:
        """A change of another version than the one that is meant doesn't happen."""
        self.start()
        refused = self.ask("/there", "PUT", headers={"If-Match": '"v0"'})
        self.assertEqual((412, []), (refused.status, self.ran))
        self.assertEqual(200, self.ask("/there", "PUT", headers={"If-Match": '"v1"'}).status)
        self.assertEqual(["PUT"], self.ran)

    def test_creation(self) -> None:
        """What is there already is not made again."""
        self.start()
        once = {"If-None-Match": "*"}
        statuses = [self.ask(where, "PUT", headers=once).status for where in ("/there", "/free")]
        self.assertEqual(([412, 200], ["PUT"]), (statuses, self.ran))

    def test_read(self) -> None:
        """A read of what is known doesn't run the view; any other has the tag."""
        self.start()
        self.assertEqual('"v1"', self.ask("/there")["ETag"])
        response = self.ask("/there", headers={"If-None-Match": '"v1"'})
        self.assertEqual((304, '"v1"', ["GET"]), (response.status, response["ETag"], self.ran))
        response = self.ask("/there", headers={"If-None-Match": 'W/"v1"'})
        self.assertEqual((304, 'W/"v1"', ["GET"]), (response.status, response["ETag"], self.ran))

    def test_object(self) -> None:
        """A view may be an object, which is async if its call is."""
        self.begin(condition(etag=self.etag)(answering()))
        self.assertEqual('"v1"', self.ask("/there")["ETag"])

    def test_message(self) -> None:
        """A plain message has no conditions."""

        @condition(etag=self.etag)
        async def view(request: Any) -> Response:
            return Response("text")

        self.begin(view)
        self.assertEqual(["text"], self.say("hi"))

    async def test_blocking(self) -> None:
        """A plain view stays one: it and its functions run in a thread."""
        threads: list[bool] = []

        def modified(request: Any) -> datetime:
            threads.append(threading.current_thread() is threading.main_thread())
            return datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)

        @condition(last_modified=modified)
        def view(request: Any) -> Response:
            return Response("text")

        response = await handle([], Request(), view)
        self.assertEqual("Sun, 06 Nov 1994 08:49:37 GMT", response["Last-Modified"])
        request = Request(headers={"If-Modified-Since": response["Last-Modified"]})
        self.assertEqual(304, (await handle([], request, view)).status)
        self.assertEqual([False, False], threads)


class OverRedis(RequestsOverRedis):
    """On a real server."""

    async def test_http(self) -> None:
        """Who has it gets a 304."""
        await self.begin(answering(), CONDITIONAL)
        tag = (await self.ask())["ETag"]
        self.assertEqual(304, (await self.ask(headers={"If-None-Match": tag})).status)

    async def test_messages(self) -> None:
        """The same answer to the same user is published once."""
        options = {"skip_unchanged": True}
        await self.begin(answering("same"), CONDITIONAL, conditional=options)
        for _ in range(3):
            await self.helper.make_dispatch_inbound("hi", from_addr="+27")
        await self.settled()
        self.assertEqual(1, len(await self.helper.get_dispatched_outbound()))
