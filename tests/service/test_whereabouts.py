"""What can be said of a thread by its frames."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.middleware.base import BaseMiddleware
from pipeline.service.whereabouts import in_hand, place, stack
from tests.workers import WorkerCase, inbound


class Looking(BaseMiddleware):
    """Looks at the frame while it handles a message."""

    seen: list[str]

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        self.seen = [place(sys._getframe()), in_hand(sys._getframe())]
        return message


class Places(TestCase):
    """The line that is to blame."""

    def test_own(self) -> None:
        """A line outside the frameworks is named with its function."""
        self.assertRegex(place(sys._getframe()), r"test_whereabouts\.py:\d+, in Places\.test_own$")

    def test_called_from_outside(self) -> None:
        """In the midst of a framework it is the innermost line outside that counts."""
        frames: list[FrameType] = []
        clock = Clock()
        clock.callLater(1, lambda: frames.append(sys._getframe(1)))
        clock.advance(1)
        self.assertIn("twisted", frames[0].f_code.co_filename)
        self.assertIn("Places.test_called_from_outside", place(frames[0]))

    def test_nowhere(self) -> None:
        """A thread that has ended is nowhere, and nothing is in its hands."""
        self.assertEqual(("nowhere", ""), (place(None), in_hand(None)))

    def test_stack(self) -> None:
        """The traceback has every frame."""
        self.assertIn("test_stack", stack(sys._getframe()))


class InHand(WorkerCase):
    """The message, and who handles it."""

    def test_handler(self) -> None:
        """A handler is named with its delivery."""
        seen: list[str] = []

        def look(message: Any) -> None:
            seen.append(in_hand(sys._getframe()))

        self.connector().add_handler("inbound", look)
        self.put("sms.inbound", inbound("a"))
        self.assertRegex(seen[0], r"^handler .*look for <Delivery .* of sms.inbound, attempt 1>$")

    def test_middleware(self) -> None:
        """A middleware goes before the handler."""
        looking = Looking("look", {}, None)
        self.connector(looking).add_handler("inbound", lambda message: None)
        self.put("sms.inbound", inbound("a"))
        self.assertIn("in Looking.handle_inbound", looking.seen[0])
        self.assertIn("middleware 'look' (tests.service.test_whereabouts.Looking)", looking.seen[1])
