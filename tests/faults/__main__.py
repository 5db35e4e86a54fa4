"""The command: ``python -m tests.faults``."""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.faults.run import HEAD, Result, run
from tests.faults.scenarios import SCENARIOS
from tests.faults.stage import Stage


class Progress:
    """A line on a terminal that says how far a scenario is."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._next = 0.0
        self._is_shown = sys.stderr.isatty()

    def __call__(self, stage: Stage) -> None:
        if not self._is_shown or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + 0.5
        done = f"{stage.fed:,} of {stage.plan.messages:,} fed, {stage.faults:,} faults"
        sys.stderr.write(f"\r\x1b[K{self._name}: {done}, {stage.elapsed:.0f} s")
        sys.stderr.flush()

    def clear(self) -> None:
        """Make room for the result."""
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description="Send messages through real processes while things break.",
    )
    parser.add_argument("--messages", type=int, default=20_000, help="in each scenario (20000)")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (1)")
    parser.add_argument("--scenario", metavar="NAME", action="append", choices=SCENARIOS)
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    return parser.parse_args()


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def one(name: str, messages: int, seed: int) -> Result:
    """Run a scenario and print how it went."""
    progress = Progress(name)
    result = run(name, messages, seed, show=progress)
    progress.clear()
    say(result.row())
    for problem in result.problems:
        say(f"    {problem}")
    if result.folder:
        say(f"    its logs are in {result.folder}")
    return result


def main() -> int:
    """Run what was asked for; 0 if all is well."""
    asked = options()
    if asked.list:
        for name, scenario in SCENARIOS.items():
            say(f"{name:<18}{scenario.claim}")
        return 0
    say(f"seed {asked.seed}")
    say(HEAD)
    results = [one(name, asked.messages, asked.seed) for name in asked.scenario or SCENARIOS]
    if asked.json:
        with open(asked.json, "w", encoding="utf-8") as file:
            json.dump([result.fields() for result in results], file, indent=2)
    failed = sum(bool(result.problems) for result in results)
    say(f"{len(results) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
