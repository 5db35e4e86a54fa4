"""Tests of pipeline.middleware.troubleshoot."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pipeline import task
from pipeline.applications.base import Application
from pipeline.applications.requests import RequestApplication
from pipeline.applications.routes import otherwise, path
from pipeline.applications.tasks import TaskApplication
from pipeline.errors import ConfigError, NotFound, PermanentFailure, RetryLater
from pipeline.interfaces import ISearchService
from pipeline.requests import Request, Response
from pipeline.search.findings import Finding
from tests.applications.test_requests import asked
from tests.applications.test_tasks import call
from tests.middleware.systems import RedisCase, SystemCase
from tests.search.exchange import listening
from tests.workers import inbound

HERE = __name__
MODULE = "pipeline.middleware.troubleshoot"
FOUND = "| What is a float? "


@implementer(ISearchService)
class Service:
    """Says what it was asked."""

    #: Gives the answer, instead of the usual one.
    answer: ClassVar[Any] = None
    seen: ClassVar[list[Any]] = []

    def __init__(self, config: Any, worker: Any) -> None:
        self.seen.clear()

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def saw(self, trouble: Any, delivery: Any = None) -> None:
        self.seen.append((trouble.title, delivery.message.content if delivery else None))

    def search(self, trouble: Any) -> Any:
        return self.answer() if self.answer else [Finding(f"about {trouble.name}")]


class Failing(Application):
    """Fails as a message says."""

    def consume_user_message(self, message: Any) -> Any:
        raise_as(message.content)


def raise_as(what: str) -> None:
    """Raise what a text names."""
    if what == "later":
        raise RetryLater(5)
    if what == "missing":
        raise NotFound("no such page")
    if what == "never":
        raise PermanentFailure("never")
    float(what)


@task(name="troubleshoot.failing")
async def failing(what: str) -> None:
    """Fails as it is told."""
    raise_as(what)


@task(name="troubleshoot.failing_in_thread")
def failing_in_thread(what: str) -> None:
    """Fails in a thread."""
    raise_as(what)


@task(name="troubleshoot.failing_in_process", isolation="process")
def failing_in_process(what: str) -> None:
    """Fails in a process of its own."""
    raise_as(what)


def view(request: Any, what: str = "") -> Any:
    """Fails as the path says."""
    raise_as(what or request.message.content)
    return Response("fine")


view.blocking = False  # type: ignore[attr-defined]


def view_in_thread(request: Any, what: str) -> Any:
    """Fails in a thread."""
    raise_as(what)


ROUTES = [path("/thread/<what>", view_in_thread), path("/<what>", view), otherwise(view)]

FAMILIES: dict[str, tuple[Any, dict[str, Any]]] = {
    "": (Failing, {}),
    "Request": (RequestApplication, {"routes": f"{HERE}.ROUTES"}),
    "Task": (TaskApplication, {"tasks": [f"{HERE}.failing", f"{HERE}.failing_in_thread"]}),
}


def config(family: str, **options: Any) -> dict[str, Any]:
    """A worker's options, with the troubleshooter of a family."""
    dotted = f"{MODULE}.{family}TroubleshootMiddleware"
    retry = {"attempts": 2, "base": 1, "factor": 1, "jitter": 0}
    return {
        "transport_name": "sms",
        "retry": retry,
        "middleware": [{"soet": dotted}],
        "soet": options,
        **FAMILIES[family][1],
    }


#: Options that only a worker with the middleware has.
OWN = ("middleware", "soet")


class Stream(io.StringIO):
    """Stands for a stream of the process."""

    def reports(self) -> int:
        """How many exceptions were shown."""
        return self.getvalue().count("Traceback (most recent call last):\n")


class Shown(SystemCase):
    """What is shown of each family, in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.runtime = replace(self.runtime, debug=True)
        self.error, self.out = Stream(), Stream()
        self.patch(sys, "stderr", self.error)
        self.patch(sys, "stdout", self.out)
        self.patch(Service, "answer", None)

    def begun(self, family: str, **options: Any) -> Any:
        given = config(family, **{"service": f"{HERE}.Service", **options})
        return self.started(FAMILIES[family][0], given)

    def test_message(self) -> None:
        """An exception of a handler is shown when it is tried again, and not again when it is
        given up; the message is a dead letter as without."""
        self.begun("")
        self.put("sms.inbound", inbound("abc"))
        self.assertEqual(1, self.error.reports())
        self.assertIn("| about ValueError ", self.error.getvalue())
        self.turn(2)
        self.assertEqual((1, 2), (self.error.reports(), len(Service.seen)))
        self.assertEqual([b"exhausted"], [letter["reason"] for letter in self.letters()])
        self.assertEqual("abc", Service.seen[0][1])

    def test_not_meant(self) -> None:
        """A verdict is no trouble."""
        self.begun("")
        self.put("sms.inbound", inbound("later"))
        self.assertEqual("", self.error.getvalue())

    def test_other_workers(self) -> None:
        """Another worker's messages are its own matter."""
        self.begun("")
        other = {key: value for key, value in config("").items() if key not in OWN}
        self.started(Failing, {**other, "transport_name": "other"})
        self.put("other.inbound", inbound("abc"))
        self.assertEqual("", self.error.getvalue())

    def test_request(self) -> None:
        """An exception of a view is shown, and is a 500 as without; a 404 is none."""
        self.begun("Request")
        self.put("sms.inbound", asked("/abc"), asked("/missing"))
        statuses = [Response.from_fields(each.extra["http"]).status for each in self.replies()]
        self.assertEqual(([500, 404], 1), (statuses, self.error.reports()))
        self.flushLoggedErrors(ValueError)

    def test_plain_request(self) -> None:
        """So it is for a message that isn't from HTTP."""
        self.begun("Request")
        self.put("sms.inbound", inbound("abc"))
        self.assertEqual(1, self.error.reports())
        self.flushLoggedErrors(ValueError)

    def test_task(self) -> None:
        """The final outcome of a task is shown; a success isn't."""
        self.begun("Task")
        self.put("sms.inbound", call(failing, "abc"), call(failing, "1"))
        self.assertEqual("", self.error.getvalue())
        self.turn(2)
        self.assertEqual(1, self.error.reports())
        self.assertEqual([b"exhausted"], [letter["reason"] for letter in self.letters()])

    def test_debug_only(self) -> None:
        """Without debug it is left out, in all three families."""
        self.runtime = replace(self.runtime, debug=False)
        for family in FAMILIES:
            app = self.begun(family)
            self.assertEqual(["debug is off"], [each.reason for each in app.middlewares.skipped])
            self.assertEqual(([], [], []), self.used(app))
            self.successResultOf(app.stop_worker(0))

    def test_dry_run(self) -> None:
        """Where messages are only tried out it is left out, too: it would search outside."""
        self.runtime = replace(self.runtime, dry_run=True)
        for family in FAMILIES:
            app = self.begun(family)
            [skipped] = app.middlewares.skipped
            self.assertEqual("what is only tried out is not searched for", skipped.reason)
            self.successResultOf(app.stop_worker(0))

    def used(self, app: Any) -> Any:
        return app.middlewares.made, app.middlewares.task, app.middlewares.request

    def test_flow(self) -> None:
        """No hook has anything to say: the exception is left as it was, nothing waits."""
        self.patch(Service, "answer", Deferred)
        app = self.begun("Request")
        [hook] = app.middlewares.request
        said = hook.process_exception(Request("GET", "/"), ValueError())
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(said)))
        [made] = self.begun("Task").middlewares.task
        outcome = made().process_outcome(None, ValueError, ValueError(), None)
        self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(outcome)))
        self.assertEqual("", self.error.getvalue())
        self.turn(11)
        self.assertEqual(2, self.error.getvalue().count("No result found."))

    def test_stdout(self) -> None:
        """It is written where the option says, and nowhere else."""
        self.begun("", output="stdout")
        self.put("sms.inbound", inbound("abc"))
        self.assertEqual((0, 1), (self.error.reports(), self.out.reports()))

    def test_encoding(self) -> None:
        """What a terminal can't show is escaped."""
        raw = io.BytesIO()
        self.patch(sys, "stderr", io.TextIOWrapper(raw, encoding="ascii"))
        self.begun("")
        self.put("sms.inbound", inbound("語"))
        self.assertIn(rb"could not convert string to float: '\u8a9e'", raw.getvalue())

    def test_closed_terminal(self) -> None:
        """A stream that can't be written changes nothing."""
        self.error.close()
        self.begun("")
        self.put("sms.inbound", inbound("never"))
        self.assertEqual([b"permanent"], [letter["reason"] for letter in self.letters()])
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_stopped(self) -> None:
        """When the worker stops, what is searched for is shown, and no signal is listened to."""
        self.patch(Service, "answer", Deferred)
        app = self.begun("")
        self.put("sms.inbound", inbound("abc"))
        self.successResultOf(app.stop_worker(0))
        self.assertEqual(1, self.error.reports())
        self.patch(Service, "answer", None)
        self.begun("", output="stdout")
        self.turn(2)
        self.assertEqual((1, 1), (self.error.reports(), self.out.reports()))

    def test_wrong_options(self) -> None:
        """What is no service, no URL, no tag or no time is an error at the start."""
        wrong = {
            "service": (f"{HERE}.Stream", "no ISearchService"),
            "url": ("ftp://x", "must begin with"),
            "tags": ([1], "list of texts"),
            "timeout": (0, "longer than 0"),
            "output": ("paper", "stderr"),
        }
        for family in FAMILIES:
            for name, (value, said) in wrong.items():
                with self.assertRaisesRegex(ConfigError, said):
                    self.begun(family, **{name: value})


class OverRedis(RedisCase):
    """All three families over a real server, asking a real HTTP server."""

    def setUp(self) -> None:
        super().setUp()
        self.error = Stream()
        self.patch(sys, "stderr", self.error)
        self.exchange, self.url = listening(self)
        self.exchange.known = {"could not convert string to float": [12, 11]}

    async def begun(self, family: str, **options: Any) -> Any:
        runtime = replace(await self.helper.place.runtime(), debug=True)
        given = config(family, url=self.url, **options)
        return await self.helper.get_worker(FAMILIES[family][0], given, runtime=runtime)

    async def say(self, family: str, what: str = "abc") -> None:
        messages = {"": inbound(what), "Request": asked(f"/{what}"), "Task": call(failing, what)}
        await self.put(messages[family])

    async def put(self, message: Any) -> None:
        await self.helper.dispatch("inbound", message, "sms")

    async def shown(self, count: int = 1) -> str:
        await self.helper.until(lambda: self.error.reports() >= count, "a report")
        return self.error.getvalue()

    async def check(self, family: str) -> None:
        await self.begun(family)
        await self.say(family)
        text = await self.shown()
        first, second = text.index('| Why "could not convert" <str>'), text.index(FOUND)
        self.assertLess(first, second)
        self.assertLess(second, text.index("ValueError: could not convert string to float: 'abc'"))
        self.assertNotIn("\x1b", text)
        await self.settled()

    async def test_message(self) -> None:
        """Questions, the best last, then the exception of a handler."""
        await self.check("")
        [letter] = await self.helper.dead("sms.inbound")
        self.assertEqual("exhausted", letter.text("reason"))

    async def test_request(self) -> None:
        """The same of a view; who asked has a 500."""
        await self.check("Request")
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    async def test_task(self) -> None:
        """The same of a task."""
        await self.check("Task")

    async def test_threads(self) -> None:
        """What fails in a thread is shown as well."""
        for count, (family, message) in enumerate(
            (("Request", asked("/thread/abc")), ("Task", call(failing_in_thread, "abc"))), 1
        ):
            worker = await self.begun(family)
            await self.put(message)
            self.assertIn("in_thread", (await self.shown(count)).rsplit("+\n", 1)[-1])
            await self.settled()
            await self.helper.cleanup_worker(worker)
        self.flushLoggedErrors(ValueError)

    async def test_process(self) -> None:
        """So is what fails in a process of its own, with the traceback of that process."""
        runtime = replace(await self.helper.place.runtime(), debug=True)
        tasks = {"tasks": [f"{HERE}.failing_in_process"], "processes": 1}
        given = {**config("Task", url=self.url), **tasks}
        await self.helper.get_worker(TaskApplication, given, runtime=runtime)
        await self.put(call(failing_in_process, "abc"))
        text = await self.shown()
        self.assertIn(", in raise_as\n", text)
        self.assertIn(FOUND, text)
        self.assertIn("ValueError: could not convert string to float: 'abc'", text)
        await self.settled()

    async def test_bad_services(self) -> None:
        """Whatever the service does, the message is settled, and the exception is shown."""
        for count, way in enumerate(("silent", "endless", "elsewhere", "closes", "garbage"), 1):
            self.exchange.way = way
            worker = await self.begun("", timeout=3)
            await self.say("", "never" if way != "silent" else "abc")
            await self.settled()
            await self.shown(count)
            await self.helper.cleanup_worker(worker)
        self.assertEqual(5, self.error.getvalue().count("No result found."))
        self.assertEqual(5, len(await self.helper.dead("sms.inbound")))
