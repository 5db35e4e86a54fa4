from __future__ import annotations

from typing import Any

from pipeline.errors import PermanentFailure
from pipeline.message import TaskMessage
from pipeline.worker import Worker
from pipeline.worker.waiting import tell_who_waits
from tests.workers import WorkerCase, inbound, nack

WAITS = {"reply_instance": "one"}


class Waiting(WorkerCase):
    """Who waits is answered, and nobody else."""

    def told(self, message: Any, error: Any = "no way") -> list[Any]:
        connector: Any = None

        class Telling(Worker):
            def setup_connectors(self) -> None:
                nonlocal connector
                connector = self.setup_ri_connector("sms")
                connector.set_default_handler("inbound", self.handle)
                connector.set_default_handler("event", self.handle)

            def handle(self, message: Any) -> Any:
                return tell_who_waits(connector, message, error, message._delivery)

        self.running(Telling)
        self.put("sms.event" if message.message_type == "event" else "sms.inbound", message)
        answers = [delivery.message for delivery in self.taken("sms.outbound@one")]
        return answers + [delivery.message for delivery in self.taken("sms.outbound")]

    def test_message(self) -> None:
        """A message whose sender waits is answered with the error's text and where it was."""
        asked = inbound(transport_metadata=WAITS)
        (answer,) = self.told(asked, PermanentFailure("broken"))
        self.assertEqual((asked.message_id, "failed"), (answer.in_reply_to, answer.status))
        self.assertEqual("PermanentFailure: broken", answer.error)
        self.assertIn("broken", answer.traceback)

    def test_task(self) -> None:
        """So is a call of a task; a reason alone has no traceback."""
        call = TaskMessage(task="t", transport_name="sms", transport_metadata=WAITS)
        (answer,) = self.told(call)
        self.assertEqual(("no way", None), (answer.error, answer.traceback))

    def test_nobody(self) -> None:
        """Nothing is said where nobody waits, nor about an event."""
        self.assertEqual([], self.told(inbound()))

    def test_event(self) -> None:
        """Nor about an event."""
        self.assertEqual([], self.told(nack(inbound())))
