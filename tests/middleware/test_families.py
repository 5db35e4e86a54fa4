"""Which family a middleware belongs to."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import HOOKS, KINDS, Family, family_of, is_factory


class Idle(BaseMiddleware):
    """Overrides nothing."""


class Narrow:
    """Has one handler and no base."""

    def handle_publish_status(self, message: Any, connector_name: str) -> Any:
        return message


class Preparing:
    """Does all its work at the start."""

    def setup_middleware(self) -> None:
        pass


class Outcome:
    """redis-tasks' form."""

    def process_outcome(self, task: Any, *exc_info: Any) -> None:
        pass


class Hook:
    """Django's old form."""

    def process_response(self, request: Any, response: Any) -> Any:
        return response


class Factory:
    """Django's new form."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> Any:
        return self.get_response(request)


class FactoryWithHook(Factory):
    """Django's new form with a hook besides."""

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        pass


def factory(get_response: Any) -> Any:
    return get_response


class Called(Narrow):
    """Message middleware that happens to be callable."""

    def __call__(self) -> None:
        pass


class Both(Narrow, Outcome):
    """Belongs to two families."""


class Nothing:
    """Belongs to none."""


class Families(SynchronousTestCase):
    def test_told_by_methods(self) -> None:
        """A class belongs to the family of its methods, with or without a base class."""
        expected: dict[Family, list[Any]] = {
            Family.MESSAGE: [Idle, Narrow, Preparing, Called],
            Family.TASK: [Outcome],
            Family.REQUEST: [Hook, Factory, FactoryWithHook, factory],
        }
        for family, members in expected.items():
            for member in members:
                self.assertIs(family, family_of(member), member)

    def test_two_families(self) -> None:
        """A class with methods of two families is refused, both named, and where it was named."""
        with self.assertRaises(ConfigError) as caught:
            family_of(Both, "demo.yaml:3:5")
        for text in (
            "demo.yaml:3:5",
            "test_families.Both",
            "handle_publish_status",
            "process_outc",
        ):
            self.assertIn(text, str(caught.exception))

    def test_no_family(self) -> None:
        """What has no hook, or can't be called, is refused."""
        for wrong in (Nothing, "text", 5):
            with self.assertRaises(ConfigError) as caught:
                family_of(wrong)
            self.assertIn("is no middleware", str(caught.exception))

    def test_factories(self) -> None:
        """Functions and classes whose instances are called are made with get_response."""
        self.assertEqual(
            [True, True, True, False, False],
            [is_factory(each) for each in (factory, Factory, FactoryWithHook, Hook, "text")],
        )

    def test_hooks(self) -> None:
        """Message hooks are there for every kind, narrow and wide."""
        self.assertEqual(3 * len(KINDS), len(HOOKS[Family.MESSAGE]))
        for name in HOOKS[Family.MESSAGE]:
            self.assertTrue(callable(getattr(BaseMiddleware, name)))
