"""Chains of three calls, the second with a limit of how many run, the third with a rate."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from pipeline.applications.tasks import TaskApplication
from pipeline.delivery import current
from pipeline.tasks.chain import chain
from pipeline.tasks.client import Client
from pipeline.tasks.current import current_task
from pipeline.tasks.registry import task
from pipeline.tasks.sender import bind, unbind
from pipeline.worker import Runtime, Worker
from tests.faults.plan import Plan

__all__ = ["RUNS", "Chainer", "ended", "runs_beside", "tasked", "wrong_chains"]

CONNECTOR = "tasked"
#: How many chains are sent, and how many in a second.
CHAINS, EVERY = 240, 40
#: How many of the second calls may run at a time.
ABREAST = 4
#: How many of the third may begin in two seconds.
RATE, PERIOD = 60, 2.0
#: Hashes in the store: what was done, by chain and step; and what who waits was told.
DONE, TOLD = "chained", "told"
#: Tells the processes the file in which they say what they run: in Redis it would be settled.
RUNS = "TESTS_FAULTS_RUNS"


def runs_beside(record: Path) -> Path:
    """The file of runs, in a run whose feeder keeps this record."""
    return record.with_name("runs")


def _record(what: str) -> None:
    """Write that the call in hand begins (``+``) or ends (``-``) to run here."""
    call = current_task()
    assert call is not None
    line = f"{time.monotonic()} {what} {call.name} {os.getpid()} {call.id}\n"
    file = os.open(os.environ[RUNS], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)


async def _work(n: int, seconds: float = 0.05) -> None:
    from twisted.internet import reactor

    call, delivery = current_task(), current.get()
    assert call is not None and delivery is not None
    _record("+")
    await deferLater(reactor, seconds)
    delivery.store.hincr(DONE, f"{n}:{call.name}")
    _record("-")


@task(queue=CONNECTOR, name="begin", reentrant=True)
async def begin(n: int) -> int:
    """The first step."""
    await _work(n)
    return n


@task(queue=CONNECTOR, name="narrow", reentrant=True, concurrency=ABREAST)
async def narrow(n: int) -> int:
    """The second step, so slow that its limit is reached while chains come."""
    await _work(n, 1.2 * ABREAST / EVERY)
    return n


@task(queue=CONNECTOR, name="metered", reentrant=True, rate_limit=f"{RATE}/{PERIOD:.0f}s")
async def metered(n: int, more: int) -> int:
    """The third step."""
    await _work(n)
    return n + more


def tasked(plan: Plan, runtime: Runtime) -> TaskApplication:
    """A worker that runs the steps."""
    options = {"transport_name": CONNECTOR, "tasks": [__name__], "max_deaths": plan.max_deaths}
    return TaskApplication("tasked", options, runtime)


class Chainer(Worker):
    """Sends the chains, each once, and writes down what it is told of each."""

    #: How many it sends, and how many in a second.
    count, every = CHAINS, EVERY

    def __init__(self, plan: Plan, runtime: Runtime) -> None:
        super().__init__(type(self).__name__.lower(), {}, runtime)

    def setup_worker(self) -> None:
        """Begin to send."""
        self.client = bind(Client(self))
        self._left = iter(range(self.count))
        self._sending = LoopingCall(self._send_next)
        self._sending.clock = self.clock
        self._sending.start(1 / self.every, now=False).addErrback(self._broken)

    async def teardown_worker(self) -> None:
        """Send no more."""
        unbind(self.client)
        if self._sending.running:
            self._sending.stop()
        await self.client.stop()

    def _send_next(self) -> None:
        number = next(self._left, None)
        if number is None:
            self._sending.stop()
            return
        Deferred.fromCoroutine(self._send(number)).addErrback(self._broken)

    async def _send(self, number: int) -> None:
        handle = await chain(begin.s(number), narrow.s(), metered.s(1000)).send()
        told = await handle.result()
        store = self.store()
        store.hset(TOLD, {str(number): str(told)})
        await store.commit()

    def _broken(self, failure: Any) -> None:
        self.log.failure("sending broke", failure)


# The end ------------------------------------------------------------------------------------------


def ended(stage: Any) -> int:
    """How many chains have ended for who waits for them."""
    return int(stage.call("HLEN", stage.layouts[0].store("h", TOLD)))


def wrong_chains(stage: Any) -> list[str]:
    """What is not as it should be with the chains at the end, in words."""
    told = _hash(stage, TOLD)
    wanted = {str(n): str(n + 1000) for n in range(CHAINS)}
    problems = []
    if told != wanted:
        problems.append(
            f"{len(told)} of {CHAINS} chains ended, {len(told.items() - wanted.items())} wrong"
        )
    steps = {f"{n}:{name}": "1" for n in range(CHAINS) for name in ("begin", "narrow", "metered")}
    done = _hash(stage, DONE)
    if done != steps:
        wrong = sorted(set(done.items()) ^ set(steps.items()))
        problems.append(f"steps not done once: {wrong[:5]}")
    runs = list(_runs(runs_beside(stage.crew.record)))
    most = _most_abreast([run for run in runs if run[2] == "narrow"], stage.deaths)
    if most != ABREAST:
        problems.append(f"{most} ran abreast, of {ABREAST} that may")
    begun = sorted(at for at, what, name, *_ in runs if what == "+" and name == "metered")
    # Half a period, since a call begins some time after it was taken.
    busiest = max(sum(at <= each < at + PERIOD / 2 for each in begun) for at in begun)
    if busiest > RATE:
        problems.append(f"{busiest} began in half a period, of {RATE} that may in a whole one")
    return problems


def _hash(stage: Any, name: str) -> dict[str, str]:
    flat = [part.decode() for part in stage.call("HGETALL", stage.layouts[0].store("h", name))]
    return dict(zip(flat[::2], flat[1::2], strict=True))


Run = tuple[float, str, str, int, str]


def _runs(file: Path) -> Iterator[Run]:
    for line in file.read_text(encoding="utf-8").splitlines():
        at, what, name, pid, id = line.split()
        yield float(at), what, name, int(pid), id


def _most_abreast(runs: list[Run], deaths: list[tuple[float, int]]) -> int:
    """The most that ran at the same time; who was killed ran no more."""
    events: list[tuple[float, str, int, str]] = [
        (at, what, pid, id) for at, what, _, pid, id in runs
    ]
    events += [(at, "x", pid, "") for at, pid in deaths]
    running: Counter[tuple[int, str]] = Counter()
    most = 0
    for _, what, pid, id in sorted(events):
        if what == "+":
            running[pid, id] = 1
        elif what == "-":
            del running[pid, id]
        else:
            for key in [key for key in running if key[0] == pid]:
                del running[key]
        most = max(most, len(running))
    return most
