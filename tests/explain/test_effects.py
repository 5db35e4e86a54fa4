"""What a hook may do, and how it is called."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.explain.effects import Effects, effects_of, way_of
from pipeline.middleware.troubleshoot import TroubleshootMiddleware
from tests.explain import members


class Known(TestCase):
    """Declared, guessed or unknown."""

    def test_declared(self) -> None:
        """A declaration speaks for its class and for those that only inherit."""
        child = members.Child("c", {}, None)
        found = effects_of(child.handle_consume_inbound, child)
        self.assertEqual(Effects(("change",), "declared"), found)
        self.assertEqual("change", str(found))

    def test_below(self) -> None:
        """For what a class below has written it is a guess."""
        child = members.Child("c", {}, None)
        found = effects_of(child.handle_publish_outbound, child)
        self.assertEqual(Effects(("change", "drop"), "guessed"), found)
        self.assertEqual("change?, drop?", str(found))

    def test_instance(self) -> None:
        """An instance may declare for itself, by its options."""
        child = members.Child("c", {}, None)
        child.MAY = ("drop",)  # type: ignore[misc]  # as its setup may
        self.assertEqual(
            Effects(("drop",), "declared"), effects_of(child.handle_publish_outbound, child)
        )

    def test_unknown(self) -> None:
        """Neither a declaration nor a source: nothing is known. () declares that it only looks."""
        self.assertEqual("unknown", str(effects_of(len, object())))
        narrow = members.Narrow("n", {}, None)
        self.assertEqual("looks only", str(effects_of(narrow.handle_status, narrow)))
        self.assertEqual("nothing?", str(Effects((), "guessed")))
        self.assertEqual((), TroubleshootMiddleware.MAY)


class Ways(TestCase):
    """How a hook is called."""

    def test_ways(self) -> None:
        """By inspection, without calling it."""
        quiet, child = members.Quiet("q", {}, None), members.Child("c", {}, None)
        self.assertEqual("sync", way_of(quiet.handle_inbound, quiet))
        self.assertEqual("Deferred", way_of(quiet.handle_event, quiet))
        self.assertEqual("async", way_of(child.handle_publish_outbound, child))
