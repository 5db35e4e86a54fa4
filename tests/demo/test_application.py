"""The demo's application runs tasks and answers people."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.codec import Codec
from pipeline.demo.application import DemoApplication
from pipeline.demo.tasks import add
from pipeline.message import ResultMessage, TaskMessage, UserMessage
from pipeline.worker import Runtime


class Both(TestCase):
    """One worker for both kinds of message."""

    def setUp(self) -> None:
        clock = Clock()
        broker = MemoryBroker(clock)
        self.successResultOf(broker.start())
        runtime = Runtime(broker, Codec(), clock)
        config = {"transport_name": "web", "tasks": ["pipeline.demo.tasks"]}
        self.worker = DemoApplication("work", config, runtime)
        self.successResultOf(self.worker.start_worker())
        self.sent: list[Any] = []
        self.patch(self.worker.connector, "publish", self._publish)

    def tearDown(self) -> None:
        self.worker.runner.stop()

    def _publish(self, kind: str, message: Any, *args: Any, **options: Any) -> Any:
        self.sent.append(message)
        return succeed(message)

    def handled(self, message: Any) -> Any:
        from twisted.internet.defer import Deferred

        from pipeline.delivery import Delivery

        message._delivery = Delivery("web.inbound", b"1-0", b"")
        self.successResultOf(Deferred.fromCoroutine(self.worker.dispatch_user_message(message)))
        (answer,) = self.sent
        return answer

    def test_message(self) -> None:
        """A person gets an answer."""
        asked = UserMessage(
            from_addr="Ada", to_addr=None, transport_name="web", transport_type="http", content="hi"
        )
        answer = self.handled(asked)
        self.assertEqual("Hello Ada, you said: hi", answer.content)
        self.assertEqual(asked.message_id, answer.in_reply_to)

    def test_task(self) -> None:
        """A call of a task gets its result."""
        call = TaskMessage(
            task=add.name, args=[1, 2], transport_name="web", transport_type="http", reply_to="me"
        )
        answer = self.handled(call)
        self.assertIsInstance(answer, ResultMessage)
        self.assertEqual(3, answer.value)
