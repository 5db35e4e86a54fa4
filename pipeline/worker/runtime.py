"""What the workers of a process have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pipeline.observe.meter import Meter

__all__ = ["Runtime"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """What all workers of a process share.

    :param broker: an :class:`~pipeline.interfaces.IBroker`, started by who made it.
    :param codec: an :class:`~pipeline.interfaces.ICodec`.
    :param clock: the reactor, or a Clock.
    :param namespace: the name of the system.
    :param debug: whether to show what helps while developing, and be slower.
    :param folder: of the configuration's file; paths in it begin there. None: the current one.
    :param keep_task_states: seconds that calls of tasks are remembered after their end;
        0: no states are kept.
    :param dry_run: a message is only tried out, as by ``pipeline trace``: nothing may reach outside
        of this process, as a mail or a request would.
    :param meter: the :class:`~pipeline.observe.meter.Meter` that counts and times what they do;
        None: nothing does.
    :param tracing: a :class:`pipeline.observe.tracing.Tracing`; None: nothing is traced.
    :param stop: called by a worker that has done all there was to do, to end the whole process in
        good order, as a signal would.
    """

    broker: Any
    codec: Any
    clock: IReactorTime
    namespace: str = ""
    debug: bool = False
    folder: Path | None = None
    keep_task_states: float = 3600.0
    dry_run: bool = False
    stop: Callable[[], None] = lambda: None
    meter: Meter | None = None
    tracing: Any = None
