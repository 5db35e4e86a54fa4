"""Where a hook is written."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.explain.source import class_of, parameters_of, place_of, plain, tree_of
from tests.explain import members


def place(function: Any) -> str:
    return f"tests/explain/members.py:{inspect.getsourcelines(function)[1]}"


class Places(TestCase):
    """File and line, the same on each machine."""

    def test_inherited(self) -> None:
        """An inherited handler is where the parent has it."""
        child = members.Child("c", {}, None)
        handler = child.handle_consume_inbound
        self.assertEqual(place(members.Parent.handle_consume_inbound), place_of(handler))
        self.assertIs(members.Parent, class_of(handler, child))
        self.assertIs(members.Child, class_of(child.handle_publish_outbound, child))

    def test_behind_others(self) -> None:
        """Partials, decorators and objects that are called are looked behind."""
        handler = members.Child.handle_publish_outbound

        class Called:
            def __call__(self) -> None:
                """Nothing."""

        self.assertIs(handler, plain(functools.partial(handler, None)))
        self.assertIs(handler, plain(functools.wraps(handler)(lambda: None)))
        self.assertIs(Called.__call__, plain(Called()))

    def test_closure(self) -> None:
        """A function that a method has made is in the class of that method."""

        def made(self: Any) -> Any:
            return lambda: self

        made.__qualname__ = "Parent.made"
        inner = made(None)
        inner.__qualname__, inner.__module__ = "Parent.made.<locals>.<lambda>", members.__name__
        self.assertIs(members.Parent, class_of(inner, members.Child("c", {}, None)))

    def test_not_python(self) -> None:
        """What is not written in Python has no place."""
        self.assertIsNone(place_of(len))
        self.assertIsNone(class_of(len, self))

    def test_tree(self) -> None:
        """A method's syntax and parameters; none of what was made without a file."""
        tree = tree_of(members.Parent.handle_consume_inbound)
        assert tree is not None
        self.assertEqual(["message", "connector_name"], parameters_of(tree))
        scope: dict[str, Any] = {}
        exec("def unseen(message): return message", scope)
        self.assertIsNone(tree_of(scope["unseen"]))
