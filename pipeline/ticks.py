"""Moments that all who look again and again have in common: a process wakes once for all."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from twisted.internet.interfaces import IReactorTime

__all__ = ["TICK", "until_tick"]

#: Seconds between two ticks; who looks more seldom does so at every so many of them.
TICK = 0.2
#: When the ticks of each clock began. Processes start at different times, and so don't all ask one
#: server at once.
_origins: WeakKeyDictionary[IReactorTime, float] = WeakKeyDictionary()


def until_tick(clock: IReactorTime, every: float = TICK) -> float:
    """Seconds until the next tick, after at least a tenth of the time between two.

    A wake-up of a process that rests costs far more than what is done in it. What is to be done
    about so often is done at the same moments; what it sends goes out, and is answered, together.

    :param clock: whose ticks they are.
    :param every: seconds between two; multiples of :data:`TICK` meet.
    """
    now = clock.seconds()
    left = every - (now - _origins.setdefault(clock, now)) % every
    return left if left > every / 10 else left + every
