"""Tests of pipeline.hooks.layers: Django's middleware of the new style."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.errors import MiddlewareNotUsed, NotFound
from pipeline.hooks import handle
from pipeline.requests import Request, Response

log: list[str] = []


def async_layer(name: str, answer: Any = None) -> Any:
    """A factory of an async layer."""

    def factory(get_response: Any) -> Any:
        log.append(f"made {name}")

        async def layer(request: Any) -> Any:
            log.append(f"{name} in")
            response = answer or await get_response(request)
            log.append(f"{name} out {response.status}")
            return response

        return layer

    return factory


def plain_layer(get_response: Any) -> Any:
    """A factory of a layer as most people write it."""

    def layer(request: Any) -> Any:
        here = threading.current_thread() is threading.main_thread()
        log.append(f"plain in {here}")
        response = get_response(request)
        log.append(f"plain out {response.status}")
        return response

    return layer


class ClassLayer:
    """A factory that is a class, with a hook of the old style besides."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    async def __call__(self, request: Any) -> Any:
        log.append("class in")
        return await self.get_response(request)

    async def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        log.append("class view")


class Hooks:
    """The old style."""

    async def process_request(self, request: Any) -> None:
        log.append("hook request")

    async def process_response(self, request: Any, response: Any) -> Any:
        log.append("hook response")
        return response


async def view(request: Any) -> Response:
    log.append("view")
    return Response("seen")


class LayerCase(TestCase):
    """Has an empty log."""

    def setUp(self) -> None:
        log.clear()

    def handled(self, *middlewares: Any, view: Any = view) -> Response:
        response: Response = self.successResultOf(
            handle(middlewares, Request(), view, report=lambda _: None)
        )
        return response


class Layers(LayerCase):
    """A chain that is built inside out."""

    def test_chain(self) -> None:
        """It is made from the inside out; a request goes in from the first to the last."""
        self.handled(async_layer("a"), async_layer("b"))
        expected = ["made b", "made a", "a in", "b in", "view", "b out 200", "a out 200"]
        self.assertEqual(expected, log)

    def test_short_circuit(self) -> None:
        """Who answers itself has only the layers that were entered on the way back."""
        got = self.handled(async_layer("a"), async_layer("b", Response("b's")), async_layer("c"))
        self.assertEqual("b's", got.text)
        self.assertEqual(["a in", "b in", "b out 200", "a out 200"], log[3:])

    def test_no_exceptions(self) -> None:
        """A layer sees a response, whatever happens within."""

        async def fails(request: Any) -> None:
            raise NotFound("no")

        self.assertEqual(404, self.handled(async_layer("a"), view=fails).status)
        self.assertEqual("a out 404", log[-1])

    def test_layer_fails(self) -> None:
        """An error of a layer is a response for the one around it; so is a forgotten response."""

        def forgets(get_response: Any) -> Any:
            async def layer(request: Any) -> None: ...

            return layer

        self.assertEqual(500, self.handled(async_layer("a"), forgets).status)
        self.assertEqual("a out 500", log[-1])

    def test_class(self) -> None:
        """A class is a factory like any other, and its hooks around the view are called."""
        self.handled(ClassLayer)
        self.assertEqual(["class in", "class view", "view"], log)

    def test_not_used(self) -> None:
        """A factory that wants to be left out is."""

        def shy(get_response: Any) -> Any:
            raise MiddlewareNotUsed

        self.handled(async_layer("a"), shy, async_layer("b"))
        self.assertEqual(["a in", "b in", "view"], log[2:5])

    def test_mixed_styles(self) -> None:
        """Hooks that stand below a layer are within it, and left out when it answers itself."""
        self.handled(async_layer("a"), Hooks())
        self.assertEqual(["a in", "hook request", "view", "hook response", "a out 200"], log[1:])
        log.clear()
        self.handled(Hooks(), async_layer("a", Response("a's")), Hooks())
        self.assertEqual(["hook request", "a in", "a out 200", "hook response"], log[1:])

    def test_marked(self) -> None:
        """A factory that suits both is told that async suits here, as Django tells it."""
        seen: list[bool] = []

        def both(get_response: Any) -> Any:
            seen.append(asyncio.iscoroutinefunction(get_response))
            return async_layer("x")(get_response)

        self.handled(both)
        self.assertEqual([True], seen)

    def test_not_blocking(self) -> None:
        """A plain layer that says it never blocks stays in the reactor, with a Deferred."""

        def factory(get_response: Any) -> Any:
            def layer(request: Any) -> Any:
                return get_response(request).addCallback(changed)

            return layer

        def changed(response: Response) -> Response:
            response["X-Changed"] = "1"
            return response

        factory.blocking = False  # type: ignore[attr-defined]
        self.assertEqual("1", self.handled(factory)["X-Changed"])


class InThreads(TestCase):
    """Plain layers adapt to async ones, and the other way round."""

    def setUp(self) -> None:
        log.clear()

    async def test_plain(self) -> None:
        """A plain layer runs in a thread, where get_response blocks until the response is there."""
        from twisted.internet import reactor

        async def slow(request: Any) -> Response:
            await deferLater(reactor, 0)
            here = threading.current_thread() is threading.main_thread()
            return Response(str(here))

        stack = [async_layer("a"), plain_layer, async_layer("b"), plain_layer]
        done = handle(stack, Request(), slow)
        self.assertIsInstance(done, Deferred)
        self.assertEqual("True", (await done).text)
        way_in = ["a in", "plain in False", "b in", "plain in False"]
        self.assertEqual(
            [*way_in, "plain out 200", "b out 200", "plain out 200", "a out 200"], log[2:]
        )
