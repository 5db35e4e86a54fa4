"""Runs scenarios and tells how each went."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.faults.checker import Checker
from tests.faults.plan import Plan
from tests.faults.scenarios import SCENARIOS, TAKEN_OVER, Scenario
from tests.faults.stage import Stage

__all__ = ["HEAD", "Result", "run"]

HEAD = f"{'scenario':<18}{'messages':>9}{'faults':>8}{'lost':>6}{'twice':>6}{'recovery s':>11}"

#: How many messages are fed in a second, at the most.
RATE = 1000
#: From so many messages on, a run is a full one.
FULL = 10_000


@dataclass(frozen=True)
class Result:
    """How a scenario went.

    :param lost: how many messages came to no end.
    :param duplicated: how many ends there were too many.
    :param recovery: seconds from the last fault until all was done.
    :param problems: what was not as it should be, in words.
    :param seconds: how long it took.
    :param folder: where its logs are, if there were problems.
    """

    scenario: str
    seed: int
    messages: int
    faults: int
    lost: int
    duplicated: int
    recovery: float
    seconds: float
    problems: list[str] = field(default_factory=list)
    folder: str = ""

    def row(self) -> str:
        """The result in a line of the table."""
        return (
            f"{self.scenario:<18}{self.messages:>9,}{self.faults:>8,}{self.lost:>6,}"
            f"{self.duplicated:>6,}{self.recovery:>11.1f}"
        )

    def fields(self) -> dict[str, Any]:
        """The result for a file."""
        return asdict(self)


def plan_for(scenario: Scenario, messages: int, seed: int, broker: str) -> Plan:
    """The plan of a run."""
    plan = Plan(messages, seed, max(scenario.least, messages / RATE), broker=broker)
    wanted = dict(scenario.plan)
    if wanted.pop("blocking", False):
        wanted["blocking"] = tuple(range(messages // 5, messages, messages // 3))
        if messages >= FULL:
            wanted["block_for"] = 20.0
    if wanted.pop("poison", False):
        wanted["poison"] = tuple(range(messages // 4, messages, messages // 2))
    return replace(plan, limit=90 + messages / 50, **wanted)


def run(
    name: str,
    messages: int,
    seed: int,
    *,
    broker: str = "right",
    keep: bool = True,
    show: Callable[[Stage], None] = lambda stage: None,
) -> Result:
    """Play a scenario, and check.

    :param broker: a name of :data:`tests.faults.broken.BROKERS`.
    :param keep: keep the logs when there are problems.
    :param show: is told how far it is, now and then.
    """
    scenario = SCENARIOS[name]
    plan = plan_for(scenario, messages, seed, broker)
    # Not in the tests' own folder: the path of a socket must be short.
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        with Stage(plan, folder, scenario.server, show).running() as stage:
            result = _play(name, scenario, stage)
    finally:
        shutil.rmtree(folder / "server", ignore_errors=True)
    if keep and result.problems:
        return replace(result, folder=str(folder))
    shutil.rmtree(folder)
    return result


def _play(name: str, scenario: Scenario, stage: Stage) -> Result:
    scenario.play(stage)
    recovery = stage.wait_for_end()
    stage.crew.dismiss()
    checker = Checker(stage)
    problems = checker.check()
    problems += _logged(scenario, stage)
    return Result(
        name,
        stage.plan.seed,
        stage.plan.messages,
        stage.faults,
        lost=len(checker.lost),
        duplicated=checker.duplicated,
        recovery=round(recovery, 2),
        seconds=round(stage.elapsed, 1),
        problems=problems,
    )


def _logged(scenario: Scenario, stage: Stage) -> list[str]:
    """What stands in the logs and should not, or should and does not."""
    declared, broken = stage.crew.logged(TAKEN_OVER), stage.crew.logged("#critical]")
    problems = []
    if scenario.deaths == "none" and declared:
        problems.append(f"{declared} times a worker was declared dead that was not")
    if scenario.deaths == "some" and not declared:
        problems.append("nothing was ever taken over: this run proves nothing")
    if broken:
        problems.append(f"{broken} critical errors in the logs")
    return problems
