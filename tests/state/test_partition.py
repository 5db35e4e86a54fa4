"""The partition of what goes out with no delivery in hand."""

from __future__ import annotations

from contextvars import copy_context
from typing import Any

from pipeline.message import EventMessage, StatusMessage
from pipeline.state.partition import choose_anew, owner_of, partition_for, partition_of
from tests.workers import WorkerCase, inbound

MANY = 50


class Partitions(WorkerCase):
    """Over seven partitions."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 7}

    def test_address(self) -> None:
        """A message is with all others of its user, whichever way they go."""
        worker = self.worker()
        for number in range(MANY):
            address = f"+{number}"
            wanted = partition_of(address, 7)
            there = partition_for(worker, "inbound", inbound(from_addr=address))
            back = partition_for(worker, "outbound", inbound(to_addr=address))
            self.assertEqual((wanted, wanted), (there, back))

    def test_no_key(self) -> None:
        """What has no user is spread by its id: the same again is in the same place."""
        worker = self.worker()
        events = [
            EventMessage(user_message_id="1", event_type="ack", sent_message_id="2")
            for _ in range(MANY)
        ]
        first, again = (
            [partition_for(worker, "event", event) for event in events] for _ in range(2)
        )
        self.assertEqual(first, again)
        self.assertEqual(set(range(7)), set(first))

    def test_no_id(self) -> None:
        """What has no id either is anywhere."""
        status = StatusMessage(component="c", status="ok", type="t", message="m")
        found = {partition_for(self.worker(), "status", status) for _ in range(20 * MANY)}
        self.assertEqual(set(range(7)), found)

    def test_chosen_once(self) -> None:
        """In a context the first message decides, until another one is said to go out."""
        copy_context().run(self.assert_chosen_once)
        self.assertEqual(partition_of("+b", 7), self.place("+b"))

    def assert_chosen_once(self) -> None:
        choose_anew()
        self.assertEqual([partition_of("+a", 7)] * 2, [self.place("+a"), self.place("+b")])
        choose_anew()
        self.assertEqual(partition_of("+b", 7), self.place("+b"))

    def place(self, address: str) -> int:
        return partition_for(self.worker(), "inbound", inbound(from_addr=address))

    def test_owner(self) -> None:
        """A session's id has one owner, from which nobody learns the id."""
        self.assertEqual(owner_of("id"), owner_of("id"))
        self.assertNotEqual(owner_of("id"), owner_of("ie"))
        self.assertRegex(owner_of("id"), "^[0-9a-f]{64}$")
