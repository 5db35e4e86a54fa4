"""Small processes that do what those of a supervisor do, without all that they import."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from pipeline.supervisor.child import Start

#: An open ``/dev/null``, for all of them.
NULL = os.open(os.devnull, os.O_RDWR)

_BEGIN = """
import os, signal, sys, time
def said(text): os.write(2, text.encode())
def end(*_): said("asked to end\\n"); os._exit(0)
"""
#: Gets ready, says what it was told to say, and ends when it is asked to.
READY = "signal.signal(15, end); os.write(4, b'.r'); said(SAID + '\\n'); time.sleep(120)"
#: Begins, never gets ready, and doesn't listen.
DEAF = "signal.signal(15, signal.SIG_IGN); os.write(4, b'.'); time.sleep(120)"
#: Ends with the supervisor, as real ones do.
FAITHFUL = "os.write(4, b'.r'); told = os.read(3, 1); said(f'told {told}\\n'); os._exit(7)"
#: Has done all there was.
DONE = "os.write(4, b'.rd'); said('the last'); os._exit(0)"
#: Crashes at once.
CRASH = "said('what a pity\\n'); os._exit(3)"
#: Found its configuration to be wrong.
WRONG = "os._exit(78)"
#: Leaves somebody behind who has its pipes.
PARENT = "os.write(4, b'.r'); os.fork() and os._exit(5); os.read(3, 1)"


def small(
    program: str, number: int = 1, said: str = "", sockets: Mapping[str, int] | None = None
) -> Start:
    """How to start one."""
    code = f"{_BEGIN}\nSAID = {said!r}\n{program}"
    command = [sys.executable, "-I", "-S", "-c", code]
    return Start(number, command, sockets or {}, {}, NULL)
