"""Helpers for tests of what is built with pipeline, and the suites that its parts must pass.

Each name is loaded when it is first asked for. ``pipeline.testing.contracts`` are the suites,
``pipeline.testing.server`` has real servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.lazy import loader

if TYPE_CHECKING:
    from pipeline.testing.applications import ApplicationHelper as ApplicationHelper
    from pipeline.testing.cases import PipelineTestCase as PipelineTestCase
    from pipeline.testing.dispatchers import DispatcherHelper as DispatcherHelper
    from pipeline.testing.messages import MessageHelper as MessageHelper
    from pipeline.testing.middleware import MiddlewareHelper as MiddlewareHelper
    from pipeline.testing.overriding import override_config as override_config
    from pipeline.testing.places import InMemory as InMemory
    from pipeline.testing.places import OnServer as OnServer
    from pipeline.testing.recording import RecordingMiddleware as RecordingMiddleware
    from pipeline.testing.recording import passages as passages
    from pipeline.testing.tasks import TaskHelper as TaskHelper
    from pipeline.testing.transports import TransportHelper as TransportHelper
    from pipeline.testing.workers import WorkerHelper as WorkerHelper

#: The module of each name.
_HOMES = {
    "ApplicationHelper": "applications",
    "DispatcherHelper": "dispatchers",
    "InMemory": "places",
    "MessageHelper": "messages",
    "MiddlewareHelper": "middleware",
    "OnServer": "places",
    "PipelineTestCase": "cases",
    "RecordingMiddleware": "recording",
    "TaskHelper": "tasks",
    "TransportHelper": "transports",
    "WorkerHelper": "workers",
    "override_config": "overriding",
    "passages": "recording",
}

__all__ = [*_HOMES]  # the names are texts


__getattr__ = loader(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
