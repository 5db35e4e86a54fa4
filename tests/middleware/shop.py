"""Views for the tests of sessions and of what builds on them."""

from __future__ import annotations

import threading
from typing import Any

from pipeline.applications.routes import keyword, otherwise, path
from pipeline.errors import RetryLater
from pipeline.requests import JsonResponse, Response

#: What happens in the view ``/meanwhile`` when it runs for the first time.
meanwhile: list[Any] = []


async def count(request: Any, rest: str = "") -> Response:
    """Count visits."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    return Response(str(request.session["visits"]))


def count_in_thread(request: Any) -> Response:
    """The same where it may block."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    in_main = threading.current_thread() is threading.main_thread()
    return Response(f"{request.session['visits']} {in_main}")


async def cart(request: Any, item: str) -> Response:
    """Change something within a value."""
    request.session.setdefault("cart", []).append(item)
    return JsonResponse(request.session["cart"])


async def look(request: Any, rest: str = "") -> Response:
    """Look without changing anything."""
    return JsonResponse({key: value for key, value in request.session.items() if key[0] != "_"})


async def plain(request: Any) -> Response:
    """Have nothing to do with the session."""
    return Response("plain")


async def rotate(request: Any) -> Response:
    """Have a new id."""
    request.session.cycle_key()
    return Response("rotated")


async def flush(request: Any, rest: str = "") -> Response:
    """Forget everything."""
    request.session.flush()
    return Response("flushed")


async def short(request: Any) -> Response:
    """Have the session live for a minute."""
    request.session["a"] = 1
    request.session.set_expiry(float(request.query.get("seconds", "60")))
    return Response("short")


async def broken(request: Any) -> Response:
    """Change the session, then fail."""
    request.session["broken"] = True
    raise KeyError("broken")


async def unavailable(request: Any) -> Response:
    """Change the session, and answer that something is wrong."""
    request.session["broken"] = True
    return Response(status=503)


async def large(request: Any, size: int) -> Response:
    """Put much into the session."""
    request.session["large"] = "x" * size
    return Response("large")


async def odd(request: Any) -> Response:
    """Put something into the session that can't be kept."""
    request.session["odd"] = object()
    return Response("odd")


async def between(request: Any) -> Response:
    """Count, while another request of the same session does something."""
    visits = request.session.get("visits", 0)
    if meanwhile:
        await meanwhile.pop()()
    request.session["visits"] = visits + 1
    return Response(str(visits + 1))


async def busy(request: Any) -> Response:
    """Count, and ask for another try, the first time."""
    request.session["visits"] = request.session.get("visits", 0) + 1
    if meanwhile:
        await meanwhile.pop()()
        raise RetryLater(1, "busy")
    return Response(str(request.session["visits"]))


async def bye(request: Any, rest: str) -> Response:
    """End the session of the transport."""
    return Response("Bye!", continue_session=False)


async def silent(request: Any) -> Response:
    """Say nothing."""
    return Response(status=204)


routes = [
    path("/count", count),
    path("/thread", count_in_thread),
    path("/cart/<item>", cart),
    path("/look", look),
    path("/plain", plain),
    path("/rotate", rotate),
    path("/flush", flush),
    path("/short", short),
    path("/broken", broken),
    path("/unavailable", unavailable),
    path("/large/<int:size>", large),
    path("/odd", odd),
    path("/between", between),
    path("/busy", busy),
    keyword("count", count),
    keyword("look", look),
    keyword("flush", flush),
    keyword("bye", bye),
    otherwise(silent),
]
