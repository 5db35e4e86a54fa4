"""Tasks with priorities and limits, for the tests."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from pipeline.errors import Drop, TemporaryFailure
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


@task(queue="work", ttl=60)
async def fleeting(n: int = 0) -> None:
    """Begin in a minute, or never; if negative, fail once."""
    ran.append(("fleeting", n))
    if n < 0 and ran.count(("fleeting", n)) == 1:
        raise TemporaryFailure("not yet")


@task(queue="work", unique="done", retries=1, backoff=5)
async def only(a: int, b: int = 0) -> int:
    """Be the only one of its kind until it is done; if negative, wait for a gate first."""
    ran.append(("only", a))
    if a < 0:
        await passing()
    if b == 1 and ran.count(("only", a)) == 1:
        raise TemporaryFailure("not yet")
    if b == 2:
        raise KeyError("never")
    if b == 3:
        raise Drop("not wanted")
    return a + b


@task(queue="work", unique="queued", unique_key=["user"])
async def refresh(user: str, why: str = "") -> None:
    """Wait at most once for each user."""
    ran.append(("refresh", user, why))
    await passing()


@task(queue="work")
async def asks(a: int) -> int:
    """Send the same unique call twice; how many were new."""
    handles = [await only.send(a), await only.send(a)]
    assert handles[0].id == handles[1].id or not handles[0].is_new
    return sum(handle.is_new for handle in handles)
