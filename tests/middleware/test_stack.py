"""The stack: two orders, chains, the way back."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import MiddlewareError, Respond
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import KINDS
from pipeline.middleware.stack import MiddlewareStack


class Marking(BaseMiddleware):
    """Appends its name, the kind and the direction to a message that is a text."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return f"{message} {self.name}"

    def handle_outbound(self, message: Any, connector_name: str) -> Deferred[str]:
        return succeed(f"{message} {self.name}")

    async def handle_event(self, message: Any, connector_name: str) -> str:
        return f"{message} {self.name}"

    handle_failure = handle_inbound
    handle_status = handle_inbound


class Answering(BaseMiddleware):
    """Has an inbound handler only, which answers."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        raise Respond("answer")


class Forgetful(BaseMiddleware):
    def handle_inbound(self, message: Any, connector_name: str) -> None:
        """Returns nothing."""


def marking(name: str, consume: int = 0, publish: int = 0) -> Marking:
    return Marking(name, {"consume_priority": consume, "publish_priority": publish}, None)


def names(middlewares: list[Any]) -> str:
    return "".join(each.name for each in middlewares)


class Orders(SynchronousTestCase):
    def test_plain(self) -> None:
        """A message that is read passes in list order, one that goes out in reverse."""
        stack = MiddlewareStack([marking(name) for name in "abc"])
        self.assertEqual("abc", names(stack.consume_middlewares))
        self.assertEqual("cba", names(stack.publish_middlewares))

    def test_priorities(self) -> None:
        """Lower priorities go first, in both orders; equal ones keep their place."""
        listed = [marking("a"), marking("b", 1, -1), marking("c"), marking("d", -1, 1)]
        stack = MiddlewareStack(listed)
        self.assertEqual("dacb", names(stack.consume_middlewares))
        self.assertEqual("bcad", names(stack.publish_middlewares))

    def test_no_priorities(self) -> None:
        """A middleware without priorities, or with None, has 0."""

        class Duck:
            name = "duck"
            consume_priority = None

        stack = MiddlewareStack([marking("b", 1), Duck(), marking("a", -1)])
        self.assertEqual("aduckb", names(stack.consume_middlewares))

    def test_empty(self) -> None:
        """A message passes an empty stack as it is."""
        stack = MiddlewareStack()
        self.assertEqual("m", self.successResultOf(stack.apply_consume("inbound", "m", "c")))


class Applying(SynchronousTestCase):
    def setUp(self) -> None:
        self.stack = MiddlewareStack([marking(name) for name in "abc"])

    def test_kinds(self) -> None:
        """Every kind passes both ways, always in a Deferred."""
        for kind in KINDS:
            consumed = self.stack.apply_consume(kind, "m", "c")
            self.assertEqual("m a b c", self.successResultOf(consumed))
            published = self.stack.apply_publish(kind, "m", "c")
            self.assertEqual("m c b a", self.successResultOf(published))

    def test_error(self) -> None:
        """An error is in the Deferred."""
        stack = MiddlewareStack([Forgetful("f", {}, None), marking("b")])
        failure = self.failureResultOf(stack.apply_consume("inbound", "m", "c"), MiddlewareError)
        where = "'f' (tests.middleware.test_stack.Forgetful).handle_inbound"
        self.assertIn(where, str(failure.value))

    def test_unknown_kind(self) -> None:
        """A kind that isn't one is a ValueError that names those that are."""
        with self.assertRaises(ValueError) as caught:
            self.stack.consume("inbund")
        self.assertIn("inbound, outbound", str(caught.exception))
        for apply in (self.stack.apply_consume, self.stack.apply_publish):
            self.failureResultOf(apply("inbund", "m", "c"), ValueError)


class Compiled(SynchronousTestCase):
    def test_only_what_is_overridden(self) -> None:
        """Who has no handler for a kind isn't in its chain, and a chain is made once."""
        stack = MiddlewareStack([Answering("x", {}, None), marking("b")])
        self.assertEqual(["b"], [step.middleware for step in stack.publish("event").steps])
        self.assertEqual([0, 1], [step.position for step in stack.consume("inbound").steps])
        self.assertEqual([1], [step.position for step in stack.consume("outbound").steps])
        self.assertIs(stack.publish("event"), stack.publish("event"))

    def test_nothing_looked_up(self) -> None:
        """A handler assigned after a chain was made isn't seen."""
        middleware: Any = marking("a")
        stack = MiddlewareStack([middleware])
        chain = stack.consume("inbound")
        middleware.handle_inbound = None
        self.assertEqual("m a", chain("m", "c"))


class WayBack(SynchronousTestCase):
    def entered(self, chain: Any) -> int:
        with self.assertRaises(Respond) as caught:
            chain("m", "c")
        respond: Any = caught.exception
        return int(respond.entered)

    def test_from_consume(self) -> None:
        """An answer on the way in passes on its way out what the message had entered, reversed."""
        stack = MiddlewareStack(
            [marking("a"), marking("b"), Answering("x", {}, None), marking("c")]
        )
        entered = self.entered(stack.consume("inbound"))
        self.assertEqual(2, entered)
        self.assertEqual("r b a", stack.back_from_consume("outbound", entered)("r", "c"))

    def test_from_publish(self) -> None:
        """An answer on the way out passes on its way in what the message had entered, reversed."""
        stack = MiddlewareStack(
            [marking("a"), Answering("x", {}, None), marking("b"), marking("c")]
        )
        entered = self.entered(stack.publish("inbound"))
        self.assertEqual(2, entered)
        self.assertEqual("r b c", stack.back_from_publish("outbound", entered)("r", "c"))

    def test_priorities(self) -> None:
        """The way back is in its own order, not in that of the way in reversed."""
        listed = [marking("a"), marking("b", publish=1), Answering("x", {}, None), marking("c")]
        stack = MiddlewareStack(listed)
        entered = self.entered(stack.consume("inbound"))
        self.assertEqual("r a b", stack.back_from_consume("outbound", entered)("r", "c"))

    def test_idle_counts(self) -> None:
        """A middleware without a handler for the way in has been entered, and sees the answer."""

        class Out(BaseMiddleware):
            handle_outbound = Marking.handle_outbound

        stack = MiddlewareStack([Out("o", {}, None), Answering("x", {}, None)])
        entered = self.entered(stack.consume("inbound"))
        self.assertEqual("r o", stack.back_from_consume("outbound", entered)("r", "c"))

    def test_nothing_entered(self) -> None:
        """If the first answers, nobody sees it on its way back."""
        stack = MiddlewareStack([Answering("x", {}, None), marking("a")])
        self.assertEqual("r", stack.back_from_consume("outbound", 0)("r", "c"))

    def test_listed_twice(self) -> None:
        """An instance that is listed twice is met twice, and told apart by its place."""
        twice = marking("a")
        stack = MiddlewareStack([twice, Answering("x", {}, None), twice])
        self.assertEqual("r a", stack.back_from_consume("event", 1)("r", "c"))
        self.assertEqual("m a a", stack.publish("event")("m", "c"))


class Teardown(SynchronousTestCase):
    def test_publish_order(self) -> None:
        """Middlewares are torn down in publish order."""
        torn: list[str] = []
        listed: list[Any] = [marking("a"), marking("b", publish=1), marking("c")]
        for each in listed:
            each.teardown_middleware = lambda each=each: torn.append(each.name)
        self.successResultOf(MiddlewareStack(listed).teardown())
        self.assertEqual(["c", "a", "b"], torn)


class Watched(SynchronousTestCase):
    """Somebody puts something around each handler."""

    def test_all_chains(self) -> None:
        """Of chains that are there already, of those to come, and of the way back."""
        stack = MiddlewareStack([marking("a"), marking("b")])
        seen: list[str] = []
        known = stack.consume("inbound")

        def around(direction: str, kind: str, step: Any) -> Any:
            def call(message: Any, connector_name: str) -> Any:
                seen.append(f"{direction} {kind} {step.middleware}")
                return step.handler(message, connector_name)

            return call

        stack.watch(around)
        self.assertEqual("hi a b", known("hi", "sms"))
        stack.publish("status")("hi", "sms")
        stack.back_from_consume("failure", 1)("hi", "sms")
        told = ["consume inbound a", "consume inbound b", "publish status b", "publish status a"]
        self.assertEqual([*told, "publish failure a"], seen)
