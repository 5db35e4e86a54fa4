"""Tests of pipeline.hooks.loading."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import MiddlewareNotUsed
from pipeline.hooks import load_hooks


class Plain:
    def process_request(self, request: Any) -> None: ...


class Shy:
    def __init__(self) -> None:
        raise MiddlewareNotUsed("not today")

    def process_request(self, request: Any) -> None: ...


class Broken:
    def __init__(self) -> None:
        raise LookupError("no settings")


def factory(get_response: Any) -> Any:
    return get_response


class Loading(TestCase):
    """Classes become instances, once, in order."""

    def test_order(self) -> None:
        """Each is made without arguments; factories stay; who is not used is left out."""
        first, second, kept = load_hooks([Plain, Shy, Plain, factory])
        self.assertEqual((Plain, Plain, factory), (type(first), type(second), kept))
        self.assertIsNot(first, second)

    def test_error(self) -> None:
        """Any other error of a constructor is raised."""
        with self.assertRaises(LookupError):
            load_hooks([Plain, Broken])
