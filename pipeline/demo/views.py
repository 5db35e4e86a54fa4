"""The view that config/requests.yaml serves: it counts who comes again."""

from __future__ import annotations

from typing import Any

from pipeline.applications.routes import otherwise, path
from pipeline.errors import NotFound
from pipeline.requests import Response

__all__ = ["hello", "missing", "routes"]


async def hello(request: Any) -> Response:
    """Greet, and count in the session."""
    visits = request.session.get("visits", 0) + 1
    request.session["visits"] = visits
    return Response(f"Hello! You have been here {visits} times.\n")


async def missing(request: Any, page: str) -> Response:
    """There are no other pages."""
    raise NotFound(f"there is no page {page}; try /")


routes = [path("/", hello, ["GET"]), path("/<path:page>", missing), otherwise(hello)]
