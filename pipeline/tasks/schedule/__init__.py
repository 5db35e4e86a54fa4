"""Calls of tasks at given times.

::

    from pipeline.tasks import task
    from pipeline.tasks.schedule import cron

    @task(queue="reports")
    async def report(to: str) -> None: ...

    report.schedule(cron("5 4 * * *", timezone="Europe/Berlin"), args=["all@example.org"])

Every worker that runs the task keeps the schedule, and each slot is called once.
"""

from __future__ import annotations

from pipeline.tasks.schedule.cron import cron, crontab, once_per_day
from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.every import every, run_every
from pipeline.tasks.schedule.state import EntryState, read_schedule

__all__ = [
    "Entry",
    "EntryState",
    "cron",
    "crontab",
    "every",
    "once_per_day",
    "read_schedule",
    "run_every",
]
