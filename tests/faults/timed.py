"""A schedule of a second: each slot is to be handled once, whoever of those that keep it dies."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.task import deferLater

from pipeline.applications.tasks import TaskApplication
from pipeline.codec import Codec
from pipeline.delivery import current
from pipeline.tasks.current import current_task
from pipeline.tasks.registry import task
from pipeline.tasks.schedule import scheduler
from pipeline.tasks.schedule.every import every
from pipeline.tasks.schedule.slot import slot_of
from pipeline.tasks.schedule.state import parsed, schedule_key
from pipeline.worker import Runtime
from tests.faults.plan import Plan

__all__ = ["TIMED", "slots_amiss", "timed"]

#: The connector of the schedule, and its queue.
CONNECTOR, TIMED = "timed", "timed.inbound"
#: The interval in ms.
SECOND = 1000
#: The entries.
NAMES = ("one", "two", "three", "four")
#: The hash of what was handled of an entry: slot -> how often.
HANDLED = "slots:{}"


@task(queue=CONNECTOR, reentrant=True)
async def tick(name: str) -> None:
    """Take some time, and count the slot."""
    from twisted.internet import reactor

    call, delivery = current_task(), current.get()
    assert call is not None and delivery is not None
    await deferLater(reactor, 0.2)
    delivery.store.hincr(HANDLED.format(name), str(call.slot))


for _name in NAMES:
    tick.schedule(every(1), args=[_name], name=_name, singleton=False, missed="all")


def timed(plan: Plan, runtime: Runtime) -> TaskApplication:
    """A worker that keeps the schedule and handles its calls."""
    # All come at the same time, so that every slot has several takers.
    scheduler.BEHIND = (0.0, 0.002)
    options = {
        "transport_name": CONNECTOR,
        "tasks": [__name__],
        "max_deaths": plan.max_deaths,
    }
    return TaskApplication("timed", options, runtime)


def slots_amiss(stage: Any) -> list[str]:
    """What is not as it should be with the slots at the end, in words."""
    layout = stage.layouts[0]
    waiting = _waiting(stage, layout)
    return [problem for name in NAMES for problem in _amiss(stage, layout, name, waiting)]


def _amiss(stage: Any, layout: Any, name: str, waiting: list[tuple[str, int]]) -> list[str]:
    raw = stage.call("HGET", layout.store("h", schedule_key(CONNECTOR)), name)
    state = parsed(raw)
    if state is None or state.calls < 2:
        return [f"{name} was not kept: {raw!r}"]
    handled = Counter(_handled(stage, layout, name))
    handled.update(slot for of, slot in waiting if of == name)
    expected = range(min(handled, default=0), state.position + 1, SECOND)
    lost = [slot for slot in expected if slot not in handled]
    twice = [slot for slot, count in handled.items() if count > 1]
    problems = [
        f"{len(slots)} slots of {name} {what}: {slots[:5]}"
        for what, slots in (("lost", lost), ("called twice", twice))
        if slots
    ]
    if state.missed or state.calls != len(expected):
        problems.append(f"{len(expected)} slots of {name} came, but it says {state}")
    return problems


def _handled(stage: Any, layout: Any, name: str) -> dict[int, int]:
    flat = stage.call("HGETALL", layout.store("h", HANDLED.format(name)))
    return {int(slot): int(count) for slot, count in zip(flat[::2], flat[1::2], strict=True)}


def _waiting(stage: Any, layout: Any) -> list[tuple[str, int]]:
    """The slots whose calls were handed back when the workers ended."""
    entries = stage.call("XRANGE", layout.stream(TIMED), "-", "+")
    payloads = [dict(zip(flat[::2], flat[1::2], strict=True))[b"m"] for _, flat in entries]
    calls = [Codec().decode(payload) for payload in payloads]
    return [(call.args[0], slot_of(call) or 0) for call in calls]
