"""A stack that is timed passes messages as a plain one does."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.errors import Drop, Respond
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.measured import MeasuredStack, SampledChain, stack_for
from pipeline.middleware.stack import MiddlewareStack
from pipeline.observe.meter import Meter


def message(content: str = "") -> UserMessage:
    """A message."""
    return UserMessage(
        to_addr="1", from_addr="2", transport_name="a", transport_type="sms", content=content
    )


class Adding(BaseMiddleware):
    """Adds its name; waits for what it is given, if anything."""

    gate: Any = None

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        message.content += self.name
        return message


class Waiting(Adding):
    """Adds its name when its gate opens."""

    async def handle_inbound(self, message: Any, connector_name: str) -> Any:
        await self.gate
        return super().handle_inbound(message, connector_name)


class Raising(Adding):
    """Raises what its class says."""

    error: Exception = Drop("no")

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        raise self.error


class Sampled(TestCase):
    """One of three is timed."""

    def setUp(self) -> None:
        self.told: list[tuple[str, str, str]] = []

    def stack(self, *classes: type[BaseMiddleware]) -> MeasuredStack:
        made = [each(f"m{n}", {}, None) for n, each in enumerate(classes)]
        return MeasuredStack(made, self.observer, 3)

    def observer(self, *step: str) -> Any:
        def observe(seconds: float) -> None:
            self.assertGreaterEqual(seconds, 0.0)
            self.told.append(step)  # type: ignore[arg-type]  # three of them

        return observe

    def test_one_of_three(self) -> None:
        """The first is timed, then each third; all pass all middleware."""
        chain = self.stack(Adding, Adding).consume("inbound")
        for n in range(7):
            self.assertEqual("m0m1", chain(message(), "c").content)
            self.assertEqual(2 * (n // 3 + 1), len(self.told))
        self.assertEqual(
            [("m0", "consume", "inbound"), ("m1", "consume", "inbound")], self.told[:2]
        )

    def test_direction(self) -> None:
        """Each direction and kind is told by itself."""
        chain = self.stack(Adding, Adding).publish("inbound")
        self.assertEqual("m1m0", chain(message(), "c").content)
        self.assertEqual([("m1", "publish", "inbound"), ("m0", "publish", "inbound")], self.told)

    def test_waiting(self) -> None:
        """What waits is timed to its end, and goes on as it should."""
        stack = self.stack(Waiting, Adding)
        gate: Deferred[None] = Deferred()
        stack.consume_middlewares[0].gate = gate
        passed = stack.consume("inbound")(message(), "c")
        self.assertEqual([], self.told)
        gate.callback(None)
        self.assertEqual("m0m1", self.successResultOf(passed).content)
        self.assertEqual(2, len(self.told))

    def test_errors(self) -> None:
        """An error is timed and passes unchanged, with its place; so does an answer."""
        chain = self.stack(Adding, Raising).consume("inbound")
        for _ in range(2):
            error = self.assertRaises(Drop, chain, message(), "c")
            self.assertIn("middleware 'm1'", error.pipeline_where)  # type: ignore[attr-defined]
        self.assertEqual(["m0", "m1"], [told[0] for told in self.told])
        self.patch(Raising, "error", Respond(message("answer")))
        for _ in range(2):
            answer: Any = self.assertRaises(Respond, chain, message(), "c")
            self.assertEqual(1, answer.entered)

    def test_wrapped(self) -> None:
        """What is called instead of the handlers is timed, too."""
        chain = self.stack(Adding).consume("inbound")
        chain.wrap(lambda step: lambda message, name: step.handler(message, name))
        for _ in range(2):
            self.assertEqual("m0", chain(message(), "c").content)
        self.assertEqual(1, len(self.told))

    def test_nothing_to_time(self) -> None:
        """A chain without handlers stays a plain one."""
        self.assertNotIsInstance(self.stack(Adding).consume("event"), SampledChain)


class Stacks(TestCase):
    """The stack of a worker."""

    def test_off(self) -> None:
        """Without a meter it is the plain one: nothing is paid."""
        stack = stack_for(None, "w", [Adding("m", {}, None)])
        self.assertIs(MiddlewareStack, type(stack))

    def test_on(self) -> None:
        """With a meter times are kept under the worker's name."""
        meter = Meter(1, lambda: 0.0)
        chain = stack_for(meter, "w", [Adding("m", {}, None)]).consume("inbound")
        chain(message(), "c")
        labels = ("w", "m", "consume", "inbound")
        self.assertEqual(1, sum(meter.histogram("pipeline_middleware_seconds", *labels).counts))
