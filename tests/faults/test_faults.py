"""Every scenario with few messages, and proof that the suite can fail."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.faults.run import run
from tests.faults.scenarios import SCENARIOS
from tests.quick import SKIP

#: Few enough for a quick run, enough to be in every place when something breaks.
MESSAGES = 600
SEED = 20


class Faults(SynchronousTestCase):
    """Nothing is lost and nothing happens twice, whatever breaks."""

    skip = SKIP

    def play(self, name: str) -> None:
        """Run a scenario; nothing may be wrong at its end."""
        result = run(name, MESSAGES, SEED)
        self.assertEqual([], result.problems, f"{result}")
        self.assertEqual((0, 0), (result.lost, result.duplicated))
        self.assertGreater(result.faults, 0)


def _test(name: str) -> Any:
    def test(self: Faults) -> None:
        self.play(name)

    test.__doc__ = SCENARIOS[name].claim
    return test


for _name in SCENARIOS:
    setattr(Faults, f"test_{_name}", _test(_name))


class CanFail(SynchronousTestCase):
    """A broker that settles in two steps instead of one is caught."""

    skip = SKIP

    def test_losing(self) -> None:
        """One that acknowledges before it writes loses what is killed in between."""
        result = run("kill_workers", MESSAGES, SEED, broker="losing", keep=False)
        self.assertGreater(result.lost, 0, result.problems)

    def test_repeating(self) -> None:
        """One that writes before it acknowledges repeats what is killed in between."""
        result = run("kill_workers", MESSAGES, SEED, broker="repeating", keep=False)
        self.assertGreater(result.duplicated, 0, result.problems)
