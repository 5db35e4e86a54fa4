"""An explanation laid out for a person."""

from __future__ import annotations

import io

from twisted.trial.unittest import TestCase

from pipeline.cli.explained import lines_of
from pipeline.explain.views import Chain, Hook, Skipped, System, Worker

HOOK = Hook("a", "m.A", "handle_inbound", "m.py:1", "sync", ("drop",), "declared")
LATE = Hook("b", "m.B", "handle_inbound", None, "async", (), "unknown", priority=2)


def laid(*chains: Chain, verbose: bool = False, **parts: object) -> list[str]:
    worker = Worker("w", "m.W", "worker", chains=chains, **parts)  # type: ignore[arg-type]
    return list(lines_of(System("n", (worker,)), io.StringIO(), verbose=verbose))


class Laid(TestCase):
    """Short, with nothing left out."""

    def test_together(self) -> None:
        """Kinds with the same chain stand together; priorities are shown where there are some."""
        found = laid(
            Chain("consume", "inbound", ("w.inbound",), hooks=(HOOK, LATE)),
            Chain("consume", "event", ("w.event",), hooks=(HOOK, LATE)),
            Chain("publish", "event", ("x.event",), hooks=(HOOK,)),
        )
        self.assertEqual("  consume inbound, event  (w.inbound, w.event)", found[1])
        self.assertEqual(
            ["1", "[0]", "a", "sync", "drop", "m.py:1", "m.A.handle_inbound"], found[2].split()
        )
        self.assertEqual(
            ["2", "[2]", "b", "async", "unknown", "unknown", "m.B.handle_inbound"], found[3].split()
        )
        self.assertEqual("  publish event  (x.event)", found[4])

    def test_empty(self) -> None:
        """Empty chains are one line; those that no message is for, none."""
        found = laid(Chain("consume", "inbound", ("w.inbound",)), Chain("publish", "status"))
        self.assertEqual("  no middleware: consume inbound", found[1])
        self.assertEqual(2, len(found))

    def test_left_out(self) -> None:
        """What is skipped, and what could not be set up, says why."""
        found = laid(
            skipped=(Skipped("s", "m.S", "it is for tasks"),), unready=(("u", "OSError: no"),)
        )
        self.assertEqual("  skipped: s (m.S): it is for tasks", found[1])
        self.assertIn("not set up here: u: OSError: no", found[2])

    def test_harmless(self) -> None:
        """Nothing of it is obeyed by a terminal."""
        found = laid(skipped=(Skipped("s", "m.S", "\x1b[2J"),))
        self.assertNotIn("\x1b", "".join(found))
