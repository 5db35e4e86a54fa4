"""Shows how far the workers of a system are that have something to end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO, TypeVar

from twisted.internet.task import LoopingCall

from pipeline.cli.progress import Progress

__all__ = ["Bar"]

#: Seconds between two looks.
EVERY = 0.2

SystemT = TypeVar("SystemT")


class Bar:
    """One bar for all that is under way in this process, as a replay; on a terminal only.

    A worker takes part if it has an attribute ``progress``, as
    :class:`pipeline.transports.progress.Progress`.

    :param stream: where it is drawn.
    :param clock: the reactor.
    """

    def __init__(self, stream: TextIO, clock: Any) -> None:
        self._is_watched = stream.isatty()
        self._drawn = Progress(stream, 0, clock.seconds)
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self._parts: tuple[Any, ...] = ()

    def watch(self, system: SystemT) -> SystemT:
        """Look at a system's workers from now on; the system."""
        self._parts = system.parts  # type: ignore[attr-defined]  # a System
        if self._is_watched:
            self._looking.start(EVERY, now=False)
        return system

    def clear(self) -> None:
        """Take the bar away, so that something else can be written."""
        self._drawn.clear()

    def _look(self) -> None:
        found = list(self._found())
        done, total = sum(each.done for each in found), sum(each.total for each in found)
        if total and done >= total:
            self._drawn.clear()
        elif total:
            self._drawn.reach(done, total)

    def _found(self) -> Iterator[Any]:
        for part in self._parts:
            progress = getattr(getattr(part.owner, "worker", None), "progress", None)
            if progress is not None:
                yield progress
