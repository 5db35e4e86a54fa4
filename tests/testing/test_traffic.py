"""What goes over queues is seen, whoever reads them."""

from __future__ import annotations

from typing import Any

from pipeline.codec import Undecodable
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.traffic import Found
from pipeline.testing.workers import WorkerHelper
from tests.testing.echo import Echo, Phone


class Seen(PipelineTestCase):
    """Queues that nobody reads, and queues that a worker reads."""

    def setUp(self) -> None:
        self.helper = self.add_helper(WorkerHelper("sms"))

    def outbound(self) -> list[str]:
        return [message.content for message in self.helper.get_dispatched_outbound()]

    def test_unread(self) -> None:
        """A queue that nobody reads is emptied when somebody looks; what was there is kept."""
        self.helper.get_worker(Echo)
        self.helper.make_dispatch_inbound("one")
        self.assertEqual(1, self.helper.depth("sms.outbound").now().waiting)
        self.assertEqual(["re: one"], self.outbound())
        self.assertEqual(0, self.helper.depth("sms.outbound").now().waiting)
        self.helper.make_dispatch_inbound("two")
        self.assertEqual(["re: one", "re: two"], self.outbound())

    def test_read(self) -> None:
        """A queue that a worker reads is only watched: the worker has the message."""
        phone = self.helper.get_worker(Phone).now()
        self.helper.make_dispatch_outbound("one")
        self.assertEqual((["one"], ["one"]), (self.outbound(), phone.sent))
        self.assertEqual(1, len(self.helper.get_dispatched_events()))

    def test_read_by_nobody_any_more(self) -> None:
        """When its reader is gone the queue is emptied again."""
        phone = self.helper.get_worker(Phone).now()
        self.helper.make_dispatch_outbound("one")
        self.helper.cleanup_worker(phone).now()
        self.helper.make_dispatch_outbound("two")
        self.assertEqual(["one", "two"], self.outbound())

    def test_paused(self) -> None:
        """What waits for a worker that is paused is left to it."""
        phone = self.helper.get_worker(Phone).now()
        self.helper.now(phone.pause_connectors())
        self.helper.make_dispatch_outbound("one")
        self.assertEqual([], self.outbound())
        phone.unpause_connectors()
        self.helper.advance()
        self.assertEqual((["one"], ["one"]), (self.outbound(), phone.sent))

    def test_as_on_the_wire(self) -> None:
        """What is seen is what lay on the wire, whatever a handler makes of it."""

        class Changing(Echo):
            def consume_user_message(self, message: Any) -> None:
                message.content = "changed"

        self.helper.get_worker(Changing)
        sent = self.helper.make_dispatch_inbound("hi").now()
        [seen] = self.helper.get_dispatched_inbound()
        self.assertEqual((sent.message_id, "hi"), (seen.message_id, seen.content))

    def test_delayed(self) -> None:
        """What is delayed is there when it is due."""
        worker = self.helper.get_worker(Echo).now()
        worker.connector.publish("outbound", self.helper.make_outbound("late"), delay=5)
        self.helper.advance(4.9)
        self.assertEqual([], self.outbound())
        self.helper.advance(0.2)
        self.assertEqual(["late"], self.outbound())

    def test_clear(self) -> None:
        """What is cleared is forgotten, of one queue or of all."""
        self.helper.make_dispatch_outbound("one")
        self.helper.clear_dispatched_outbound().now()
        self.assertEqual([], self.outbound())
        self.helper.make_dispatch_outbound("two")
        self.helper.make_dispatch_ack()
        self.helper.get_dispatched_events()
        self.helper.clear_all_dispatched().now()
        self.assertEqual(([], []), (self.outbound(), list(self.helper.get_dispatched_events())))

    def test_raw(self) -> None:
        """Bytes go as they are, and what is no message is seen as such."""
        self.helper.dispatch_raw("sms.outbound", b"nonsense")
        self.helper.dispatch_raw("sms.outbound", self.helper.make_outbound("fine"))
        nonsense, fine = self.helper.get_dispatched("sms.outbound")
        self.assertEqual(Undecodable, type(nonsense))
        self.assertEqual("fine", fine.content)

    def test_of_one_process(self) -> None:
        """A queue of one process alone is named in full."""
        message = self.helper.make_outbound("hi", transport_metadata={"reply_instance": "one"})
        self.helper.dispatch_outbound(message)
        self.assertEqual(1, len(self.helper.get_dispatched("sms.outbound@one")))

    def test_waiting(self) -> None:
        """Who waits gets all that came, and else is told what is there and what went wrong."""
        self.helper.get_worker(Echo)
        waiting = self.helper.wait_for_dispatched_outbound(2)
        self.helper.make_dispatch_inbound("one")
        self.helper.make_dispatch_inbound("bad")
        text = str(self.assertRaises(AssertionError, waiting.now))
        for part in ("2 message(s) in sms.outbound", "re: one", "I don't like that"):
            self.assertIn(part, text)
        self.helper.flush_errors()
        self.helper.make_dispatch_inbound("two")
        self.assertEqual(2, len(self.helper.wait_for_dispatched_outbound(2).now()))


class Looking(PipelineTestCase):
    """What was found."""

    async def test_await(self) -> None:
        """It is a list of what is known; awaited, of what is there."""

        async def look() -> list[int]:
            return [1, 2]

        found = Found([1], look)
        self.assertEqual([1], found)
        self.assertIs(found, await found)
        self.assertEqual([1, 2], found)
