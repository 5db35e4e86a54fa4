"""A rhythm in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.config.quantities import parse_duration
from pipeline.errors import ConfigError

__all__ = ["Every", "every", "run_every"]

#: The shortest and the longest interval, in seconds.
SHORTEST, LONGEST = 1.0, 366 * 86400.0


@dataclass(frozen=True)
class Every:
    """A slot every so often; a :class:`~pipeline.tasks.schedule.when.When`.

    :param interval: in ms.
    :param start: the first slot, in ms since the epoch; None: slots are multiples of the interval
        since the epoch, so an hour's are at full hours of UTC.
    """

    interval: int
    start: int | None = None

    def after(self, ms: int) -> int | None:
        """See :meth:`~pipeline.tasks.schedule.when.When.after`."""
        if self.start is not None and ms < self.start:
            return self.start
        base = self.start or 0
        return base + ((ms - base) // self.interval + 1) * self.interval

    def __str__(self) -> str:
        text = f"every {self.interval / 1000:g} s"
        if self.start is None:
            return text
        return f"{text} from {datetime.fromtimestamp(self.start / 1000, UTC).isoformat()}"


def every(
    interval: float | str | timedelta = 0,
    *,
    days: float = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
    start_at: datetime | None = None,
) -> Every:
    """A slot every so often, whatever the clocks on the wall do.

    Slots are multiples of the interval since 1970 in UTC, so they are the same after a restart.

    :param interval: seconds, or as ``"90s"``, ``"5m"``, ``"1h"``, or a timedelta; the others are
        added to it.
    :param start_at: the first slot, with a time zone; the others are counted from there.
    :raise ConfigError: it is shorter than a second or longer than 366 days, or ``start_at`` has no
        zone.
    """
    whole = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds).total_seconds()
    whole += _seconds(interval)
    if not (math.isfinite(whole) and SHORTEST <= whole <= LONGEST):
        raise ConfigError(f"every: expected 1 second to 366 days, got {whole:g} s")
    return Every(round(whole * 1000), _start(start_at))


#: redis-tasks' name, with its ``hours``, ``minutes``, ``seconds`` and ``start_at``.
run_every = every


def _seconds(interval: float | str | timedelta) -> float:
    return interval.total_seconds() if isinstance(interval, timedelta) else parse_duration(interval)


def _start(start_at: datetime | None) -> int | None:
    if start_at is None:
        return None
    if not isinstance(start_at, datetime) or start_at.tzinfo is None:
        raise ConfigError(
            f"start_at: expected a date and time with a time zone, got {start_at!r}",
            hint="as datetime(2026, 1, 1, tzinfo=UTC), in YAML '2026-01-01T00:00:00Z'",
        )
    return round(start_at.timestamp() * 1000)
