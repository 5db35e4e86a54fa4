"""Asking the person who typed the command."""

from __future__ import annotations

import select
import sys
from typing import Any

from twisted.internet.task import deferLater

from pipeline.errors import PipelineError

__all__ = ["confirmed"]

#: Seconds between two looks whether there is an answer.
LOOK_EVERY = 0.05


async def confirmed(question: str, clock: Any) -> None:
    """Ask before something is thrown away; Ctrl-C is an answer, too.

    :param question: ends with what may be answered.
    :param clock: the reactor.
    :raise PipelineError: the answer is no, or there is nobody to ask.
    """
    print(question, end="", file=sys.stderr, flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        await deferLater(clock, LOOK_EVERY)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise PipelineError("nothing is thrown away; --yes says yes beforehand")
