"""Tests of pipeline.hooks.phases: when Django (1.9) calls which hook of the old style."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.errors import NotFound, PermissionDenied, SuspiciousOperation
from pipeline.hooks import handle
from pipeline.requests import Request, Response
from pipeline.signals import got_request_exception

Answer = Callable[..., Any]


def nothing(*args: Any) -> None:
    """A hook that has nothing to say."""


class Recording:
    """Has all five hooks, logs their calls, and answers what a test has said."""

    blocking = False

    def __init__(self, log: list[str], name: str, **answers: Answer) -> None:
        self.log, self.name, self.answers = log, name, answers

    def _called(self, hook: str, default: Any, *args: Any) -> Any:
        self.log.append(f"{hook} {self.name}")
        return self.answers[hook](*args) if hook in self.answers else default

    def process_request(self, request: Any) -> Any:
        return self._called("request", None, request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        return self._called("view", None, request, view, args, kwargs)

    def process_template_response(self, request: Any, response: Any) -> Any:
        return self._called("template", response, request, response)

    def process_response(self, request: Any, response: Any) -> Any:
        return self._called("response", response, request, response)

    def process_exception(self, request: Any, exception: Any) -> Any:
        return self._called("exception", None, request, exception)


class Template(Response):
    """A response that is rendered, as often as it is asked to be."""

    blocking = False

    def __init__(self, log: list[str], error: Exception | None = None) -> None:
        super().__init__()
        self.log, self.error = log, error

    def render(self) -> Response:
        self.log.append("render")
        if self.error is not None:
            raise self.error
        return self


def raising(error: Exception) -> Answer:
    """A hook or view that raises."""

    def raises(*args: Any) -> Any:
        raise error

    raises.blocking = False  # type: ignore[attr-defined]
    return raises


def returning(response: Any) -> Answer:
    """A view that returns what it is told to."""

    async def view(request: Any) -> Any:
        return response

    return view


class HookCase(TestCase):
    """Has a log, two middlewares ``a`` and ``b``, and a list of what nobody handled."""

    def setUp(self) -> None:
        self.log: list[str] = []
        self.reported: list[Exception] = []

    def mw(self, name: str, **answers: Answer) -> Recording:
        return Recording(self.log, name, **answers)

    async def view(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        self.log.append("the view")
        return Response("seen")

    def handled(
        self, *middlewares: Any, view: Any = None, args: Any = (), kwargs: Any = None
    ) -> Any:
        done = handle(middlewares, Request(), view or self.view, args, kwargs, self.reported.append)
        self.assertIsInstance(done, Deferred)
        return self.successResultOf(done)


class Requests(HookCase):
    """The way in, and the way out."""

    def test_order(self) -> None:
        """Requests and views go down the list, responses come up."""
        self.assertEqual("seen", self.handled(self.mw("a"), self.mw("b")).text)
        expected = "request a, request b, view a, view b, the view, response b, response a"
        self.assertEqual(expected, ", ".join(self.log))

    def test_arguments(self) -> None:
        """process_view gets the view and its arguments; the view gets these."""
        seen: list[Any] = []

        async def view(request: Any, *args: Any, **kwargs: Any) -> Response:
            seen.append((args, kwargs))
            return Response()

        hook = self.mw("a", view=lambda *args: seen.append(args[1:]))
        self.handled(hook, view=view, args=(1,), kwargs={"x": 2})
        self.assertEqual([(view, (1,), {"x": 2}), ((1,), {"x": 2})], seen)

    def test_request_answers(self) -> None:
        """A response from process_request ends the phase; only responses follow, but all of them,
        also of those that were not reached."""
        first = self.mw("a", request=lambda _: Response("early"))
        self.assertEqual("early", self.handled(first, self.mw("b")).text)
        self.assertEqual("request a, response b, response a", ", ".join(self.log))

    def test_view_answers(self) -> None:
        """A response from process_view skips the other view hooks and the view."""
        first = self.mw("a", view=lambda *_: Response("instead"))
        self.assertEqual("instead", self.handled(first, self.mw("b")).text)
        self.assertEqual(
            "request a, request b, view a, response b, response a", ", ".join(self.log)
        )

    def test_response_replaced(self) -> None:
        """What process_response returns is what the next one gets."""
        first = self.mw("a", response=lambda _, response: Response(f"a({response.text})"))
        second = self.mw("b", response=lambda _, response: Response(f"b({response.text})"))
        self.assertEqual("a(b(seen))", self.handled(first, second).text)

    def test_response_none(self) -> None:
        """process_response must return a response; else it is a 500, the rest is skipped."""
        response = self.handled(self.mw("a"), self.mw("b", response=nothing))
        self.assertEqual(500, response.status)
        self.assertNotIn("response a", self.log)
        self.assertIn("Recording.process_response returned None", str(self.reported[0]))

    def test_response_raises(self) -> None:
        """An error in process_response is a 500, reported, and the rest is skipped."""
        response = self.handled(self.mw("a"), self.mw("b", response=raising(KeyError("x"))))
        self.assertEqual((500, [KeyError]), (response.status, [type(e) for e in self.reported]))
        self.assertEqual("response b", self.log[-1])

    def test_any_hook(self) -> None:
        """Every hook is optional; a class needs no base."""

        class Lone:
            async def process_response(self, request: Any, response: Any) -> Any:
                response["X-Lone"] = "1"
                return response

        self.assertEqual("1", self.handled(Lone())["X-Lone"])


class Exceptions(HookCase):
    """What becomes of an error."""

    def test_view_fails(self) -> None:
        """An exception of the view goes up through process_exception; the first response stops."""
        stack = [self.mw("a"), self.mw("b", exception=lambda *_: Response("sorry")), self.mw("c")]
        self.assertEqual("sorry", self.handled(*stack, view=raising(KeyError("x"))).text)
        self.assertEqual(["exception c", "exception b", "response c"], self.log[6:9])
        self.assertEqual([], self.reported)

    def test_nobody_helps(self) -> None:
        """None from all: the original is raised, reported, signalled, and a 500; responses run."""
        error = KeyError("x")
        told: list[Any] = []

        def listener(**named: Any) -> None:
            told.append(named["exception"])

        got_request_exception.connect(listener)
        self.addCleanup(got_request_exception.disconnect, listener)
        response = self.handled(self.mw("a"), view=raising(error))
        self.assertEqual((500, [error], [error]), (response.status, self.reported, told))
        self.assertEqual("response a", self.log[-1])

    def test_replaced(self) -> None:
        """An exception raised in process_exception replaces the original."""
        worse = LookupError("worse")
        stack = [self.mw("a"), self.mw("b", exception=raising(worse))]
        self.handled(*stack, view=raising(KeyError("x")))
        self.assertEqual([worse], self.reported)
        self.assertNotIn("exception a", self.log)

    def test_other_hooks(self) -> None:
        """An exception in another hook is not given to process_exception; it is a 500."""
        for hook in ("request", "view", "template"):
            self.log.clear()
            stack = [self.mw("a"), self.mw("b", **{hook: raising(KeyError(hook))})]
            response = self.handled(*stack, view=returning(Template(self.log)))
            self.assertEqual(500, response.status, hook)
            self.assertNotIn("exception a", self.log)
            self.assertEqual(["response b", "response a"], self.log[-2:])

    def test_view_returns_none(self) -> None:
        """A view that returns nothing is a ValueError that names it."""

        async def forgetful(request: Any) -> None: ...

        response = self.handled(self.mw("a"), view=forgetful)
        self.assertEqual(500, response.status)
        self.assertIn("forgetful returned None", str(self.reported[0]))
        self.assertNotIn("exception a", self.log)

    def test_statuses(self) -> None:
        """NotFound is 404, PermissionDenied 403, SuspiciousOperation 400; none is reported."""
        errors = {NotFound("no"): 404, PermissionDenied(): 403, SuspiciousOperation("odd"): 400}
        got = {self.handled(view=raising(error)).status for error in errors}
        self.assertEqual((set(errors.values()), []), (got, self.reported))
        for hook in ("request", "view", "response"):
            failing = self.mw("a", **{hook: raising(NotFound("no"))})
            self.assertEqual((404, "no"), self._told(self.handled(failing)))
        self.assertEqual(
            (403, "Forbidden"), self._told(self.handled(view=raising(PermissionDenied())))
        )

    def _told(self, response: Response) -> tuple[int, str]:
        return response.status, response.text

    def test_unreported(self) -> None:
        """Without anybody to report to, the error is logged."""
        self.successResultOf(handle([], Request(), raising(KeyError("x"))))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


class Templates(HookCase):
    """Responses that are rendered late."""

    def test_rendered(self) -> None:
        """Template hooks come up the list, all of them, then it is rendered, then responses."""
        self.handled(self.mw("a"), self.mw("b"), view=returning(Template(self.log)))
        expected = ["template b", "template a", "render", "response b", "response a"]
        self.assertEqual(expected, self.log[-5:])

    def test_others(self) -> None:
        """A response that isn't rendered passes no template hook."""
        self.handled(self.mw("a"))
        self.assertNotIn("template a", self.log)

    def test_none(self) -> None:
        """A template hook must return a response."""
        self.handled(self.mw("a", template=nothing), view=returning(Template(self.log)))
        self.assertIn("process_template_response returned None", str(self.reported[0]))

    def test_replaced(self) -> None:
        """A template hook may return another; one that is not rendered is left as it is."""
        for other in (Template(self.log), Response("plain")):
            hook = self.mw("a", template=lambda *_, other=other: other)
            got = self.handled(hook, view=returning(Template([])))
            self.assertIs(other, got)
        self.assertEqual(1, self.log.count("render"))

    def test_rendering_fails(self) -> None:
        """An exception of render() goes to process_exception, like the view's."""
        saved = self.mw("a", exception=lambda *_: Response("sorry"))
        failing = Template(self.log, KeyError("x"))
        self.assertEqual("sorry", self.handled(saved, view=returning(failing)).text)


class Threads(TestCase):
    """Hooks and views that may block."""

    async def test_threads(self) -> None:
        """Plain ones run in threads, in their order."""
        log: list[Any] = []

        class Plain:
            def process_request(self, request: Any) -> None:
                log.append(("request", threading.current_thread() is threading.main_thread()))

            def process_response(self, request: Any, response: Any) -> Any:
                log.append("response")
                return response

        def view(request: Any) -> Response:
            log.append(("view", threading.current_thread() is threading.main_thread()))
            return Response("plain")

        response = await handle([Plain()], Request(), view)
        self.assertEqual("plain", response.text)
        self.assertEqual([("request", False), ("view", False), "response"], log)


class Converting:
    """Makes responses of what views return."""

    blocking = False

    def process_result(self, request: Any, result: Any) -> Any:
        if not isinstance(result, dict):
            return result
        return Response(result["text"])


class Results(HookCase):
    """What a view returns that is no response yet."""

    def test_anywhere(self) -> None:
        """It is converted before any other hook sees it, wherever the converting one stands."""
        view = returning({"text": "made"})
        for list_ in ((Converting(), self.mw("a")), (self.mw("a"), Converting())):
            self.assertEqual("made", self.handled(*list_, view=view).text)

    def test_untouched(self) -> None:
        """A response stays as it is; None is still an error."""
        self.assertEqual("seen", self.handled(Converting()).text)
        self.assertEqual(500, self.handled(Converting(), view=returning(None)).status)
        self.assertIsInstance(self.reported[0], ValueError)

    def test_error(self) -> None:
        """An error while converting is the view's: exception hooks see it."""
        excused = self.mw("a", exception=lambda *_: Response("excused"))
        self.assertEqual("excused", self.handled(excused, Converting(), view=returning({})).text)
