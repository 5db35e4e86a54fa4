"""How a message is to be tried out, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.explain.trace.happening import Happening

__all__ = ["Traced", "Wishes"]

#: Results of steps after which not all is well.
_FAILED = ("error", "dead letter", "waiting")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a message is to be tried out.

    :param worker: the name of the only worker to be tried; None: all of them, as the message goes.
    :param connector: the name of the connector where it enters; None: the likeliest.
    :param direction: ``consume`` or ``publish``; None: the likeliest.
    :param handle: also run what applications do with it.
    :param wait: seconds of the clock that handlers may wait, in all.
    :param patience: real seconds for what needs no clock, as a thread.
    :param most: steps.
    """

    worker: str | None = None
    connector: str | None = None
    direction: str | None = None
    handle: bool = False
    wait: float = 60.0
    patience: float = 5.0
    most: int = 500


@dataclass(slots=True)
class Traced:
    """What came of it.

    :param entrance: where the message entered: ``worker``, ``connector``, ``direction``, ``kind``.
    :param message: as it entered.
    :param happened: in order.
    :param is_whole: nothing was still waiting, and nothing was left out.
    :param waited: seconds of the clock that passed.
    :param left: what waits in the end, by queue: read by nobody here, or to be tried again later.
    :param problem: why it is not whole; ``""`` if it is.
    :param troubles: what went wrong when all was taken down.
    """

    entrance: dict[str, str]
    message: Any
    happened: list[Happening]
    is_whole: bool
    waited: float
    left: dict[str, dict[str, int]]
    problem: str = ""
    troubles: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether an error happened on the way or at the end, or it is not whole."""
        failed = any(each.result in _FAILED for each in self.happened)
        return failed or not self.is_whole or bool(self.troubles)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ok": not self.failed,
            "entrance": self.entrance,
            "message": self.message,
            "steps": [each.as_json() for each in self.happened],
            "waited": self.waited,
            "left": self.left,
            "problem": self.problem,
            "troubles": self.troubles,
        }
