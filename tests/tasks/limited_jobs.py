"""Tasks with priorities and limits, for the tests."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.tasks.registry import task
from tests.tasks.jobs import gates, ran


def passing() -> Deferred[None]:
    """A gate to wait for."""
    gate: Deferred[None] = Deferred()
    gates.append(gate)
    return gate


@task(queue="work", priority="low")
async def calm(n: int) -> None:
    """Let others go first; if negative, wait for a gate."""
    ran.append(("calm", n))
    if n < 0:
        await passing()


@task(queue="work", priority="high")
async def urgent(n: int) -> None:
    """Go before others; if negative, wait for a gate."""
    ran.append(("urgent", n))
    if n < 0:
        await passing()


@task(queue="work", concurrency=2)
async def narrow() -> None:
    """Wait for a gate, two at a time."""
    ran.append("narrow")
    await passing()


@task(queue="work", rate_limit="3/10s")
async def metered(n: int) -> None:
    """Run three times in ten seconds."""
    ran.append(("metered", n))
