"""How another Python is run that finds the same modules as this one."""

from __future__ import annotations

import os
import sys

__all__ = ["command", "environment"]


#: What a service manager says to the process that it has started, and to no other.
_NOT_THEIRS = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


def command(module: str, *args: str) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-P", "-m", module, *args]


def environment(**more: str) -> dict[str, str]:
    """The environment for it, with more variables."""
    # Where a module is looked for is where we look, also for a script in another folder.
    path = os.pathsep.join(each or os.getcwd() for each in sys.path)
    ours = {key: value for key, value in os.environ.items() if key not in _NOT_THEIRS}
    return {**ours, "PYTHONPATH": path, **more}
