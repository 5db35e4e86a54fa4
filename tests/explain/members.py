"""Middlewares of every sort to be explained."""

from __future__ import annotations

import functools
from typing import Any

from twisted.internet.defer import Deferred, succeed

from pipeline.errors import Drop, MiddlewareNotUsed, RetryLater
from pipeline.middleware.base import BaseMiddleware
from pipeline.requests import Response
from pipeline.tasks.registry import task


class Parent(BaseMiddleware):
    """Has a handler that others inherit, and declares what it may do."""

    MAY = ("change",)

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        message["provider"] = self.name
        return message


class Child(Parent):
    """Inherits one handler, and writes another, of which the declaration says nothing."""

    async def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
        if message.content == "no":
            raise Drop("no")
        return message


class Quiet(BaseMiddleware):
    """Declares nothing; does much, some of it by other methods."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return self._judged(message)

    def _judged(self, message: Any) -> Any:
        if not message.content:
            raise self._later()
        metadata = message.helper_metadata
        metadata["seen"] = True
        return message

    def _later(self) -> Exception:
        return RetryLater(1, "later")

    def handle_event(self, message: Any, connector_name: str) -> Deferred[Any]:
        self.worker.store().set("k", "v")
        return succeed(message)


class Narrow(BaseMiddleware):
    """Looks at statuses only, which nobody publishes if nobody asks."""

    MAY = ()

    def handle_status(self, message: Any, connector_name: str) -> Any:
        return message


class Slow(BaseMiddleware):
    """Waits in its setup for something that never comes."""

    def setup_middleware(self) -> Deferred[None]:
        return Deferred()


class Broken(BaseMiddleware):
    """Fails in its setup, as without a server of its own."""

    def setup_middleware(self) -> None:
        raise OSError("no such host")


class Unwanted(BaseMiddleware):
    """Wants to be left out."""

    def __init__(self, name: str, config: Any, worker: Any) -> None:
        raise MiddlewareNotUsed("not on weekdays")

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return message


@task(name="explained.urgent", priority="high")
def urgent() -> None:
    """A task with a queue of its own."""


class Around:
    """Task middleware that changes, skips and judges."""

    def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        run(*args, **{**kwargs, "by": "me"})

    def process_outcome(self, task: Any, *exc_info: Any) -> bool:
        return True


class Never:
    """Task middleware that runs nothing."""

    async def run_task(self, task: Any, run: Any, args: Any, kwargs: Any) -> None:
        """No call is made."""


class Gate:
    """Request middleware that blocks, in a thread."""

    def process_request(self, request: Any) -> Response | None:
        return Response("closed", status=503)

    async def process_response(self, request: Any, response: Any) -> Any:
        response["X-Gate"] = "1"
        return response


def layer(get_response: Any) -> Any:
    """A factory."""

    @functools.wraps(get_response)
    async def around(request: Any) -> Any:
        response = await get_response(request)
        response["X-Layer"] = "1"
        return response

    return around


def refusing(get_response: Any) -> Any:
    """A factory that wants to be left out."""
    raise MiddlewareNotUsed("no licence")
