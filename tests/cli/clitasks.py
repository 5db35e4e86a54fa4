"""Tasks for the tests of ``pipeline tasks``."""

from __future__ import annotations

import time
from pathlib import Path

from pipeline.errors import PermanentFailure
from pipeline.tasks.registry import task
from pipeline.tasks.states.progress import report_progress


@task(name="add", keep_result=60)
async def add(a: int, b: int = 0) -> int:
    """Add."""
    return a + b


@task(name="slow")
def slow(seconds: float) -> str:
    """Take its time, and say so."""
    for tenth in range(round(seconds * 10)):
        report_progress(tenth, seconds * 10, "sleeping")
        time.sleep(0.1)
    return "done"


@task(name="needs")
async def needs(file: str) -> str:
    """Fail for good where a file is not there."""
    if not Path(file).exists():
        raise PermanentFailure(f"there is no {file}")
    return "found"
