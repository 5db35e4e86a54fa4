"""A small site, for tests of requests for views."""

from __future__ import annotations

from typing import Any

from pipeline.applications.routes import otherwise, path
from pipeline.requests import JsonResponse, RedirectResponse, Response

#: Every byte that there is.
BYTES = bytes(range(256))

#: The messages that requests came in, as they came.
messages: list[Any] = []


async def seen(request: Any, **given: Any) -> Response:
    """What a view sees of its request."""
    messages.append(request.message)
    return JsonResponse(
        {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "headers": request.headers.pairs,
            "cookies": request.cookies,
            "scheme": request.scheme,
            "remote": request.remote_addr,
            "host": request.host,
            "length": len(request.body),
        }
    )


async def form(request: Any) -> Response:
    """What is in a form."""
    files = {name: [each.filename, len(each.content)] for name, each in request.files.items()}
    return JsonResponse({"fields": dict(request.form), "files": files})


async def echo(request: Any) -> Response:
    """The body again."""
    return Response(request.body, content_type="application/octet-stream")


async def everything(request: Any) -> Response:
    """A body of every byte."""
    return Response(BYTES, content_type="application/octet-stream")


async def log_in(request: Any) -> Response:
    """Two cookies, and off to another page."""
    response = RedirectResponse("/seen")
    response.set_cookie("sessionid", "s1", http_only=True)
    response.set_cookie("lang", "sw", max_age=60)
    return response


async def status(request: Any, code: int) -> Response:
    """Any status, with a body where there may be none."""
    return Response("said", code, {"ETag": '"1"'})


async def rude(request: Any) -> Response:
    """Headers that are the transport's own."""
    headers = {
        "Connection": "X-Own, close",
        "X-Own": "1",
        "Transfer-Encoding": "chunked",
        "Content-Length": "7",
        "X-Name": "J\u00f6rg",
    }
    return Response("hi", headers=headers)


async def measured(request: Any) -> Response:
    """How long a body would be."""
    return Response(b"", headers={"Content-Length": "12345"})


async def broken(request: Any) -> Response:
    """Fail."""
    raise KeyError("secret")


def blocking(request: Any) -> Response:
    """Answer from a thread."""
    return Response("blocked")


async def said(request: Any) -> Response:
    """Answer what is no request of HTTP."""
    return Response(request.content.upper())


routes = [
    path("/seen", seen),
    path("/shop/<path:rest>", seen),
    path("/form", form, ["POST"]),
    path("/echo", echo),
    path("/everything", everything),
    path("/log-in", log_in, ["POST"]),
    path("/status/<int:code>", status),
    path("/rude", rude),
    path("/measured", measured),
    path("/broken", broken),
    path("/blocking", blocking),
]

anything = [*routes, otherwise(said)]
