"""The garbage collector of a process that handles messages."""

from __future__ import annotations

import gc
from typing import Any

__all__ = ["SELDOM", "collect_seldom"]

#: When the collector looks at what is young: so many containers have been made since, and not let
#: go. Then how often it has looked before it looks at what is older, and at what is older still.
SELDOM = (20_000, 20, 50)


def collect_seldom(reactor: Any) -> None:
    """Let the collector look less often, once the reactor runs.

    A message is a dozen containers, all of which are let go when it is settled, as nothing of
    the framework's names itself in a circle. Python's own setting looks at them every sixty
    messages, finds nothing, and takes a third of the time that a message needs. What was loaded
    until now stays for ever: it isn't looked at any more.

    :param reactor: the one that will run.
    """
    reactor.callWhenRunning(_seldom)


def _seldom() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
