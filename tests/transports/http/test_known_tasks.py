"""Tests of pipeline.transports.http.known_tasks."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.errors import BrokerUnavailable
from pipeline.tasks.names import FORGOTTEN_AFTER
from pipeline.transports.answers import HttpError
from pipeline.transports.http.known_tasks import BELIEVED, PATIENCE, REMEMBERED, KnownTasks

NOW = 2_000_000.0


class Names:
    """A store that holds names, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.seen: dict[bytes, bytes] = {}
        self.answer: Any = None

    async def hgetall(self, key: str) -> dict[bytes, bytes]:
        self.asked += 1
        assert key == "tasks:web"
        seen: dict[bytes, bytes] = await (self.answer or succeed(self.seen))
        return seen


class Known(TestCase):
    """Only tasks that a worker has said it has are called."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.names = Names()
        self.names.seen = {b"shop.send_mail": b"%f" % NOW, b"shop.pay": b"%f" % NOW}
        self.known = KnownTasks("web", lambda: self.names, self.clock)

    def check(self, name: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self.known.check(name))

    def refused(self, name: str) -> dict[str, Any]:
        answer = self.failureResultOf(self.check(name), HttpError).value.answer
        self.assertEqual(404, answer.status)
        error: dict[str, Any] = answer.content["error"]
        return error

    def test_known(self) -> None:
        """A known name passes, another one doesn't and gets the nearest."""
        self.successResultOf(self.check("shop.pay"))
        self.assertEqual("shop.send_mail", self.refused("shop.sendmail")["did_you_mean"])

    def test_lists(self) -> None:
        """When nothing resembles it, the few that there are are listed; many are not."""
        self.assertEqual(["shop.pay", "shop.send_mail"], self.refused("x")["tasks"])
        self.names.seen = {b"job%d" % n: b"%f" % NOW for n in range(50)}
        self.clock.advance(REMEMBERED + 1)
        self.assertNotIn("tasks", self.refused("x"))

    def test_believed(self) -> None:
        """What the store said is believed for a moment, and asked for once at a time."""
        self.names.answer = Deferred()
        first, second = self.check("shop.pay"), self.check("shop.pay")
        self.names.answer.callback(self.names.seen)
        for each in (first, second, self.check("shop.pay")):
            self.successResultOf(each)
        self.assertEqual(1, self.names.asked)
        self.names.answer = None
        self.clock.advance(BELIEVED)
        self.successResultOf(self.check("shop.pay"))
        self.assertEqual(2, self.names.asked)

    def test_stale(self) -> None:
        """A name that nobody has announced for long is gone."""
        self.names.seen[b"old"] = b"%f" % (NOW - FORGOTTEN_AFTER - 1)
        self.refused("old")

    def test_lost(self) -> None:
        """Names that the store has lost are believed until workers have announced them again."""
        self.successResultOf(self.check("shop.pay"))
        self.names.seen = {}
        self.clock.advance(REMEMBERED)
        self.successResultOf(self.check("shop.pay"))
        self.clock.advance(BELIEVED)
        self.refused("shop.pay")

    def test_nonsense(self) -> None:
        """What nobody could have announced is no name, and hides none."""
        self.names.seen |= {b"odd": b"yesterday", b"\xff": b"%f" % NOW}
        self.refused("odd")
        self.successResultOf(self.check("shop.pay"))

    def test_unreadable(self) -> None:
        """When the store can't be read, nothing is refused."""
        self.names.answer = fail(BrokerUnavailable("away"))
        self.successResultOf(self.check("anything"))
        self.names.answer = Deferred()
        self.clock.advance(BELIEVED)
        waiting = self.check("anything")
        self.clock.advance(PATIENCE)
        self.successResultOf(waiting)
