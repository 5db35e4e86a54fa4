"""Steps in which many messages are published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pipeline.connector.steps import AHEAD, LARGE, TOGETHER, Steps
from pipeline.delivery import Post


class Order(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[tuple[str, int, int]] = []
        self.answers: list[Deferred[None]] = []
        self.steps = Steps(self.clock, self.send)

    async def send(self, posts: Sequence[Post], partition: int) -> None:
        """Take a step, and answer it later."""
        self.sent.append((posts[0].queue, partition, len(posts)))
        self.answers.append(Deferred())
        await self.answers[-1]

    def ending(self) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.steps.end())

    def test_each_queue(self) -> None:
        """Each queue, in each partition, has steps of its own; what is left goes out at the end."""
        for n in range(TOGETHER):
            self.steps.add(Post("q", b"%d" % n), 0)
            self.steps.add(Post("q", b"%d" % n), 1)
        self.steps.add(Post("q", b"more"), 1)
        self.assertEqual([("q", 0, TOGETHER), ("q", 1, TOGETHER)], self.sent)
        ending = self.ending()
        self.assertEqual([("q", 1, 1)], self.sent[2:])
        for answer in self.answers:
            self.assertNoResult(ending)
            answer.callback(None)
        self.assertIsNone(self.successResultOf(ending))

    def test_turn(self) -> None:
        """When a step is on its way the reactor has its turn, and an error is raised there."""
        self.assertFalse(self.steps.is_due)
        for n in range(TOGETHER):
            self.steps.add(Post("q", b"%d" % n), 0)
        self.assertTrue(self.steps.is_due)
        turning = Deferred.fromCoroutine(self.steps.turn())
        self.answers[0].errback(ValueError("full"))
        self.assertNoResult(turning)
        self.clock.advance(0)
        self.failureResultOf(turning, ValueError)
        self.failureResultOf(self.ending(), ValueError)

    def test_large(self) -> None:
        """A step ends with so many bytes, too, and it is known what is stored."""
        for n in range(3):
            self.steps.add(Post("q", b"." * (LARGE // 2)), 0, n)
        self.assertEqual([("q", 0, 2)], self.sent)
        self.assertEqual([], self.steps.stored)
        self.answers[0].callback(None)
        self.assertEqual([0, 1], self.steps.stored)

    def test_ahead(self) -> None:
        """Only so many steps are on their way; then it goes on as they are answered."""
        for _ in range(AHEAD + 1):
            self.steps.add(Post("q", b"." * LARGE), 0)
        turning = Deferred.fromCoroutine(self.steps.turn())
        self.clock.advance(0)
        self.assertNoResult(turning)
        self.answers[0].callback(None)
        self.assertIsNone(self.successResultOf(turning))
