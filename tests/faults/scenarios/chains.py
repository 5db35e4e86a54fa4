"""Those who run the steps of chains die."""

from __future__ import annotations

from tests.faults.chained import CHAINS, ended
from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage


@scenario(deaths="some", least=12.0, chained=True)
def kill_chained(stage: Stage) -> None:
    """Three that run chains are killed in turn: each step is done once, and limits are kept."""
    members = [stage.crew.hire("tasked") for _ in range(3)]
    stage.crew.wait_until_up()
    stage.crew.hire("chainer")
    stage.hire()
    while stage.is_feeding() or _is_going_on(stage):
        stage.wait(stage.random.uniform(0.5, 1.5))
        if ended(stage) < CHAINS // 2 or stage.is_feeding():
            member = stage.random.choice(members)
            stage.kill(member)
            stage.fault()
            member.start()


def _is_going_on(stage: Stage) -> bool:
    return ended(stage) < CHAINS and stage.elapsed < stage.plan.limit / 2
