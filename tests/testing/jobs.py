"""Tasks that the tests of the helper for tasks run."""

from __future__ import annotations

import threading
from typing import Any
from uuid import UUID

from twisted.internet.task import deferLater

from pipeline.tasks import task
from pipeline.tasks.current import current_task

__all__ = [
    "double",
    "flaky",
    "fragile",
    "heavy",
    "nap",
    "parents",
    "pool",
    "runs_others",
    "shipped",
    "slow",
    "waits_for_another",
]

#: What :func:`nap` sleeps on, and what :func:`runs_others` calls.
pool: dict[str, Any] = {}


@task(queue="helped")
def double(number: int) -> int:
    return 2 * number


@task(queue="helped", retries=2, backoff=10)
async def flaky() -> str:
    call = current_task()
    assert call is not None
    if call.attempt < 3:
        raise OSError(f"try {call.attempt}")
    return "at last"


@task(queue="helped", retries=0)
def fragile(what: str, *, loud: bool = False) -> None:
    raise ValueError(what.upper() if loud else what)


@task(queue="helped", isolation="process")
def heavy(order: UUID) -> tuple[str, str]:
    return type(order).__name__, threading.current_thread().name


@task(queue="helped")
async def nap(seconds: float) -> str:
    await deferLater(pool["clock"], seconds)
    return "slept"


@task(queue="helped_too")
def parents(number: int) -> str:
    handle = double.send_from_thread(number)
    return handle.id


@task(queue="helped", rate_limit="1/s")
def slow(number: int) -> int:
    return number


@task(queue="helped", unique="done")
def waits_for_another(number: int) -> int:
    result: int = double.send_sync(number).result_sync(1)
    return result


@task(queue="helped", retries=0)
def runs_others() -> None:
    pool["run"]()


@task(queue="helped", ttl=60)
async def shipped(order: int) -> int:
    return order
