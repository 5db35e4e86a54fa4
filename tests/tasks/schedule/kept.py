"""A task with a schedule in the code."""

from __future__ import annotations

from pipeline.tasks.registry import task
from pipeline.tasks.schedule.cron import cron
from pipeline.tasks.schedule.every import every
from tests.tasks.schedule.jobs import note


@task(queue="work")
async def noted(text: str) -> None:
    """Note the slot."""
    await note()


noted.schedule(every(minutes=10), args=["a"])
noted.schedule(cron("0 4 * * *"), kwargs={"text": "b"}, name="nightly")
