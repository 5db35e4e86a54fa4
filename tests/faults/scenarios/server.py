"""The server stands still, crashes, and is full."""

from __future__ import annotations

import signal

from tests.faults.scenarios.base import ALWAYS, scenario
from tests.faults.stage import Stage

#: With so many messages there is time for a long outage.
FULL = 10_000


@scenario(deaths="none")
def pause_server(stage: Stage) -> None:
    """The server stands still for longer than a dead worker may be silent; nobody is dead."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(1.5)
        stage.signal_server(signal.SIGSTOP)
        stage.wait(stage.plan.dead_after * 2.2)
        stage.signal_server(signal.SIGCONT)
        stage.fault()


@scenario(server=ALWAYS)
def crash_server(stage: Stage) -> None:
    """The server is killed and started again from its append-only file, synced always."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(stage.random.uniform(1.0, 2.5))
        stage.server.kill_now()
        stage.wait(stage.random.uniform(0.0, 0.5))
        stage.server.start_now()
        stage.fault()


@scenario(server=ALWAYS, deaths="none")
def outage(stage: Stage) -> None:
    """The server is away, for a tenth of a second and up to a minute; all goes on by itself."""
    stage.hire()
    for seconds in (0.1, 0.5, 2.0, 60.0 if stage.plan.messages >= FULL else 5.0):
        stage.wait(1.0)
        stage.server.kill_now()
        stage.wait(seconds)
        stage.server.start_now()
        stage.fault()


@scenario(server=ALWAYS, deaths="some", window=True)
def cold_start(stage: Stage) -> None:
    """Everything is killed at once, in mid-flight, and started again."""
    stage.hire()
    for share in (0.2, 0.5, 0.8):
        stage.wait_for_fed(share)
        stage.crew.kill()
        stage.server.kill_now()
        stage.fault()
        stage.server.start_now()
        for member in stage.crew.members:
            member.start()


@scenario(deaths="none")
def memory(stage: Stage) -> None:
    """The server is at its memory limit, again and again, for longer than a dead worker may be."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(2.5)  # who publishes looks again every two seconds
        stage.call("CONFIG", "SET", "maxmemory", "1")
        stage.wait(stage.plan.dead_after * 1.5)
        stage.call("CONFIG", "SET", "maxmemory", "0")
        stage.fault()
