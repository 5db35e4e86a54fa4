"""Tests of pipeline.transports.http.replies."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.message import TaskMessage
from pipeline.transports.http.replies import reply_answer
from tests.workers import inbound


class Told(TestCase):
    """What a client is told."""

    def test_message(self) -> None:
        """A reply's fields, and the client's own id."""
        reply = inbound("hi").reply("HI", colour="blue")
        answer = reply_answer(reply, "order-1", False)
        said = answer.content
        self.assertEqual(
            (200, "HI", "order-1"), (answer.status, said["content"], said["in_reply_to"])
        )
        self.assertEqual(({"colour": "blue"}, reply.message_id), (said["extra"], said["id"]))

    def test_results(self) -> None:
        """How a task ended; the traceback in debug only."""
        call = TaskMessage(task="x")
        answer = reply_answer(call.result(7), "1", True)
        self.assertEqual((200, {"id": "1", "status": "finished", "value": 7}), answer[:2])
        failed = call.failed("KeyError: 'x'", "in broken")
        error = {"id": "1", "status": "failed", "error": "KeyError: 'x'"}
        self.assertEqual((500, error), reply_answer(failed, "1", False)[:2])
        shown = {**error, "traceback": "in broken"}
        self.assertEqual((500, shown), reply_answer(failed, "1", True)[:2])
