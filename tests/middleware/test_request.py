"""Tests of pipeline.middleware.request."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.applications.base import Application
from pipeline.applications.requests import RequestApplication
from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.errors import ConfigError, MiddlewareNotUsed
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response
from tests.workers import WorkerCase

HERE = __name__

#: What has happened, in order.
log: list[str] = []


class GreetingConfig(Config):
    """Options."""

    greeting = ConfigText("What to say.", default="hello", static=True)


class Greeting(RequestMiddleware):
    """Says something in a header."""

    CONFIG_CLASS: ClassVar[type[Config]] = GreetingConfig

    async def setup_middleware(self) -> None:
        log.append(f"+{self.name}")

    def teardown_middleware(self) -> None:
        log.append(f"-{self.name}")

    async def process_response(self, request: Any, response: Any) -> Any:
        response[f"X-{self.name}"] = self.config.greeting
        return response


class Shy(RequestMiddleware):
    """Wants to be left out."""

    def __init__(self, name: str, config: Any, worker: Any) -> None:
        raise MiddlewareNotUsed("not today")

    async def process_request(self, request: Any) -> None: ...


class Needy(RequestMiddleware):
    """Needs the greeting before it."""

    NEEDS = ("Greeting",)

    async def process_request(self, request: Any) -> None: ...


async def view(request: Any) -> Response:
    return Response()


class Options(WorkerCase):
    """Request middleware with options, from a configuration."""

    def setUp(self) -> None:
        super().setUp()
        log.clear()

    def make(self, *middleware: Any, cls: Any = RequestApplication, **sections: Any) -> Any:
        """A worker with these middlewares, not started."""
        given: dict[str, Any] = {
            "transport_name": "sms",
            "middleware": list(middleware),
            **sections,
        }
        if cls is RequestApplication:
            given["routes"] = [{"view": f"{HERE}.view"}]
        return self.worker(cls, **given)

    def test_options(self) -> None:
        """Each is made once, with its options, in the order of the list, and set up; in the end
        they are torn down, the last first."""
        worker = self.make(
            {"a": f"{HERE}.Greeting"}, {"b": f"{HERE}.Greeting"}, b={"greeting": "hi"}
        )
        self.successResultOf(worker.start_worker())
        asked = Deferred.fromCoroutine(worker.respond(Request()))
        response = self.successResultOf(asked)
        self.assertEqual(("hello", "hi"), (response["X-a"], response["X-b"]))
        self.successResultOf(worker.stop_worker(0))
        self.assertEqual(["+a", "+b", "-b", "-a"], log)

    def test_left_out(self) -> None:
        """One that doesn't want to be used is left out, and told."""
        worker = self.make({"shy": f"{HERE}.Shy"})
        self.successResultOf(worker.setup_middleware())
        self.assertEqual([], worker.middlewares.request)
        self.assertEqual(["shy"], [skipped.entry.name for skipped in worker.middlewares.skipped])

    def test_other_workers(self) -> None:
        """A worker that answers no requests makes none."""
        worker = self.make({"a": f"{HERE}.Greeting"}, cls=Application)
        self.successResultOf(Deferred.fromCoroutine(worker.setup_middleware()))
        self.assertEqual(([], []), (log, list(worker.middlewares.request)))

    def test_wrong(self) -> None:
        """A wrong option, an unknown one and a wrong place are errors at the start."""
        wrong: list[tuple[Any, str]] = [
            (self.make({"a": f"{HERE}.Greeting"}, a={"greeting": 7}), "greeting: expected text"),
            (self.make({"a": f"{HERE}.Greeting"}, a={"greting": "x"}), "did you mean 'greeting'"),
            (self.make({"n": f"{HERE}.Needy"}), "'n' needs Greeting before it"),
            (self.make({"n": f"{HERE}.Needy"}, {"a": f"{HERE}.Greeting"}), "move it below 'a'"),
        ]
        for worker, said in wrong:
            failure = self.failureResultOf(Deferred.fromCoroutine(worker.setup_middleware()))
            self.assertIsInstance(failure.value, ConfigError)
            self.assertIn(said, str(failure.value))
