"""All of it at once."""

from __future__ import annotations

import signal

from tests.faults.scenarios.base import ALWAYS, scenario
from tests.faults.stage import Stage


@scenario(server=ALWAYS, least=15.0, proxied=True, doomed=40, flaky=0.2, partitions=2)
def chaos(stage: Stage) -> None:
    """All of it at random: workers die and stand still, the server and the network fail."""
    stage.hire()
    hurts = (_kill_one, _stop_one, _pause, _crash, _cut_some, _stall_some, _fill_memory)
    while stage.is_feeding():
        stage.wait(stage.random.uniform(0.2, 1.0))
        stage.random.choice(hurts)(stage)
        stage.fault()


def _kill_one(stage: Stage) -> None:
    member = stage.random.choice(stage.crew.workers)
    member.kill()
    member.start()


def _stop_one(stage: Stage) -> None:
    member = stage.random.choice(stage.crew.workers)
    member.signal(signal.SIGSTOP)
    stage.wait(stage.plan.dead_after * stage.random.uniform(0.5, 2.0))
    member.signal(signal.SIGCONT)


def _pause(stage: Stage) -> None:
    stage.signal_server(signal.SIGSTOP)
    stage.wait(stage.random.uniform(0.2, 4.0))
    stage.signal_server(signal.SIGCONT)


def _crash(stage: Stage) -> None:
    stage.server.kill_now()
    stage.wait(stage.random.uniform(0.0, 1.0))
    stage.server.start_now()


def _cut_some(stage: Stage) -> None:
    assert stage.network is not None
    stage.network.order("cut 0.05")
    stage.wait(stage.random.uniform(0.2, 1.0))
    stage.network.order("cut 0")


def _stall_some(stage: Stage) -> None:
    assert stage.network is not None
    stage.network.order("stall 0.3")
    stage.wait(stage.random.uniform(0.5, 4.0))
    stage.network.order("go")


def _fill_memory(stage: Stage) -> None:
    stage.call("CONFIG", "SET", "maxmemory", "1")
    stage.wait(stage.random.uniform(0.2, 2.0))
    stage.call("CONFIG", "SET", "maxmemory", "0")
