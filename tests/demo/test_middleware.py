"""The demo's middlewares: one changes, one refuses, one waits."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from pipeline.demo.middleware import CheckMiddleware, StampMiddleware, TidyMiddleware
from pipeline.errors import Drop
from pipeline.interfaces import IMessageHooks
from pipeline.message import UserMessage
from pipeline.middleware.stack import MiddlewareStack


class Someone:
    """A worker, as far as these middlewares look at it."""

    name = "web"

    def __init__(self) -> None:
        self.clock = Clock()


def said(content: str | None) -> UserMessage:
    return UserMessage(
        from_addr="a", to_addr="b", transport_name="t", transport_type="http", content=content
    )


class Three(TestCase):
    """Each in a stack of its own."""

    def setUp(self) -> None:
        self.worker = Someone()

    def stack(self, cls: Any) -> MiddlewareStack:
        made = cls("it", {}, self.worker)
        self.assertTrue(verifyObject(IMessageHooks, made))
        return MiddlewareStack([made])

    def test_stamp(self) -> None:
        """Every stack that a message passes is written into it."""
        stack, message = self.stack(StampMiddleware), said("x")
        for chain in (stack.publish("inbound"), stack.consume("outbound")):
            self.assertIs(message, chain(message, "c"))
        self.assertEqual(["web publish", "web consume"], message.helper_metadata["stamps"])

    def test_tidy(self) -> None:
        """White space is tidied up on the way in; no content is fine."""
        stack = self.stack(TidyMiddleware)
        for before, after in ((" a \n b ", "a b"), (None, None)):
            self.assertEqual(after, stack.consume("inbound")(said(before), "c").content)

    def test_check(self) -> None:
        """A message waits for its judgement, then passes."""
        message = said("good morning")
        passed = self.stack(CheckMiddleware).publish("inbound")(message, "c")
        self.assertNoResult(passed)
        self.worker.clock.advance(1)
        self.assertIs(message, self.successResultOf(passed))

    def test_refused(self) -> None:
        """What nobody wants is dropped."""
        passed = self.stack(CheckMiddleware).publish("inbound")(said("you won the lottery"), "c")
        self.worker.clock.advance(1)
        self.assertEqual("we don't want that", self.failureResultOf(passed, Drop).value.reason)
