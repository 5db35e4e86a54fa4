"""A middleware that notes what passes it."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any, NamedTuple

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import KINDS
from pipeline.middleware.selection import DIRECTIONS, attach
from pipeline.worker import Worker

__all__ = ["Passage", "RecordingMiddleware", "passages"]

_numbers = itertools.count(1)


class Passage(NamedTuple):
    """A message that passed.

    :param number: higher for what passed later, in the whole process.
    :param middleware: the name of the middleware that it passed.
    :param direction: ``consume`` or ``publish``.
    :param kind: ``inbound``, ``outbound``, ``event``, ``failure`` or ``status``.
    :param connector_name: the connector's name.
    :param message: a copy of the message as it was then.
    """

    number: int
    middleware: str
    direction: str
    kind: str
    connector_name: str
    message: Any


class RecordingMiddlewareConfig(Config):
    """Options of the recording middleware."""

    mark = ConfigBool(
        "Also append its name, the kind and the connector to `record` in the message, as Vumi's.",
        default=False,
        static=True,
    )


class RecordingMiddleware(BaseMiddleware):
    """Lets everything pass, and notes it.

    :ivar passages: a :class:`Passage` for each message that passed, in order.
    """

    CONFIG_CLASS = RecordingMiddlewareConfig

    def setup_middleware(self) -> None:
        self.passages: list[Passage] = []
        for direction in DIRECTIONS:
            attach(self, direction, KINDS, partial(self._note, direction))

    def _note(self, direction: str, kind: str) -> Any:
        def handle(message: Any, connector_name: str) -> Any:
            seen = message.copy()
            self.passages.append(
                Passage(next(_numbers), self.name, direction, kind, connector_name, seen)
            )
            if self.config.mark:
                marks = message.extra.get("record", [])
                message.extra["record"] = [*marks, [self.name, kind, connector_name]]
            return message

        return handle


def passages(worker: Worker) -> list[Passage]:
    """What passed all the recording middlewares of a worker, in order."""
    recorders = [each for each in worker.middlewares if isinstance(each, RecordingMiddleware)]
    return sorted(passage for recorder in recorders for passage in recorder.passages)
