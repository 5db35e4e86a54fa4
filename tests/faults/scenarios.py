"""What breaks. Each scenario starts the chain, disturbs it while it is fed, and sets all right."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.faults.plan import FIRST, SECOND
from tests.faults.stage import Stage

__all__ = ["SCENARIOS", "Scenario"]

#: A server that has on disk what it has acknowledged.
ALWAYS = ("--appendfsync", "always")
#: What a worker logs when it has declared another dead.
TAKEN_OVER = "took over"

Deaths = Literal["some", "none", "any"]


@dataclass(frozen=True)
class Scenario:
    """Something that breaks.

    :param play: breaks it.
    :param plan: what its plan has besides; a callable is given the number of messages.
    :param server: more arguments of the server.
    :param deaths: whether workers are declared dead: they must be, may not be, or anything goes.
    """

    play: Callable[[Stage], None]
    plan: dict[str, Any] = field(default_factory=dict)
    server: tuple[str, ...] = ()
    deaths: Deaths = "any"

    @property
    def claim(self) -> str:
        """What it does, in a line."""
        return (self.play.__doc__ or "").splitlines()[0]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    server: tuple[str, ...] = (), deaths: Deaths = "any", **plan: Any
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Enter a function among the scenarios, under its name."""

    def enter(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SCENARIOS[play.__name__] = Scenario(play, plan, server, deaths)
        return play

    return enter


# Workers -----------------------------------------------------------------------------------------


@scenario(deaths="some")
def kill_workers(stage: Stage) -> None:
    """A worker is killed every half second, and started again."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(0.5)
        member = stage.random.choice(stage.crew.workers)
        member.kill()
        stage.fault()
        member.start()


@scenario(deaths="some")
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


@scenario(deaths="none")
def rolling(stage: Stage) -> None:
    """Workers are stopped and started again in good order, one after another."""
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


# The server --------------------------------------------------------------------------------------


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
        stage.wait(1.0)
        stage.call("CONFIG", "SET", "maxmemory", "1")
        stage.wait(stage.plan.dead_after * 1.5)
        stage.call("CONFIG", "SET", "maxmemory", "0")
        stage.fault()


# The network -------------------------------------------------------------------------------------


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


# Handlers and messages ---------------------------------------------------------------------------


@scenario(doomed=25, flaky=0.3)
def failing(stage: Stage) -> None:
    """Handlers fail at random and are tried again, some for good; a worker dies now and then."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(2.0)
        member = stage.random.choice(stage.crew.workers)
        member.kill()
        stage.fault()
        member.start()


@scenario(shared=True, first=4, in_flight=4, busy=0.002)
def read_modify_write(stage: Stage) -> None:
    """Four workers read and write one value; the sum is exact. One dies now and then."""
    stage.hire()
    while stage.is_feeding():
        stage.wait(2.0)
        member = stage.random.choice(stage.crew.workers)
        member.kill()
        stage.fault()
        member.start()


@scenario()
def malformed(stage: Stage) -> None:
    """What is no message is written straight into the queues: it becomes dead letters."""
    stage.hire()
    junk = (b"", b"\xff\xfe\x00", b"{", b"null", b"[]", b'{"message_type": "user_message"}', b"7")
    while stage.is_feeding():
        stage.wait(0.25)
        queue = stage.random.choice((FIRST, SECOND))
        payload = stage.random.choice(junk) or b"%d" % stage.random.getrandbits(200)
        _write(stage, queue, payload)
        stage.malformed.append((queue, payload))
        stage.fault()


def _write(stage: Stage, queue: str, payload: bytes) -> None:
    """Write an entry as somebody would who does not know how."""
    odd: tuple[bytes, ...] = stage.random.choice(
        ((), (b"a", b"many"), (b"t", b"-1"), (b"d", b"9" * 40), (b"h", b"{"), (b"\xff", b"\xff"))
    )
    stage.call("XADD", stage.layout.stream(queue), "*", *odd, "m", payload)
