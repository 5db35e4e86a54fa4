"""Taking the content out of a message and putting it back."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from pipeline.message import FailureMessage, TaskMessage
from pipeline.middleware.sealed import Plans
from tests.workers import inbound

FIELDS = ("content", "extra", "args", "kwargs")


class Plan(SynchronousTestCase):
    """What is taken out, and what comes back."""

    def plan(self, message: Any, names: Any = FIELDS, form: str = "json") -> Any:
        return Plans(names, form).of(type(message))

    def test_there_and_back(self) -> None:
        """What was taken out comes back, in either format."""
        task = TaskMessage(task="t", args=[1, "two"], kwargs={"a": None}, extra={"x": 1})
        for form in ("json", "msgpack"):
            plan = self.plan(task, form=form)
            emptied = plan.emptied(task)
            self.assertEqual(([], {}, {}), (emptied.args, emptied.kwargs, emptied.extra))
            self.assertEqual([1, "two"], task.args)
            plan.unpack(plan.pack(task), emptied)
            self.assertEqual(task, emptied)

    def test_other_format_and_fields(self) -> None:
        """The sender may use another format, and take out other fields."""
        message = inbound(group="g")
        sender = self.plan(message, ("group",), "msgpack")
        emptied = sender.emptied(message)
        self.assertEqual((None, "hi"), (emptied.group, emptied.content))
        self.plan(message).unpack(sender.pack(message), emptied)
        self.assertEqual(message, emptied)

    def test_required(self) -> None:
        """A required text is emptied to one that its class accepts."""
        failure = FailureMessage(message={"a": 1}, reason="why")
        emptied = self.plan(failure, ("message", "reason")).emptied(failure)
        self.assertEqual((None, ""), (emptied.message, emptied.reason))

    def test_types(self) -> None:
        """What is put back has the types of its class, and is nothing that names a message."""
        message = inbound()
        for data in (b'{"content":1}', b'{"message_id":"x"}', b'{"no":1}', b"[]", b"", b"\xff"):
            self.assertRaises(
                (msgspec.MsgspecError, UnicodeError), self.plan(message).unpack, data, message
            )
        self.assertEqual("hi", message.content)

    def test_made_once(self) -> None:
        """A class's plan is made once."""
        plans = Plans(FIELDS, "json")
        self.assertIs(plans.of(TaskMessage), plans.of(TaskMessage))
