"""The demo's application runs tasks and answers people."""

from __future__ import annotations

from pipeline.demo.application import DemoApplication
from pipeline.demo.tasks import add
from pipeline.message import ResultMessage
from pipeline.testing import ApplicationHelper, PipelineTestCase


class Both(PipelineTestCase):
    """One worker for both kinds of message."""

    def setUp(self) -> None:
        self.helper = self.add_helper(ApplicationHelper(DemoApplication, transport_name="web"))
        self.helper.get_application({"tasks": ["pipeline.demo.tasks"]})

    def test_message(self) -> None:
        """A person gets an answer."""
        asked = self.helper.make_dispatch_inbound("hi", from_addr="Ada").now()
        [answer] = self.helper.get_dispatched_outbound()
        self.assertEqual("Hello Ada, you said: hi", answer.content)
        self.assertEqual(asked.message_id, answer.in_reply_to)

    def test_task(self) -> None:
        """A call of a task gets its result."""
        self.helper.make_dispatch_task(add, 1, 2, transport_name="web", reply_to="web.outbound")
        [answer] = self.helper.get_dispatched_outbound()
        self.assertIsInstance(answer, ResultMessage)
        self.assertEqual(3, answer.value)
