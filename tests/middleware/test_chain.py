"""Handlers called one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import Drop, MiddlewareError, Respond
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.chain import Chain, Step, step_of


def chain(*handlers: Callable[[Any, str], Any]) -> Chain:
    """A chain of bare functions; every second position has no handler."""
    return Chain([Step(f"m{at}", "a.B", "handle", 2 * at, h) for at, h in enumerate(handlers)])


def adding(text: str) -> Callable[[Any, str], Any]:
    return lambda message, connector: message + text


def adding_soon(text: str) -> Callable[[Any, str], Any]:
    async def handler(message: Any, connector: str) -> Any:
        return message + text

    return handler


def raising(error: Exception) -> Callable[[Any, str], Any]:
    def handler(message: Any, connector: str) -> Any:
        raise error

    return handler


def giving(result: Any) -> Callable[[Any, str], Any]:
    return lambda message, connector: result


def never(message: Any, connector: str) -> Any:
    raise AssertionError("not to be called")


class Passing(SynchronousTestCase):
    def test_order(self) -> None:
        """Each handler gets what the one before returned, and the connector's name."""
        named: Callable[[Any, str], Any] = lambda message, connector: message + connector  # noqa: E731
        self.assertEqual("m.a.b!sms", chain(adding(".a"), adding(".b!"), named)("m", "sms"))

    def test_empty(self) -> None:
        """A message passes an empty chain as it is."""
        self.assertEqual("m", chain()("m", "c"))

    def test_same(self) -> None:
        """A handler may return the very message it was given."""
        message = object()
        self.assertIs(message, chain(lambda m, c: m, lambda m, c: m)(message, "c"))

    def test_falsy(self) -> None:
        """A false value that isn't None passes, from any form of handler."""
        values: list[Any] = ["", 0, [], False]
        for value in values:
            for handler in (giving(value), giving(succeed(value))):
                self.assertEqual(value, chain(handler, lambda m, c: m)("m", "c"))

    def test_coroutines_at_once(self) -> None:
        """Coroutines and Deferreds that are ready make no Deferred."""
        ready = chain(
            adding_soon("1"), adding("2"), lambda m, c: succeed(m + "3"), adding_soon("4")
        )
        self.assertEqual("m1234", ready("m", "c"))

    def test_waiting(self) -> None:
        """A handler that waits makes one Deferred for the rest, which may wait again."""
        first: Deferred[str] = Deferred()
        second: Deferred[str] = Deferred()

        async def waits(message: Any, connector: str) -> Any:
            return message + await second

        result = chain(adding("1"), lambda m, c: first, adding("3"), waits, adding("5"))("m", "c")
        self.assertNoResult(result)
        first.callback("f")
        self.assertNoResult(result)
        second.callback("s")
        self.assertEqual("f3s5", self.successResultOf(result))

    def test_coroutine_waits_first(self) -> None:
        """A coroutine that waits is gone on with, and then the rest."""
        promise: Deferred[str] = Deferred()

        async def waits(message: Any, connector: str) -> Any:
            return message + await promise

        result = chain(waits, adding("2"))("m", "c")
        promise.callback("1")
        self.assertEqual("m12", self.successResultOf(result))

    def test_paused(self) -> None:
        """A Deferred that has fired but is held up, by a pause or by another, is waited for."""
        paused, other = succeed("1"), Deferred[str]()
        paused.pause()
        results = [
            chain(adding(""), giving(promise), adding("2"))("m", "c")
            for promise in (paused, succeed("m").addCallback(lambda _: other))
        ]
        for result in results:
            self.assertNoResult(result)
        paused.unpause()
        other.callback("1")
        self.assertEqual(["12", "12"], [self.successResultOf(each) for each in results])

    def test_cancelled(self) -> None:
        """Cancelling what the chain gave cancels what the handler waits for."""
        promise: Deferred[str] = Deferred()
        result = chain(lambda m, c: promise, never)("m", "c")
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertTrue(promise.called)

    def test_wrapped(self) -> None:
        """Handlers may be wrapped afterwards; errors are still told where they belong."""
        made = chain(adding("1"), lambda m, c: None)
        seen: list[str] = []

        def around(step: Step) -> Callable[[Any, str], Any]:
            return lambda m, c: seen.append(step.middleware) or step.handler(m, c)  # type: ignore[func-returns-value]

        made.wrap(around)
        with self.assertRaises(MiddlewareError) as caught:
            made("m", "c")
        self.assertEqual(["m0", "m1"], seen)
        self.assertIn("'m1'", str(caught.exception))


class Failing(SynchronousTestCase):
    def test_none(self) -> None:
        """None is a MiddlewareError that names class and method, and the rest is skipped."""

        async def none(message: Any, connector: str) -> None:
            return None

        for handler in (lambda m, c: None, none, lambda m, c: succeed(None)):
            with self.assertRaises(MiddlewareError) as caught:
                chain(adding(""), handler, never)("m", "c")
            self.assertIn("'m1' (a.B).handle returned None", str(caught.exception))

    def test_none_later(self) -> None:
        """The same when it comes later, or after somebody waited."""
        for handlers in ([], [lambda m, c: None, never]):
            promise: Deferred[Any] = Deferred()
            result = chain(giving(promise), *handlers)("m", "c")
            promise.callback("m" if handlers else None)
            error = self.failureResultOf(result, MiddlewareError).value
            self.assertIn(f"'m{1 if handlers else 0}'", str(error))

    def test_unchanged(self) -> None:
        """An exception passes as it is, and knows where it was raised."""
        error: Any = KeyError("x")
        with self.assertRaises(KeyError) as caught:
            chain(adding(""), raising(error), never)("m", "c")
        self.assertIs(error, caught.exception)
        self.assertEqual("middleware 'm1' (a.B).handle", error.pipeline_where)

    def test_later(self) -> None:
        """The same when it comes out of a Deferred, and in a handler behind it."""
        for at, handlers in ((0, [never]), (1, [raising(ValueError())])):
            promise: Deferred[Any] = Deferred()
            result = chain(giving(promise), *handlers)("m", "c")
            promise.callback("m") if at else promise.errback(ValueError())
            error: Any = self.failureResultOf(result, ValueError).value
            self.assertEqual(f"middleware 'm{at}' (a.B).handle", error.pipeline_where)

    def test_ready_failure(self) -> None:
        """A Deferred that has failed already is raised at its own place."""
        with self.assertRaises(Drop) as caught:
            chain(adding(""), adding(""), lambda m, c: fail(Drop("x")))("m", "c")
        where: Any = caught.exception
        self.assertEqual("middleware 'm2' (a.B).handle", where.pipeline_where)

    def test_slots(self) -> None:
        """An exception with no room for where it was raised passes all the same."""

        class Tight(Exception):
            __slots__ = ()

            def __setattr__(self, name: str, value: Any) -> None:
                raise AttributeError(name)

        with self.assertRaises(Tight):
            chain(raising(Tight()))("m", "c")

    def test_respond(self) -> None:
        """Respond knows how many middlewares were entered, those without a handler included."""
        respond: Any = Respond("no")
        with self.assertRaises(Respond):
            chain(adding(""), raising(respond))("m", "c")
        self.assertEqual(2, respond.entered)


class Wide(BaseMiddleware):
    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return message


class Narrow(Wide):
    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        return super().handle_consume_inbound(message, connector_name)


class Duck:
    def handle_publish_event(self, message: Any, connector_name: str) -> Any:
        return message


class Steps(SynchronousTestCase):
    def found(self, middleware: Any, direction: str, kind: str) -> str | None:
        step = step_of(middleware, direction, kind, 0)
        return None if step is None else step.method

    def test_narrow_first(self) -> None:
        """The handler of a direction goes before the one for both; what is inherited is none."""
        wide, narrow = (cls("x", {}, None) for cls in (Wide, Narrow))
        self.assertEqual("handle_inbound", self.found(wide, "consume", "inbound"))
        self.assertEqual("handle_consume_inbound", self.found(narrow, "consume", "inbound"))
        self.assertEqual("handle_inbound", self.found(narrow, "publish", "inbound"))
        self.assertIsNone(self.found(wide, "consume", "outbound"))

    def test_duck(self) -> None:
        """A class without the base may have any of the handlers; it is named for its class."""
        self.assertIsNone(self.found(Duck(), "consume", "event"))
        step = step_of(Duck(), "publish", "event", 0)
        where = "middleware 'Duck' (tests.middleware.test_chain.Duck).handle_publish_event"
        self.assertEqual(where, str(step))

    def test_instance(self) -> None:
        """A handler that setup put on the instance is seen."""
        middleware: Any = BaseMiddleware("x", {}, None)
        middleware.handle_event = lambda message, connector: "seen"
        step = step_of(middleware, "consume", "event", 0)
        assert step is not None
        self.assertEqual("seen", step.handler("m", "c"))
