"""What Vumi's users know of middleware (0.6.19), row by row; where Vumi is wrong it is put right.

Each test is one row, tried from outside. The ways and forms of it are in test_base, test_stack,
test_chain, test_load and test_lifetime.
"""

from __future__ import annotations

import copy
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError, MiddlewareError
from pipeline.middleware import (
    ApplicationMiddleware,
    BaseMiddleware,
    LoggingMiddleware,
    MiddlewareStack,
    TransportMiddleware,
    create_middlewares_from_config,
    setup_middlewares_from_config,
)
from pipeline.middleware.base import BaseMiddlewareConfig

HERE = __name__
KINDS = ("inbound", "outbound", "event", "failure", "status")
DIRECTIONS = ("consume", "publish")


class Noting(BaseMiddleware):
    """Notes in its worker, a list, what is done with it; fails where its name says so."""

    def setup_middleware(self) -> Any:
        return self._noted("setup")

    def teardown_middleware(self) -> Any:
        return self._noted("teardown")

    def _noted(self, what: str) -> Deferred[None]:
        self.worker.append((what, self.name))
        return fail(KeyError(self.name)) if self.name.startswith(f"bad_{what}") else succeed(None)


class Adding(BaseMiddleware):
    """Adds its name to a message that is a text; by turns at once, later, or in a coroutine."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return f"{message}.{self.name}"

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        return succeed(f"{message}.{self.name}")

    async def handle_event(self, message: Any, connector_name: str) -> Any:
        return f"{message}.{self.name}"


class Returning(BaseMiddleware):
    """Returns what its worker is."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return self.worker


def dotted(cls: type) -> str:
    return f"{HERE}.{cls.__name__}"


def adding(name: str, consume: int = 0, publish: int = 0) -> Adding:
    return Adding(name, {"consume_priority": consume, "publish_priority": publish}, None)


def names(middlewares: Any) -> list[str]:
    return [each.name for each in middlewares]


class Base(SynchronousTestCase):
    def test_attributes(self) -> None:
        """BaseMiddleware(name, config, worker) has name, worker, and config as its class."""
        worker = object()
        made = LoggingMiddleware("log", {"log_level": "debug"}, worker)
        self.assertEqual(("log", worker), (made.name, made.worker))
        self.assertTrue(made.config.static)
        self.assertIsInstance(made.config, BaseMiddlewareConfig)

    def test_priorities(self) -> None:
        """FIX: built by hand its priorities are 0, not None, and can be sorted."""
        by_hand = BaseMiddleware("a", {}, None)
        self.assertEqual((0, 0), (by_hand.consume_priority, by_hand.publish_priority))
        stack = MiddlewareStack([by_hand, adding("b", -1)])
        self.assertEqual(["b", "a"], names(stack.consume_middlewares))

    def test_fallbacks(self) -> None:
        """handle_{consume,publish}_<kind> call handle_<kind>, which returns the message."""
        for kind in KINDS:
            made: Any = BaseMiddleware("a", {}, None)
            self.assertEqual("m", getattr(made, f"handle_{kind}")("m", "c"))
            setattr(made, f"handle_{kind}", lambda message, connector: (message, connector))
            for direction in DIRECTIONS:
                handler = getattr(made, f"handle_{direction}_{kind}")
                self.assertEqual(("m", "c"), handler("m", "c"))

    def test_status_both_ways(self) -> None:
        """FIX: a status passes on its way in, too; Vumi has no handler for that, and breaks."""

        class Status(BaseMiddleware):
            def handle_status(self, message: Any, connector_name: str) -> Any:
                return f"{message}!"

        stack = MiddlewareStack([Status("s", {}, None)])
        for apply in (stack.apply_consume, stack.apply_publish):
            self.assertEqual("up!", self.successResultOf(apply("status", "up", "c")))

    def test_markers(self) -> None:
        """TransportMiddleware and ApplicationMiddleware add nothing."""
        for marker in (TransportMiddleware, ApplicationMiddleware):
            self.assertEqual((BaseMiddleware,), marker.__bases__)
            self.assertEqual([], [name for name in vars(marker) if not name.startswith("__")])


class Stack(SynchronousTestCase):
    def test_orders(self) -> None:
        """Consume is in list order, publish in reverse; both sorted by priority, lower first,
        negative allowed, equal ones in their place."""
        listed = [adding("a"), adding("b", -1, 1), adding("c"), adding("d", 5, -5)]
        stack = MiddlewareStack(listed)
        self.assertEqual(["b", "a", "c", "d"], names(stack.consume_middlewares))
        self.assertEqual(["d", "c", "a", "b"], names(stack.publish_middlewares))

    def test_applied_in_turn(self) -> None:
        """Each gets what the one before gave, waited for; a message can be anything."""
        stack = MiddlewareStack([adding("a"), adding("b")])
        for kind in ("inbound", "outbound", "event"):
            consumed = stack.apply_consume(kind, "m", "c")
            published = stack.apply_publish(kind, "m", "c")
            self.assertIsInstance(consumed, Deferred)
            self.assertEqual("m.a.b", self.successResultOf(consumed))
            self.assertEqual("m.b.a", self.successResultOf(published))

    def test_none(self) -> None:
        """None, also out of a Deferred, is a MiddlewareError that names middleware and method;
        the rest are skipped."""

        class Never(BaseMiddleware):
            def handle_inbound(self, message: Any, connector_name: str) -> Any:
                raise AssertionError("not to be called")

        for nothing in (None, succeed(None)):
            stack = MiddlewareStack([Returning("lost", {}, nothing), Never("n", {}, None)])
            failure = self.failureResultOf(stack.apply_consume("inbound", "m", "c"))
            self.assertIs(MiddlewareError, failure.type)
            self.assertIn(f"'lost' ({HERE}.Returning).handle_inbound", str(failure.value))

    def test_falsy(self) -> None:
        """Other values that are false pass."""
        for value in ("", 0, False, [], {}):
            stack = MiddlewareStack([Returning("r", {}, value)])
            self.assertEqual(value, self.successResultOf(stack.apply_consume("inbound", "m", "c")))

    def test_errors(self) -> None:
        """Exceptions come out unchanged, in the Deferred."""
        error = KeyError("mine")
        stack = MiddlewareStack([Returning("r", {}, fail(error))])
        failure = self.failureResultOf(stack.apply_consume("inbound", "m", "c"))
        self.assertIs(error, failure.value)

    def test_teardown(self) -> None:
        """FIX: all are torn down, one after another in publish order, and then the first error is
        raised; in Vumi it stops the rest."""
        log: list[Any] = []
        listed = [Noting(name, {}, log) for name in ("a", "bad_teardown_1", "bad_teardown_2", "d")]
        failure = self.failureResultOf(MiddlewareStack(listed).teardown(), KeyError)
        self.assertEqual(("bad_teardown_2",), failure.value.args)
        torn = [name for _, name in log]
        self.assertEqual(["d", "bad_teardown_2", "bad_teardown_1", "a"], torn)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))


class FromConfig(SynchronousTestCase):
    def created(self, *entries: Any, **sections: Any) -> Any:
        return create_middlewares_from_config([], {"middleware": list(entries), **sections})

    def test_forms(self) -> None:
        """An entry is {name: class} or {name: {class, priorities}}; options are in the section of
        its name; the order is the list's, and a name may come twice."""
        made = self.created(
            {"a": "pipeline.middleware.LoggingMiddleware"},
            {"b": {"class": dotted(Adding), "consume_priority": "3", "publish_priority": -2}},
            {"a": dotted(Adding)},
            a={"log_level": "debug"},
        )
        self.assertEqual(["a", "b", "a"], names(made))
        self.assertEqual("debug", made[0].config.log_level.name)
        priorities = [(each.consume_priority, each.publish_priority) for each in made]
        self.assertEqual([(0, 0), (3, -2), (0, 0)], priorities)

    def test_malformed(self) -> None:
        """FIX: whatever is wrong with an entry is a ConfigError; in Vumi several are others."""
        adding = dotted(Adding)
        entries: list[Any] = [
            {},
            {"a": adding, "b": adding},
            {"a": 5},
            {"a": ["x"]},
            {"a": None},
            {"a": {"consume_priority": 1}},
            {"a": {"class": adding, "consume_priority": "first"}},
            {"a": {"class": adding, "publish_priority": 1.5}},
            {"a": f"{HERE}.NoSuchClass"},
            {"a": "no.such.module.Class"},
            {"a": "NotDotted"},
        ]
        for entry in entries:
            self.assertRaises(ConfigError, self.created, entry)

    def test_null(self) -> None:
        """FIX: a list or a section that is null is an empty one."""
        self.assertEqual([], create_middlewares_from_config([], {"middleware": None}))
        self.assertEqual(["a"], names(self.created({"a": dotted(Adding)}, a=None)))

    def test_unchanged(self) -> None:
        """FIX: the worker's configuration is not written to."""
        config = {
            "middleware": [{"a": {"class": dotted(Adding), "consume_priority": 4}}],
            "a": {},
        }
        before = copy.deepcopy(config)
        create_middlewares_from_config([], config)
        self.assertEqual(before, config)

    def test_set_up_in_order(self) -> None:
        """setup_middlewares_from_config makes all, then sets up one after another."""
        log: list[Any] = []
        config = {"middleware": [{"a": dotted(Noting)}, {"b": dotted(Noting)}]}
        made = self.successResultOf(setup_middlewares_from_config(log, config))
        self.assertEqual(["a", "b"], names(made))
        self.assertEqual([("setup", "a"), ("setup", "b")], log)

    def test_setup_fails(self) -> None:
        """FIX: when one fails, those before it are torn down, the last first, and it is raised."""
        log: list[Any] = []
        listed = [{name: dotted(Noting)} for name in ("a", "b", "bad_setup", "d")]
        failing = setup_middlewares_from_config(log, {"middleware": listed})
        self.assertEqual(("bad_setup",), self.failureResultOf(failing, KeyError).value.args)
        done = [("setup", name) for name in ("a", "b", "bad_setup")]
        self.assertEqual([*done, ("teardown", "b"), ("teardown", "a")], log)
