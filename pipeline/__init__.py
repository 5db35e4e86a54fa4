"""Messages through middleware over Redis, each settled exactly once, on Twisted.

Here are the names that most programs need. Each is loaded when it is first asked for, so that
importing the package costs nothing, and leaves the choice of the reactor to the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lazy import loader

if TYPE_CHECKING:
    from pipeline.applications.base import Application as Application
    from pipeline.dispatchers.base import Dispatcher as Dispatcher
    from pipeline.errors import Drop as Drop
    from pipeline.errors import Respond as Respond
    from pipeline.errors import RetryLater as RetryLater
    from pipeline.message import EventMessage as EventMessage
    from pipeline.message import FailureMessage as FailureMessage
    from pipeline.message import StatusMessage as StatusMessage
    from pipeline.message import TaskMessage as TaskMessage
    from pipeline.message import UserMessage as UserMessage
    from pipeline.middleware.base import ApplicationMiddleware as ApplicationMiddleware
    from pipeline.middleware.base import BaseMiddleware as BaseMiddleware
    from pipeline.middleware.base import TransportMiddleware as TransportMiddleware
    from pipeline.middleware.stack import MiddlewareStack as MiddlewareStack
    from pipeline.outcome import DeadLetter as DeadLetter
    from pipeline.outcome import Done as Done
    from pipeline.outcome import Retry as Retry
    from pipeline.service.connect import connect as connect
    from pipeline.service.connect_sync import connect_sync as connect_sync
    from pipeline.signals import Signal as Signal
    from pipeline.signals import receiver as receiver
    from pipeline.tasks.registry import task as task
    from pipeline.transports.base import Transport as Transport

__version__ = "0.1.0"

#: The module of each public name.
_HOMES = {
    "Application": "applications.base",
    "ApplicationMiddleware": "middleware.base",
    "BaseMiddleware": "middleware.base",
    "DeadLetter": "outcome",
    "Dispatcher": "dispatchers.base",
    "Done": "outcome",
    "Drop": "errors",
    "EventMessage": "message",
    "FailureMessage": "message",
    "MiddlewareStack": "middleware.stack",
    "Respond": "errors",
    "Retry": "outcome",
    "RetryLater": "errors",
    "Signal": "signals",
    "StatusMessage": "message",
    "TaskMessage": "message",
    "Transport": "transports.base",
    "TransportMiddleware": "middleware.base",
    "UserMessage": "message",
    "connect": "service.connect",
    "connect_sync": "service.connect_sync",
    "receiver": "signals",
    "task": "tasks.registry",
}

__all__ = ["__version__", *_HOMES]  # the names are texts


__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
