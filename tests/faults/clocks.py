"""A clock that is wrong, as on a host whose time is set while it runs."""

from __future__ import annotations

import json
import os
import time

__all__ = ["JUMPS", "set_wrong"]

#: The variable with the jumps, as JSON: a list of [seconds after the start, seconds off].
JUMPS = "PIPELINE_FAULTS_CLOCK"


def set_wrong() -> None:
    """Let the time of this process jump as its environment says.

    To be called before Twisted is imported, which keeps ``time.time`` for itself. The monotonic
    clock stays right, as it does on a real host.
    """
    jumps: list[tuple[float, float]] = json.loads(os.environ.get(JUMPS, "[]"))
    if not jumps:
        return
    right, steady = time.time, time.monotonic
    since = steady()

    def wrong() -> float:
        off = [shift for at, shift in jumps if steady() - since >= at]
        return right() + (off[-1] if off else 0.0)

    time.time = wrong
