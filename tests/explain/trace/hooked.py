"""Hooks and layers around views and tasks, to be tried out."""

from __future__ import annotations

from typing import Any

from pipeline.errors import PermissionDenied
from pipeline.requests import Response
from pipeline.tasks import task

HERE = "tests.explain.trace.hooked"


class Guard:
    """Lets nobody in who says so; a plain class, whose hooks run in threads."""

    def process_request(self, request: Any) -> Any:
        request.guarded = True
        request.headers["Cookie"] = "secret=1"
        if request.content == "stop":
            return Response("stopped", 403)
        if request.content == "deny":
            raise PermissionDenied("not you")
        if request.content == "crash":
            raise KeyError("oh")
        return None

    async def process_response(self, request: Any, response: Any) -> Any:
        response.set_cookie("token", "s3cret")
        response["X-Guard"] = "yes"
        return response


def polite(get_response: Any) -> Any:
    """A layer, which changes something on either side."""

    async def layer(request: Any) -> Any:
        request.asked = "nicely"
        response = await get_response(request)
        response.content = f"{response.text}, please"
        return response

    return layer


class Doubling:
    """Task middleware: runs a call with twice its argument, in the thread of the task."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        run(2 * args[0])

    async def process_outcome(self, task: Any, *exc_info: Any) -> bool:
        return exc_info[1] is not None


async def view(request: Any) -> Response:
    return Response(f"you said {request.content}")


@task(name="traced-half")
def half(number: int) -> float:
    return 6 / (number - 4)
