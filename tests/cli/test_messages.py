"""Messages in queues, laid out."""

from __future__ import annotations

from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from pipeline.cli.messages import Shown, rows, shown
from pipeline.codec import Codec
from pipeline.delivery import Delivery
from pipeline.message import TaskMessage
from pipeline.operating import Found

NOW = 1_764_000_000_000


class Messages(SynchronousTestCase):
    def told(self, payload: bytes, kind: str = "waiting", **given: object) -> Shown:
        delivery = Delivery(
            "q.inbound", b"5-1", payload, partition=2, attempt=3, enqueued_at=NOW - 9000,
            history=b'[{"attempt": 1, "error": "E: \\u001b"}]',
        )  # fmt: skip
        found = Found(delivery, **{"since": NOW - 5000, **given})  # type: ignore[arg-type]
        return Shown(found, kind, Codec(), NOW)

    def test_message(self) -> None:
        """A message is shown as an object, with what is known about it."""
        told = self.told(Codec().encode(TaskMessage(task="add", args=[1])))
        self.assertEqual(("5-1/2", 3), (told.summary()["id"], told.summary()["attempt"]))
        self.assertEqual("add", told.summary()["message"]["task"])
        self.assertEqual(1, told.whole()["history"][0]["attempt"])
        self.assertIsNone(told.summary()["hex"])
        text = shown(told)
        self.assertRegex(text, r"(?m)^id +5-1/2$")
        self.assertRegex(text, r'(?m)^  +"task": "add"')
        self.assertRegex(text, r'(?m)^failed +\{"attempt": 1')
        self.assertNotIn("\x1b", text)

    def test_undecodable(self) -> None:
        """What is no message is shown as bytes, in hexadecimal."""
        told = self.told(b"\xff\x00")
        self.assertEqual((None, "ff00"), (told.summary()["message"], told.summary()["hex"]))
        self.assertTrue(told.summary()["undecodable"])
        self.assertTrue(shown(told).endswith("hex         ff00"))
        [_, row] = rows([told], "waiting", StringIO())
        self.assertRegex(row, r"^5-1/2 +3 +5s +undecodable: ff00$")

    def test_rows(self) -> None:
        """Where it is delayed, when it is due stands there; where in hand, who has it."""
        for kind, head, given, told in (
            ("delayed", "DUE IN", {"due": NOW + 61_000}, "61s"),
            ("in_hand", "WORKER", {"worker": "web-1"}, "web-1"),
        ):
            lines = list(rows([self.told(b"x", kind, **given)], kind, StringIO()))  # type: ignore[arg-type]
            self.assertIn(head, lines[0])
            self.assertIn(f"  {told}  ", lines[1])
        self.assertEqual([], list(rows([], "waiting", StringIO())))
