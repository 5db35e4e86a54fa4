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
#: The hash of what was handled: slot -> how often.
HANDLED = "slots"


@task(queue=CONNECTOR, reentrant=True)
async def tick() -> None:
    """Take some time, and count the slot."""
    from twisted.internet import reactor

    call, delivery = current_task(), current.get()
    assert call is not None and delivery is not None
    await deferLater(reactor, 0.2)
    delivery.store.hincr(HANDLED, str(call.slot))


tick.schedule(every(1), name="tick", singleton=False, missed="all")


def timed(plan: Plan, runtime: Runtime) -> TaskApplication:
    """A worker that keeps the schedule and handles its calls."""
    options = {
        "transport_name": CONNECTOR,
        "tasks": [__name__],
        "max_deaths": plan.max_deaths,
    }
    return TaskApplication("timed", options, runtime)


def slots_amiss(stage: Any) -> list[str]:
    """What is not as it should be with the slots at the end, in words."""
    layout = stage.layouts[0]
    raw = stage.call("HGET", layout.store("h", schedule_key(CONNECTOR)), "tick")
    state = parsed(raw)
    if state is None or state.calls < 2:
        return [f"the schedule was not kept: {raw!r}"]
    handled = Counter(_handled(stage, layout))
    handled.update(_waiting(stage, layout))
    expected = range(min(handled, default=0), state.position + 1, SECOND)
    lost = [slot for slot in expected if slot not in handled]
    twice = [slot for slot, count in handled.items() if count > 1]
    problems = [
        f"{len(slots)} slots {what}: {slots[:5]}"
        for what, slots in (("lost", lost), ("called twice", twice))
        if slots
    ]
    if state.missed or state.calls != len(expected):
        problems.append(f"{len(expected)} slots came, but the schedule says {state}")
    return problems


def _handled(stage: Any, layout: Any) -> dict[int, int]:
    flat = stage.call("HGETALL", layout.store("h", HANDLED))
    return {int(slot): int(count) for slot, count in zip(flat[::2], flat[1::2], strict=True)}


def _waiting(stage: Any, layout: Any) -> list[int]:
    """The slots whose calls were handed back when the workers ended."""
    entries = stage.call("XRANGE", layout.stream(TIMED), "-", "+")
    payloads = [dict(zip(flat[::2], flat[1::2], strict=True))[b"m"] for _, flat in entries]
    return [slot_of(Codec().decode(payload)) or 0 for payload in payloads]
