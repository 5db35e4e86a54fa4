"""Workers die, stand still, and are replaced; their clocks are wrong."""

from __future__ import annotations

import itertools
import signal

from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage


@scenario(deaths="some", partitions=2)
def kill_workers(stage: Stage) -> None:
    """A worker is killed every half second, and started again."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(0.5)
        member = stage.random.choice(stage.crew.workers)
        member.kill()
        stage.fault()
        member.start()


@scenario(deaths="some", least=10.0)
def stop_workers(stage: Stage) -> None:
    """Workers stand still for longer than a dead one may, and then go on."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(1.0)
        stopped = stage.some(2)
        for member in stopped:
            member.signal(signal.SIGSTOP)
        stage.fault(len(stopped))
        stage.wait(stage.plan.dead_after * stage.random.uniform(1.3, 2.0))
        for member in stopped:
            member.signal(signal.SIGCONT)
        stage.fault(0)


@scenario(deaths="none", deadline=0.03)
def rolling(stage: Stage) -> None:
    """Workers are stopped, with hardly any time to finish, and started again, one after another."""
    stage.hire()
    turns = itertools.cycle(stage.crew.workers)
    while stage.is_feeding():
        stage.wait(0.5)
        member = next(turns)
        stage.crew.retire(member)
        stage.fault()
        member.start()


@scenario(deaths="some", poison=True, max_deaths=3)
def poison(stage: Stage) -> None:
    """A message that kills three workers becomes a dead letter, and none of those beside it."""
    stage.hire()
    while stage.left() != 0 and stage.elapsed < stage.plan.limit / 2:
        stage.wait(0.25)
        deaths = sum(member.revive() for member in stage.crew.workers)
        if deaths:
            stage.fault(deaths)


@scenario(deaths="none", block_for=6.0, blocking=True)
def blocked(stage: Stage) -> None:
    """A handler blocks the reactor for longer than a dead worker may be silent."""
    stage.hire()
    stage.wait_for_fed(1.0)
    stage.fault(len(stage.plan.blocking))


@scenario()
def clock(stage: Stage) -> None:
    """The clocks of hosts are hours wrong, and jump in both directions."""
    hour = 3600.0
    jumps = [
        ("first", [(0.0, 5 * hour), (4.0, 9 * hour)]),
        ("first", [(3.0, -2 * hour)]),
        ("first", [(2.5, 6 * hour), (5.0, 0.0)]),
        ("second", [(0.0, -7 * hour), (3.5, 0.0)]),
        ("second", [(3.0, 4 * hour), (4.5, -4 * hour)]),
        ("feeder", [(2.0, 3 * hour)]),
    ]
    for role, wrong in jumps:
        stage.crew.hire(role, wrong)
        stage.fault(len(wrong))
    stage.wait(6.0)
    stage.fault(0)
