"""Which messages a middleware looks at."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import KINDS
from pipeline.middleware.selection import ConfigChoices, ConfigKinds, attach, detach
from pipeline.middleware.stack import MiddlewareStack


class Attached(SynchronousTestCase):
    """Handlers that are put in place on an instance."""

    def test_only_there(self) -> None:
        """A chain has the handler for the direction and the kinds that were asked for alone."""
        middleware = BaseMiddleware("m", {}, None)
        handled: list[str] = []

        def handler_of(kind: str) -> Any:
            def handle(message: Any, connector_name: str) -> Any:
                handled.append(kind)
                return message

            return handle

        attach(middleware, "consume", ["inbound", "event"], handler_of)
        stack = MiddlewareStack([middleware])
        steps = {kind: len(stack.consume(kind).steps) for kind in KINDS}
        self.assertEqual(["inbound", "event"], [kind for kind in KINDS if steps[kind]])
        self.assertEqual([0] * 5, [len(stack.publish(kind).steps) for kind in KINDS])
        stack.consume("event")(1, "sms")
        self.assertEqual(["event"], handled)


class Polite(BaseMiddleware):
    """Has two handlers."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return f"polite {message}"

    handle_event = handle_inbound


class Politer(Polite):
    """Has one of its own."""

    def handle_event(self, message: Any, connector_name: str) -> Any:
        return f"very {super().handle_inbound(message, connector_name)}"


class Detached(SynchronousTestCase):
    """Handlers that are taken away."""

    def test_in_no_chain(self) -> None:
        """What is taken away is in no chain, and passes messages; what a subclass has stays."""
        for cls, kept in ((Polite, 0), (Politer, 1)):
            made = cls("p", {}, None)
            detach(made, Polite, "inbound", "event")
            stack = MiddlewareStack([made])
            self.assertEqual(0, len(stack.consume("inbound").steps))
            self.assertEqual(kept, len(stack.publish("event").steps))
            self.assertEqual("m", made.handle_inbound("m", "c"))


class Options(SynchronousTestCase):
    """The options."""

    def test_clean(self) -> None:
        """A list, or a single one; each once."""
        field = ConfigKinds("Doc.", default=("inbound",))
        self.assertEqual(("event",), field.clean("event"))
        self.assertEqual(("event", "inbound"), field.clean(["event", "inbound", "event"]))
        self.assertEqual("list of a | b", ConfigChoices("Doc.", values=("a", "b")).kind)

    def test_wrong(self) -> None:
        """Nothing, something else, or an unknown one is refused, and the nearest is named."""
        field = ConfigKinds("Doc.", default=("inbound",))
        for wrong in ([], {}, 3, ["inbound", 1]):
            self.assertRaises(ConfigError, field.clean, wrong)
        error = self.assertRaises(ConfigError, field.clean, ["evnt"])
        self.assertIn("did you mean 'event'?", str(error))
