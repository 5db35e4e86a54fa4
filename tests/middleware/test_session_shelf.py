"""Tests of pipeline.middleware.session_shelf."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.errors import RetryLater
from pipeline.middleware.session_shelf import Shelf
from tests.workers import WorkerCase


class Shelves(WorkerCase):
    """One session's place, with no delivery in hand: each change is committed by itself."""

    def shelf(self) -> Shelf:
        return Shelf(self.broker, None, "k", "owner")

    def did(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def test_kept(self) -> None:
        """What is kept is read, for as long as it was said; what is forgotten isn't."""
        self.did(self.shelf().keep(b"1", None, 10))
        self.clock.advance(9)
        self.did(self.shelf().prolong(10))
        self.clock.advance(9)
        self.assertEqual(b"1", self.did(self.shelf().read()))
        self.clock.advance(2)
        self.assertIsNone(self.did(self.shelf().read()))
        self.did(self.shelf().keep(b"2", None, 10))
        self.did(self.shelf().forget(b"2"))
        self.assertIsNone(self.did(self.shelf().read()))

    def test_changed_meanwhile(self) -> None:
        """What another has changed is not overwritten: the request is handled again."""
        self.did(self.shelf().keep(b"1", None, 10))
        for work in (self.shelf().keep(b"2", None, 10), self.shelf().forget(b"0")):
            self.failureResultOf(Deferred.fromCoroutine(work), RetryLater)
        self.assertEqual(b"1", self.did(self.shelf().read()))
