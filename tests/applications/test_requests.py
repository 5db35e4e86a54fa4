"""Tests of pipeline.applications.requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.applications.requests import RequestApplication
from pipeline.applications.routes import path
from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError
from pipeline.message import UserMessage
from pipeline.requests import Request, Response
from pipeline.signals import request_finished, request_started
from pipeline.worker import Runtime
from tests.applications import views
from tests.workers import WorkerCase, inbound

VIEWS = "tests.applications.views"


def asked(path: str, method: str = "GET", **fields: Any) -> UserMessage:
    """A request of HTTP."""
    extra = {"http": Request(method, path).to_fields()}
    return inbound(content=None, extra=extra, **fields)  # type: ignore[arg-type]


class RequestCase(WorkerCase):
    """Has an application of views behind the connector ``sms``."""

    def setUp(self) -> None:
        super().setUp()
        views.log.clear()

    def make(self, **options: Any) -> Any:
        """An application that is not started."""
        return self.worker(RequestApplication, **{**self.options(), **options})

    def options(self) -> dict[str, Any]:
        return {"transport_name": "sms", "routes": f"{VIEWS}.routes"}

    def begin(self, **options: Any) -> Any:
        """An application that runs."""
        return self.running(RequestApplication, **{**self.options(), **options})

    def replies(self) -> list[UserMessage]:
        """The replies that were published."""
        return [delivery.message for delivery in self.taken("sms.outbound")]

    def ask(self, message: UserMessage) -> Response:
        """The response to a request of HTTP."""
        self.put("sms.inbound", message)
        [reply] = self.replies()
        self.assertEqual(message.message_id, reply.in_reply_to)
        return Response.from_fields(reply.extra["http"])


class Answering(RequestCase):
    """Responses become replies."""

    def test_http(self) -> None:
        """A request of HTTP is answered with all that a response has."""
        self.begin(middleware=[f"{VIEWS}.Logging"])
        response = self.ask(asked("/hello/Ada"))
        expected = (200, "Hello, Ada!", "1")
        self.assertEqual(expected, (response.status, response.text, response["X-Seen"]))
        self.assertEqual(["request None", "response 200"], views.log)

    def test_plain(self) -> None:
        """A plain message is answered with the response's text; an empty one is no answer."""
        self.begin()
        self.put("sms.inbound", inbound("hi there"), inbound("silent please"))
        [reply] = self.replies()
        self.assertEqual(
            ("Hello, you!", None, {}), (reply.content, reply.session_event, reply.extra)
        )

    def test_session_ends(self) -> None:
        """A response may end the session."""
        self.begin()
        self.put("sms.inbound", inbound("bye"))
        self.assertEqual(["close"], [reply.session_event for reply in self.replies()])

    def test_session_ended(self) -> None:
        """A session that the user has ended passes the hooks, calls no view, and has no reply."""
        self.begin(middleware=[f"{VIEWS}.Logging"])
        self.put("sms.inbound", inbound("bye", session_event="close"))
        self.assertEqual(["request close", "response 204"], views.log)
        self.assertEqual([], self.replies())

    def test_not_found(self) -> None:
        """What no route takes is a 404, also for a message."""
        self.begin(routes=[{"path": "/", "view": f"{VIEWS}.hello"}])
        self.assertEqual(404, self.ask(asked("/x")).status)
        self.put("sms.inbound", inbound("hi"))
        self.assertEqual(["nobody answers that"], [reply.content for reply in self.replies()])

    def test_method(self) -> None:
        """A method that a path doesn't take is a 405."""
        self.begin()
        self.assertEqual(405, self.ask(asked("/counted")).status)

    def test_nonsense(self) -> None:
        """A request of HTTP that makes no sense is a 400, and no dead letter."""
        self.begin()
        self.assertEqual(400, self.ask(inbound(extra={"http": {"method": 7}})).status)
        self.assertEqual([], self.dead("sms.inbound"))

    def test_order(self) -> None:
        """Requests of HTTP from one address are in no order; plain messages of a user are."""
        application = self.make()
        self.assertIsNone(application.ordering_key(asked("/"), "inbound"))
        self.assertEqual("+27", application.ordering_key(inbound(from_addr="+27"), "inbound"))

    def test_signals(self) -> None:
        """Who listens is told when a request comes, and when its response is there."""
        told: list[Any] = []

        def listener(**named: Any) -> None:
            told.append((named["sender"], named["request"].path, named.get("response")))

        application = self.begin()
        for signal in (request_started, request_finished):
            signal.connect(listener)
            self.addCleanup(signal.disconnect, listener)
        self.ask(asked("/hello/Ada"))
        self.assertEqual([(application, "/hello/Ada")] * 2, [each[:2] for each in told])
        self.assertEqual((None, 200), (told[0][2], told[1][2].status))


class Committing(RequestCase):
    """What a view does commits with its message."""

    def test_state(self) -> None:
        """What it stores is stored when its message is settled, with the reply."""
        application = self.begin()
        response = self.ask(asked("/counted", "POST"))
        self.assertEqual((201, '{"seen":1}'), (response.status, response.text))
        self.assertEqual(1, self._count(application))

    def test_error(self) -> None:
        """A view's error is a 500 that tells nothing; it is logged, and not tried again. What the
        view had stored until then stays: hooks may have counted on it."""
        application = self.begin()
        response = self.ask(asked("/broken"))
        self.assertEqual((500, "Internal Server Error"), (response.status, response.text))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))
        self.assertEqual(1, self._count(application))

    def test_no_response(self) -> None:
        """A view that returns anything else than a response is a 500 too, and not tried again."""

        async def text(request: Any) -> Any:
            return "text"

        self.begin(routes=[path("/text", text)])
        self.assertEqual(500, self.ask(asked("/text")).status)
        [error] = self.flushLoggedErrors(ValueError)
        self.assertIn("text returned str: it must return a response", str(error.value))
        self.assertEqual((0, 0, 0, 0), self.depth("sms.inbound"))

    def test_debug(self) -> None:
        """While developing, a 500 shows the traceback."""
        self.runtime = Runtime(self.broker, self.codec, self.clock, "test", debug=True)
        self.begin()
        self.assertIn("KeyError: 'secret'", self.ask(asked("/broken")).text)
        self.flushLoggedErrors(KeyError)

    def test_verdicts(self) -> None:
        """A verdict is the connector's: no hook sees it, and the message is put off."""
        self.begin(middleware=[f"{VIEWS}.Logging"])
        self.put("sms.inbound", asked("/busy"))
        self.assertEqual(
            (["request None", "busy"], 1), (views.log, self.depth("sms.inbound").delayed)
        )
        self.assertEqual([], self.replies())

    def test_server_away(self) -> None:
        """A server that is away is no error of the view: the message is tried again."""
        self.begin()
        self.put("sms.inbound", asked("/away"))
        self.clock.advance(5)
        self.assertEqual(
            ["back"], [Response.from_fields(r.extra["http"]).text for r in self.replies()]
        )

    def _count(self, application: Any) -> int:
        count: int = self.successResultOf(Deferred.fromCoroutine(application.store().count("seen")))
        return count


class Threads(RequestCase):
    """Views and layers that block."""

    async def test_view(self) -> None:
        """A plain view runs in a thread."""
        self.begin()
        self.put("sms.inbound", asked("/blocking"))
        self.assertEqual(["False"], [response.text for response in await self._responses(1)])

    async def test_templates(self) -> None:
        """Templates are in a folder beside the configuration, and escape what they are given."""
        folder = Path(self.mktemp())
        (folder / "pages").mkdir(parents=True)
        (folder / "pages" / "page.html").write_text("<b>{{ name }}</b>")
        self.runtime = Runtime(self.broker, self.codec, self.clock, "test", folder=folder)
        self.begin(templates="pages", routes=f"{VIEWS}.routes")
        self.put("sms.inbound", asked("/page"))
        [response] = await self._responses(1)
        self.assertEqual("<b>&lt;Ada&gt;</b>", response.text)

    async def test_no_deadlock(self) -> None:
        """More requests than threads, each through layers that hold one, all come to an end."""
        layers = [f"{VIEWS}.plain_layer"] * 2
        self.begin(middleware=layers, threads=2)
        self.put("sms.inbound", *(asked("/blocking") for _ in range(20)))
        responses = await self._responses(20)
        self.assertEqual({("False", "1")}, {(each.text, each["X-Layer"]) for each in responses})

    async def test_back_pressure(self) -> None:
        """What is beyond the threads waits: it is taken, and not begun."""
        views.gate.clear()
        self.addCleanup(views.gate.set)
        self.begin(routes=[{"view": f"{VIEWS}.waiting"}], threads=2)
        self.put("sms.inbound", *(asked("/") for _ in range(5)))
        from twisted.internet import reactor

        while len(views.log) < 2:
            await deferLater(reactor, 0.005)
        self.assertEqual((["waiting"] * 2, 5), (views.log, self.depth("sms.inbound").in_hand))
        views.gate.set()
        await self._responses(5)

    async def _responses(self, count: int) -> list[Response]:
        from twisted.internet import reactor

        found: list[Response] = []
        while len(found) < count:
            await deferLater(reactor, 0.005)
            self.clock.advance(0)
            found += [Response.from_fields(reply.extra["http"]) for reply in self.replies()]
        return found


class Configured(RequestCase):
    """Routes in YAML, and what is wrong with them."""

    def test_yaml(self) -> None:
        """A route is a mapping with a view."""
        self.begin(
            routes=[
                {"path": "/a", "view": f"{VIEWS}.counted", "methods": ["POST"]},
                {"keyword": "bye", "view": f"{VIEWS}.bye"},
                {"content": "(?P<name>[a-z]+)", "view": f"{VIEWS}.hello"},
                {"view": f"{VIEWS}.silent"},
            ]
        )
        self.assertEqual(201, self.ask(asked("/a", "POST")).status)
        self.put("sms.inbound", inbound("bye"), inbound("ada"), inbound("7"))
        self.assertEqual(["Bye!", "Hello, ada!"], [reply.content for reply in self.replies()])

    def test_wrong(self) -> None:
        """Everything that is wrong is said at once."""
        with self.assertRaises(ConfigErrors) as raised:
            self.make(
                routes=[
                    "x",
                    {"path": "/"},
                    {"path": "a", "view": f"{VIEWS}.hello"},
                    {"path": "/", "keyword": "a", "view": f"{VIEWS}.hello"},
                    {"keyword": "a", "methods": ["GET"], "view": f"{VIEWS}.hello"},
                    {"path": "/", "view": f"{VIEWS}.no_such_view"},
                    {"path": "/", "view": f"{VIEWS}.log"},
                ]
            )
        self.assertEqual(7, len(raised.exception.errors))
        for wrong in ([], 7, f"{VIEWS}.log"):
            with self.assertRaisesRegex(ConfigError, "a list of routes"):
                self.make(routes=wrong)

    def test_no_templates(self) -> None:
        """A folder of templates that isn't there is found before anything starts."""
        with self.assertRaisesRegex(ConfigError, "there is no folder"):
            self.make(templates="no/such").validate_config()
