"""Tasks: functions that are called by message, in some worker, later.

::

    from pipeline.tasks import task

    @task(retries=3)
    async def send_mail(to: str, text: str) -> None: ...

    handle = await send_mail.send("a@example.org", text="hi")
    await handle.result(timeout=5)

A worker of :class:`pipeline.applications.tasks.TaskApplication` runs them.
"""

from __future__ import annotations

from pipeline.tasks.chain import chain
from pipeline.tasks.collecting import collect
from pipeline.tasks.current import CurrentTask, current_task
from pipeline.tasks.middleware import process_outcome, run_task
from pipeline.tasks.registry import Task, task
from pipeline.tasks.sender import bind, handle_of, unbind
from pipeline.tasks.shutdown import PostponeShutdown
from pipeline.tasks.states.progress import report_progress

__all__ = [
    "CurrentTask",
    "PostponeShutdown",
    "Task",
    "bind",
    "chain",
    "collect",
    "current_task",
    "handle_of",
    "process_outcome",
    "report_progress",
    "run_task",
    "task",
    "unbind",
]
