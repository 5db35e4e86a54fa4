"""What a child owes to its worker: to end with it, and to leave signals to it."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from pipeline.tasks.processes.interruption import Interruption
from pipeline.tasks.processes.problems import rebuilt
from pipeline.tasks.processes.wire import CALLS, CONTROL, REPORTS, Frames, OnControl

__all__ = ["bind_to", "listen", "memory"]

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_STATM = "/proc/self/statm"


def bind_to(parent: int) -> None:
    """Die when the worker dies, and by nothing else that is sent to both.

    The child leads a process group, so that what a task has started is killed with it.

    :param parent: the worker's process id.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it has died already
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        # No SIG_IGN: what a task starts would inherit that.
        signal.signal(number, _left_to_the_worker)
    for fd in (CALLS, REPORTS, CONTROL):
        os.set_inheritable(fd, False)


def _left_to_the_worker(number: int, frame: Any) -> None:
    pass


def listen(interruption: Interruption) -> None:
    """Pass on what the worker has to say to the task; end when the worker does."""
    threading.Thread(target=_listen, args=(interruption,), name="control", daemon=True).start()


def _listen(interruption: Interruption) -> None:
    frames: Frames[Any] = Frames(OnControl)
    while data := os.read(CONTROL, 64 * 1024):
        for told in frames.feed(data):
            interruption.tell(told.number, rebuilt(told.problem))
    os._exit(0)


def memory() -> Callable[[], int]:
    """What gives the bytes of memory that this process has: now, on Linux; else at most so far."""
    try:
        fd = os.open(_STATM, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    page = os.sysconf("SC_PAGE_SIZE")
    return lambda: int(os.pread(fd, 256, 0).split()[1]) * page
