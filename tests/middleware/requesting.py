"""Applications of views with request middleware around them, for the tests of that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.applications.requests import RequestApplication
from pipeline.applications.routes import Route, otherwise
from pipeline.message import UserMessage
from pipeline.requests import Request, Response
from tests.middleware.systems import RedisCase
from tests.workers import WorkerCase, inbound

#: The package of built-in middleware.
BUILT_IN = "pipeline.middleware"


def asked(path: str = "/", method: str = "GET", **fields: Any) -> UserMessage:
    """A request of HTTP.

    :param path: may have a query.
    """
    path, _, query = path.partition("?")
    headers = {"Host": "example.org", **fields.pop("headers", {})}
    request = Request(method, path, query, headers, **fields)
    return inbound(content=None, extra={"http": request.to_fields()})


def options_of(
    routes: Iterable[Route], middleware: Iterable[Any], sections: dict[str, Any]
) -> dict[str, Any]:
    """The options of an application ``sms``; middleware is named as in its package."""
    listed = [
        {name: f"{BUILT_IN}.{rest}" for name, rest in each.items()}
        if isinstance(each, dict)
        else each
        for each in middleware
    ]
    return {"transport_name": "sms", "routes": list(routes), "middleware": listed, **sections}


class Counting:
    """A view that says how often it was asked, and keeps the requests."""

    def __init__(self, response: Any = None) -> None:
        self.requests: list[Request] = []
        self._response = response

    @property
    def calls(self) -> int:
        return len(self.requests)

    async def __call__(self, request: Request, **kwargs: Any) -> Any:
        self.requests.append(request)
        made = self._response
        return Response(f"answer {self.calls}") if made is None else made()


class RequestsCase(WorkerCase):
    """Has an application in memory, and asks it."""

    #: The application that runs.
    application: Any = None

    def begin(self, view: Any, *middleware: Any, **sections: Any) -> Any:
        """An application that runs; one that was begun before is stopped.

        :param view: a view, or a list of routes.
        :param middleware: ``{name: "module.Class"}``, or a dotted name.
        """
        routes = view if isinstance(view, list) else [otherwise(view)]
        if self.application is not None:
            self.helper.cleanup_worker(self.application).now()
        options = options_of(routes, middleware, sections)
        self.application = self.running(RequestApplication, **options)
        return self.application

    def ask(self, path: str = "/", method: str = "GET", **fields: Any) -> Response:
        """The response to a request of HTTP."""
        self.put("sms.inbound", asked(path, method, **fields))
        [reply] = self.replies()
        return Response.from_fields(reply.extra["http"])

    def say(self, content: str, **fields: Any) -> list[str | None]:
        """The answers to a plain message."""
        self.put("sms.inbound", inbound(content, **fields))
        return [reply.content for reply in self.replies()]

    def replies(self) -> list[UserMessage]:
        """The replies that were published; they are taken."""
        return [delivery.message for delivery in self.taken("sms.outbound")]


class RequestsOverRedis(RedisCase):
    """The same over a real server; each application has a connection of its own."""

    async def begin(self, view: Any, *middleware: Any, **sections: Any) -> Any:
        """An application that runs."""
        options = options_of([otherwise(view)], middleware, sections)
        return await self.helper.get_worker(RequestApplication, options)

    async def ask(self, path: str = "/", method: str = "GET", **fields: Any) -> Response:
        """The response to a request of HTTP."""
        message = asked(path, method, **fields)
        await self.helper.dispatch_inbound(message)
        [reply] = await self.helper.wait_for_dispatched_outbound(1)
        self.helper.clear_dispatched_outbound()
        self.assertEqual(message.message_id, reply.in_reply_to)
        return Response.from_fields(reply.extra["http"])
