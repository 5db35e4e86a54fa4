"""Tasks that make up chains, for the tests; two of them on another queue."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from pipeline.errors import TemporaryFailure
from pipeline.tasks.chain import chain
from pipeline.tasks.registry import task
from tests.tasks.jobs import ran


@task(queue="work", keep_result=60)
async def first(n: int) -> int:
    """Begin with a number."""
    ran.append(("first", n))
    return n


@task(queue="work", retries=1, backoff=5)
async def twice(n: int, fail: int = 0) -> int:
    """Double a number; fail so many times before."""
    ran.append(("twice", n))
    if ran.count(("twice", n)) <= fail:
        raise TemporaryFailure("not yet")
    return 2 * n


@task(queue="work", concurrency=1)
async def plus(n: int, more: int, *, times: int = 1) -> int:
    """Add."""
    ran.append(("plus", n))
    return n + more * times


@task(queue="other", ttl=60)
async def elsewhere(n: int) -> str:
    """Be somewhere else."""
    ran.append(("elsewhere", n))
    return f"<{n}>"


@task(queue="work")
async def nobody() -> None:
    """Take no argument."""


@task(queue="work", unique="done")
async def single(n: int) -> None:
    """Be the only one."""


@task(queue="work")
async def tomorrow(day: date, days: int = 1) -> date:
    """The day after."""
    return day + timedelta(days)


@task(queue="work")
async def starts(n: int) -> Any:
    """Send a chain while a call is handled."""
    handle = await chain(first.s(n), twice.s()).send()
    return [step.id for step in handle.steps]
