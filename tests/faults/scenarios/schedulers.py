"""Those who keep a schedule die."""

from __future__ import annotations

import itertools

from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage


@scenario(least=20.0, timed=True)
def kill_schedulers(stage: Stage) -> None:
    """Three that keep a schedule, two with wrong clocks, are killed in turn; no slot is lost."""
    hour = 3600.0
    for wrong in ((), [(0.0, 5 * hour), (4.0, 9 * hour)], [(3.0, -2 * hour)]):
        stage.crew.hire("timed", wrong)
    stage.hire()
    turns = itertools.cycle([each for each in stage.crew.workers if each.role == "timed"])
    while stage.is_feeding():
        stage.wait(stage.random.uniform(0.2, 1.2))
        member = next(turns)
        member.kill()
        stage.fault()
        member.start()
