"""A trail tells what happened to a message, and how long each step took."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from pipeline.delivery import Delivery
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.observe.trail import Trail
from pipeline.outcome import Done
from pipeline.signals import message_published, message_received, message_settled


class Ticking:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow(BaseMiddleware):
    """Takes time on the way in, and waits on the way out."""

    clock: Ticking
    gate: Deferred[None]

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        self.clock.now += 2
        return message

    async def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        await self.gate
        return message


class Watched:
    """A worker, as far as a trail looks at it."""

    def __init__(self, stack: MiddlewareStack) -> None:
        self.stack = stack

    def decide(self, error: BaseException, delivery: Delivery) -> Done:
        return Done()


def user_message() -> UserMessage:
    return UserMessage(from_addr="a", to_addr="b", transport_name="t", transport_type="http")


class Recording(TestCase):
    """What is recorded, and when."""

    def setUp(self) -> None:
        self.clock = Ticking()
        self.trail = Trail(self.clock)
        self.middleware = Slow("slow", {}, None)
        self.middleware.clock = self.clock
        self.middleware.gate = Deferred()
        self.stack = MiddlewareStack([self.middleware])
        self.worker = Watched(self.stack)
        self.message = user_message()

    def test_times(self) -> None:
        """A handler's time is measured, and told with its middleware's name."""
        self.trail.watch(self.worker)
        self.assertIs(self.message, self.stack.consume("inbound")(self.message, "web"))
        (point,) = self.trail.of(self.message.message_id)
        self.assertEqual(
            ("middleware", "slow consume", "web", "inbound"),
            (point.event, point.name, point.connector, point.kind),
        )
        self.assertEqual((2.0, 2.0), (point.at, point.took))

    def test_waits(self) -> None:
        """What a handler waits for is part of its time."""
        self.trail.watch(self.worker)
        passed = self.stack.publish("inbound")(self.message, "web")
        self.clock.now = 5.0
        self.assertEqual([], self.trail.points)
        self.middleware.gate.callback(None)
        self.assertIs(self.message, self.successResultOf(passed))
        self.assertEqual([5.0], [point.took for point in self.trail.points])

    def test_events(self) -> None:
        """What is signalled while it is open is recorded, in order, with its outcome."""
        self.trail.open()
        self.addCleanup(self.trail.close)
        said = {"kind": "inbound", "message": self.message}
        message_published.send_robust(self, queue="web.inbound", **said)
        message_received.send_robust(self, delivery=None, **said)
        outcome = Done()
        message_settled.send_robust(self, delivery=None, outcome=outcome, **said)
        points = self.trail.of(self.message.message_id)
        self.assertEqual(["published", "received", "settled"], [point.event for point in points])
        self.assertIs(outcome, points[-1].outcome)

    def test_failures(self) -> None:
        """What fails is recorded before it is decided upon."""
        self.trail.watch(self.worker)
        delivery = Delivery("web.inbound", b"1-0", b"")
        delivery.message = self.message
        self.assertEqual(Done(), self.worker.decide(ValueError("no"), delivery))
        (point,) = self.trail.of(self.message.message_id)
        self.assertEqual(("failed", "web", "inbound"), (point.event, point.connector, point.kind))
        self.assertEqual("ValueError('no')", point.name)

    def test_answers(self) -> None:
        """An answer is part of its original's way."""
        self.trail.open()
        self.addCleanup(self.trail.close)
        reply = self.message.reply("hello")
        message_published.send_robust(self, kind="outbound", message=reply, queue="q")
        (point,) = self.trail.of(self.message.message_id)
        self.assertEqual(reply.message_id, point.message_id)

    def test_closed(self) -> None:
        """Once closed it listens no more, and nobody has to call it."""
        self.trail.open()
        self.trail.close()
        message_published.send_robust(self, kind="inbound", message=self.message, queue="q")
        self.assertEqual([], self.trail.points)
