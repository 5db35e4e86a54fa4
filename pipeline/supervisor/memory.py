"""How much memory a process has."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["memory_of"]

#: Seconds that ``ps`` may take.
_PATIENCE = 2.0


def memory_of(pid: int) -> int | None:
    """The bytes that are resident; None when it has ended, or nobody knows.

    On Linux from ``/proc``; elsewhere ``ps`` is asked, which takes some milliseconds.
    """
    if Path("/proc/self/statm").exists():
        return _from_proc(pid)
    return _from_ps(pid)


def _from_proc(pid: int) -> int | None:
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _from_ps(pid: int) -> int | None:
    try:
        told = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return None
    return int(told) * 1024 if told.isdigit() else None
