"""Tasks for trying the framework: one that works, one that stumbles, one that can't."""

from __future__ import annotations

from pipeline.delivery import delivery_in_hand
from pipeline.errors import PermanentFailure, TemporaryFailure
from pipeline.tasks.registry import task

__all__ = ["add", "hopeless", "shaky"]


@task(name="add")
async def add(a: float, b: float) -> float:
    """The sum of two numbers."""
    return a + b


@task(name="shaky")
async def shaky(name: str = "Ada") -> str:
    """Fails when it is tried for the first time, and works the second time."""
    if delivery_in_hand().attempt == 1:
        raise TemporaryFailure("the mail server is busy")
    return f"mail sent to {name}"


@task(name="hopeless")
async def hopeless(name: str = "Ada") -> str:
    """Fails for good: trying again would not help, so it becomes a dead letter."""
    raise PermanentFailure(f"there is no such person: {name}")
