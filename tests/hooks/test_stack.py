"""Tests of pipeline.hooks.stack: what is said once of the whole."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.errors import NotFound
from pipeline.hooks import HookStack
from pipeline.requests import Request, Response
from pipeline.signals import got_request_exception


class Moves:
    """Rewrites paths."""

    async def process_request(self, request: Any) -> None:
        request.path = "/new"


class Stack(TestCase):
    """Built once, given many requests."""

    def answered(self, stack: HookStack, path: str = "/") -> Response:
        response: Response = self.successResultOf(
            Deferred.fromCoroutine(stack.respond(Request(path=path)))
        )
        return response

    def test_resolved_late(self) -> None:
        """The view is looked up after process_request, which may change the path."""

        def resolve(request: Any) -> Any:
            async def view(request: Any, path: str) -> Response:
                return Response(path)

            return view, (request.path,), {}

        stack = HookStack([Moves()], resolve)
        self.assertEqual(["/new"] * 2, [self.answered(stack, "/old").text for _ in range(2)])

    def test_no_view(self) -> None:
        """A path that has no view is what the lookup says."""

        def resolve(request: Any) -> Any:
            raise NotFound(f"nothing at {request.path}")

        self.assertEqual(
            (404, "nothing at /x"), self._told(self.answered(HookStack([], resolve), "/x"))
        )

    def _told(self, response: Response) -> tuple[int, str]:
        return response.status, response.text

    def test_sender(self) -> None:
        """The signal of an error is sent by who has the stack."""
        told: list[Any] = []

        def listener(**named: Any) -> None:
            told.append((named["sender"], type(named["exception"])))

        got_request_exception.connect(listener, sender=self)
        self.addCleanup(got_request_exception.disconnect, listener, sender=self)

        def resolve(request: Any) -> Any:
            raise KeyError("x")

        stack = HookStack([], resolve, lambda _: None, sender=self)
        self.assertEqual(500, self.answered(stack).status)
        self.assertEqual([(self, KeyError)], told)

    def test_no_detail(self) -> None:
        """A 500 says nothing of what went wrong."""

        def resolve(request: Any) -> Any:
            raise KeyError("secret")

        response = self.answered(HookStack([], resolve, lambda _: None))
        self.assertEqual((500, "Internal Server Error"), self._told(response))
