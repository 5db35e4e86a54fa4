"""What the source of a hook shows."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.explain.guessing import found_in, may_wait
from pipeline.middleware.dedup import DedupMiddleware
from tests.explain import members


def found(cls: Any, name: str) -> set[str] | None:
    return found_in(getattr(cls, name), cls, name)


class Found(TestCase):
    """Changes, verdicts, stores."""

    def test_messages(self) -> None:
        """Also what the methods do that a handler calls, and what was taken out of the message."""
        self.assertEqual({"change", "retry"}, found(members.Quiet, "handle_inbound"))
        self.assertEqual({"store"}, found(members.Quiet, "handle_event"))
        self.assertEqual({"drop"}, found(members.Child, "handle_publish_outbound"))
        self.assertEqual(set(), found(members.Narrow, "handle_status"))

    def test_closures(self) -> None:
        """A handler that was put in place is looked through with what it closes over."""
        handler = DedupMiddleware._on(_Plain(), "consume", "inbound")
        self.assertEqual({"drop", "store", "retry"}, found_in(handler, DedupMiddleware))

    def test_tasks(self) -> None:
        """Other arguments, no call at all, and an outcome that is judged."""
        self.assertEqual({"change"}, found(members.Around, "run_task"))
        self.assertEqual({"change"}, found(members.Around, "process_outcome"))
        self.assertEqual({"drop"}, found(members.Never, "run_task"))

    def test_requests(self) -> None:
        """A response instead of the view's, and a changed one."""
        self.assertEqual({"respond"}, found(members.Gate, "process_request"))
        self.assertEqual({"change"}, found(members.Gate, "process_response"))

    def test_no_source(self) -> None:
        """What has no source shows nothing, not even that it does nothing."""
        self.assertIsNone(found_in(len, self))


class Waits(TestCase):
    """Whether a plain function waits."""

    def test_waits(self) -> None:
        """It says so, or calls what is async."""
        self.assertTrue(may_wait(members.Quiet.handle_event, members.Quiet))
        self.assertFalse(may_wait(members.Quiet.handle_inbound, members.Quiet))


class _Plain:
    """As much of a DedupMiddleware as its handler closes over."""

    name = "dedup"
