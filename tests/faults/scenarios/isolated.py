"""Processes die in which tasks run, and the workers that they belong to."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

from tests.faults.crew import Member
from tests.faults.isolated import CALLS, answered, children_of, is_running
from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage

#: How many deaths of children there are for each of a worker.
CHILDREN = 15
#: Seconds in which the children of a worker end that is killed; one may still be in its start.
PATIENCE = 20.0


@scenario(deaths="some", least=10.0, isolated=True)
def kill_children(stage: Stage) -> None:
    """Processes of tasks are killed at random: each call has one outcome, and sends by that."""
    members = [stage.crew.hire("isolated") for _ in range(2)]
    stage.crew.wait_until_up()
    stage.crew.hire("asker")
    stage.hire()
    while stage.is_feeding() or _is_going_on(stage):
        stage.wait(stage.random.uniform(0.1, 0.7))
        if not (stage.is_feeding() or answered(stage) < CALLS // 2):
            continue
        member = stage.random.choice(members)
        if stage.faults % CHILDREN == CHILDREN - 1:
            _kill_worker(stage, member)
        else:
            _kill_child(stage, member.pid)
        stage.fault()


def _kill_child(stage: Stage, pid: int) -> None:
    children = children_of(pid)
    if children:
        with suppress(ProcessLookupError):
            os.kill(stage.random.choice(children), signal.SIGKILL)


def _kill_worker(stage: Stage, member: Member) -> None:
    children = children_of(member.pid)
    stage.kill(member)
    until = stage.elapsed + PATIENCE
    while any(map(is_running, children)) and stage.elapsed < until:
        stage.wait(0.1)
    left = [pid for pid in children if is_running(pid)]
    if left:
        stage.crew.complaints.append(f"children {left} have outlived their worker")
    member.start()
    member.wait_until_up()


def _is_going_on(stage: Stage) -> bool:
    return answered(stage) < CALLS and stage.elapsed < stage.plan.limit / 2
