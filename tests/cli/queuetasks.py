"""Tasks for the tests of ``pipeline queues``, with names that no others have."""

from __future__ import annotations

from twisted.internet import defer

from pipeline.tasks.registry import task


@task(name="queues.double")
async def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@task(name="queues.endless")
async def endless() -> None:
    """Run until it is cancelled."""
    await defer.Deferred()
