"""Connections are cut, or carry nothing."""

from __future__ import annotations

from tests.faults.scenarios.base import scenario
from tests.faults.stage import Stage


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
    for _ in range(8):
        if not stage.is_feeding():
            break
        stage.wait(1.0)
        stage.network.order("stall 0.3")
        stage.wait(stage.random.uniform(1.0, 6.0))
        stage.network.order("go")
    stage.fault(stage.network.order("go")["stalled"])
