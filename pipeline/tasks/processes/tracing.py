"""The trace of a call, in the child that runs it."""

from __future__ import annotations

from twisted.logger import Logger

from pipeline.errors import ConfigError
from pipeline.observe.carrying import Carried

__all__ = ["join"]

_log = Logger("pipeline.tracing")


def join(where: Carried) -> None:
    """Let spans that begin from now on, in this context, be in the trace of the call.

    Nothing fails for it: a call is worth more than its trace.
    """
    from pipeline.observe.exporting import set_up
    from pipeline.observe.tracing import Tracing

    try:
        set_up(where.service)
    except ConfigError as error:
        _log.warn("spans of tasks go nowhere: {error}", error=error)
    Tracing().enter(where.context)
