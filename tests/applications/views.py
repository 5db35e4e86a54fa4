"""Views and hooks for the tests of the application of views."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.applications.routes import keyword, otherwise, path
from pipeline.delivery import delivery_in_hand
from pipeline.errors import BrokerUnavailable, RetryLater
from pipeline.requests import JsonResponse, Response, TemplateResponse

#: What has happened, in order.
log: list[Any] = []

gate = threading.Event()


async def hello(request: Any, name: str = "you") -> Response:
    """Greet."""
    return Response(f"Hello, {name}!")


async def counted(request: Any) -> Response:
    """Count in the store."""
    store = delivery_in_hand().store
    store.incr("seen")
    return JsonResponse({"seen": await store.count("seen")}, 201)


async def broken(request: Any) -> Response:
    """Fail after staging something."""
    delivery_in_hand().store.incr("seen")
    raise KeyError("secret")


async def busy(request: Any) -> Response:
    """Ask for another try."""
    log.append("busy")
    raise RetryLater(5, "busy")


async def away(request: Any) -> Response:
    """Find the server away, the first time."""
    log.append("away")
    if log.count("away") == 1:
        raise BrokerUnavailable("away")
    return Response("back")


async def silent(request: Any, **kwargs: Any) -> Response:
    """Say nothing."""
    return Response(status=204)


async def page(request: Any) -> Response:
    """A page made of a template."""
    return TemplateResponse(request, "page.html", {"name": "<Ada>"})


async def bye(request: Any, rest: str) -> Response:
    """End the session."""
    return Response("Bye!", continue_session=False)


def blocking(request: Any) -> Response:
    """Block, and say where."""
    return Response(str(threading.current_thread() is threading.main_thread()))


def waiting(request: Any) -> Response:
    """Wait in a thread."""
    log.append("waiting")
    gate.wait(10)
    return Response("waited")


class Logging:
    """Logs its hooks."""

    async def process_request(self, request: Any) -> None:
        log.append(f"request {request.session_event}")

    async def process_exception(self, request: Any, exception: Exception) -> None:
        log.append(f"exception {exception!r}")

    async def process_response(self, request: Any, response: Any) -> Any:
        log.append(f"response {response.status}")
        response["X-Seen"] = "1"
        return response


def plain_layer(get_response: Any) -> Any:
    """A layer that blocks."""

    def layer(request: Any) -> Any:
        response = get_response(request)
        response["X-Layer"] = "1"
        return response

    return layer


routes = [
    path("/hello/<name>", hello),
    path("/counted", counted, ["POST"]),
    path("/broken", broken),
    path("/busy", busy),
    path("/away", away),
    path("/page", page),
    path("/blocking", blocking),
    keyword("silent", silent),
    keyword("bye", bye),
    otherwise(hello),
]
