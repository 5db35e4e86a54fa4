"""What a scenario is: it starts the chain, disturbs it while it is fed, and sets all right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.faults.stage import Stage

__all__ = ["ALWAYS", "SCENARIOS", "TAKEN_OVER", "Scenario", "scenario"]

#: A server that has on disk what it has acknowledged.
ALWAYS = ("--appendfsync", "always")
#: What a worker logs when it has declared another dead.
TAKEN_OVER = "took over"

Deaths = Literal["some", "none", "any"]


@dataclass(frozen=True)
class Scenario:
    """Something that breaks.

    :param play: breaks it.
    :param plan: what its plan has besides, see :func:`tests.faults.run.plan_for`.
    :param server: more arguments of the server.
    :param least: seconds that the messages are fed over, at least.
    :param deaths: whether workers are declared dead: they must be, may not be, or anything goes.
    """

    play: Callable[[Stage], None]
    plan: dict[str, Any] = field(default_factory=dict)
    server: tuple[str, ...] = ()
    deaths: Deaths = "any"
    least: float = 6.0

    @property
    def claim(self) -> str:
        """What it does, in a line."""
        return (self.play.__doc__ or "").splitlines()[0]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    server: tuple[str, ...] = (), deaths: Deaths = "any", least: float = 6.0, **plan: Any
) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Enter a function among the scenarios, under its name."""

    def enter(play: Callable[[Stage], None]) -> Callable[[Stage], None]:
        SCENARIOS[play.__name__] = Scenario(play, plan, server, deaths, least)
        return play

    return enter
