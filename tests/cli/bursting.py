"""Tasks for the tests of bursts."""

from __future__ import annotations

from pipeline.errors import PermanentFailure, TemporaryFailure
from pipeline.tasks.current import current_task
from pipeline.tasks.registry import task


@task()
async def add(number: int) -> int:
    """Succeed."""
    return number + 1


@task(retries=1, backoff=2)
async def flaky() -> None:
    """Succeed at the second try."""
    call = current_task()
    if call is not None and call.attempt == 1:
        raise TemporaryFailure("not yet")


@task()
async def hopeless() -> None:
    """Fail for good."""
    raise PermanentFailure("no")
