"""Calls that run in child processes, and each sends another: what becomes of them is counted."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.applications.tasks import TaskApplication
from pipeline.delivery import current
from pipeline.errors import TaskFailed
from pipeline.tasks.registry import task
from pipeline.worker import Runtime
from tests.faults.chained import Chainer
from tests.faults.plan import Plan

__all__ = ["CALLS", "Asker", "answered", "children_of", "is_running", "isolated", "outcomes_amiss"]

CONNECTOR = "isolated"
#: How many calls are sent, and how many in a second.
CALLS, EVERY = 300, 30
#: Hashes in the store: how often each call was answered, with what, and how often it has sent.
ANSWERED, ANSWERS, SENT = "answered", "answers", "sent"
#: What a call may fail with: its child was killed, or its worker was.
DEATHS = {"TaskAborted: its process died: signal 9", "TaskAborted: Worker died"}


@task(queue=CONNECTOR, name="isolated", isolation="process")
def alone(n: int) -> int:
    """Send another call in the middle of some work."""
    time.sleep(0.03)
    count.send_from_thread(n)
    time.sleep(0.03)
    return n


@task(queue=CONNECTOR, name="count", reentrant=True)
async def count(n: int) -> None:
    """Count what was sent."""
    delivery = current.get()
    assert delivery is not None
    delivery.store.hincr(SENT, str(n))


def isolated(plan: Plan, runtime: Runtime) -> TaskApplication:
    """A worker with three children, each of which is replaced now and then anyway."""
    options = {
        "transport_name": CONNECTOR,
        "tasks": [__name__],
        "max_deaths": plan.max_deaths,
        "processes": 3,
        "recycle_calls": 20,
    }
    return TaskApplication("isolated", options, runtime)


class Asker(Chainer):
    """Sends the calls, each once, and counts what it is told of each."""

    count, every = CALLS, EVERY

    async def _send(self, number: int) -> None:
        handle = await alone.send(number)
        try:
            told = str(await handle.result())
        except TaskFailed as error:
            told = str(error)
        store = self.store()
        store.hincr(ANSWERED, str(number))
        store.hset(ANSWERS, {str(number): told})
        await store.commit()


def children_of(pid: int) -> list[int]:
    """The processes that a process has started, and that run."""
    return [child for child, parent, state in _processes() if parent == pid and state != "Z"]


def is_running(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    return any(child == pid and state != "Z" for child, _, state in _processes())


def _processes() -> Iterator[tuple[int, int, str]]:
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text(encoding="utf-8")
        except OSError:  # it has ended meanwhile
            continue
        state, parent = stat.rpartition(")")[2].split()[:2]
        yield int(entry), int(parent), state


# The end ------------------------------------------------------------------------------------------


def answered(stage: Any) -> int:
    """How many calls have ended for who waits for them."""
    return int(stage.call("HLEN", stage.layouts[0].store("h", ANSWERED)))


def outcomes_amiss(stage: Any) -> list[str]:
    """What is not as it should be with the calls at the end, in words."""
    numbers = {str(n) for n in range(CALLS)}
    times, answers, sent = (_hash(stage, name) for name in (ANSWERED, ANSWERS, SENT))
    good = {n for n, told in answers.items() if told == n}
    failed = Counter(told for n, told in answers.items() if n not in good)
    problems = []
    if times != dict.fromkeys(numbers, "1"):
        problems.append(f"{len(times)} of {CALLS} calls answered, or one more than once")
    if failed.keys() - DEATHS:
        problems.append(f"calls failed otherwise than by a death: {failed}")
    if not good or not failed:
        problems.append(f"{len(good)} went well and {len(failed)} did not: this proves nothing")
    if sent != dict.fromkeys(good, "1"):
        wrong = sorted(set(sent.items()) ^ {(n, "1") for n in good})
        problems.append(f"what calls have sent is not there once: {wrong[:5]}")
    if (dead := _dead(stage)) != sum(failed.values()):
        problems.append(f"{dead} dead letters of {sum(failed.values())} that have failed")
    return problems


def _hash(stage: Any, name: str) -> dict[str, str]:
    flat = [part.decode() for part in stage.call("HGETALL", stage.layouts[0].store("h", name))]
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _dead(stage: Any) -> int:
    return int(stage.call("XLEN", stage.layouts[0].stream(f"!{CONNECTOR}.inbound")))
