"""Connections are cut, or carry nothing."""

from __future__ import annotations

import itertools

from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage

#: Seconds of silence after which every client has given its connection up.
GIVEN_UP = 14.0


@scenario(proxied=True)
def cut(stage: Stage) -> None:
    """Connections are cut at random when the command was carried out and nobody was told."""
    stage.hire()
    assert stage.network is not None
    stage.wait(1.0)
    stage.network.order("cut 0.02")
    while stage.is_feeding():
        stage.wait(0.5)
    stage.fault(stage.network.order("cut 0")["cut"])


@scenario(proxied=True)
def stall(stage: Stage) -> None:
    """Connections stay open and carry nothing; what they held is delivered when all gave up."""
    stage.hire()
    assert stage.network is not None
    for seconds in itertools.islice(itertools.cycle((GIVEN_UP, 3.0)), 8):
        if not stage.is_feeding():
            break
        stage.wait(1.0)
        stage.network.order("stall 0.5")
        stage.wait(seconds * stage.random.uniform(0.8, 1.2))
        stage.network.order("go")
    stage.fault(stage.network.order("go")["stalled"])
