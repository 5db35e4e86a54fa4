"""A rhythm by the clock on the wall, with its changes for daylight saving."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from pipeline.config.problems import suggestion
from pipeline.errors import ConfigError

__all__ = ["Cron", "cron", "crontab", "once_per_day"]

#: Seconds around a change of the clocks in which each minute is looked at by itself; no change is
#: as large.
NEAR = 3 * 3600

#: The longest text of a rhythm, in characters; a list of all minutes has room.
LONGEST = 500

_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

#: Any time will do: whether a rhythm ever comes is found by looking for its next slot.
_SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)

_TIME_OF_DAY = re.compile(r"([0-9]{1,2}):([0-9]{2})")


class Cron:
    """Slots as of a line in a crontab; a :class:`~pipeline.tasks.schedule.when.When`.

    When clocks change it does what Debian's cron does. Where minute and hour are told (neither
    begins with ``*``), a time that is left out comes right after the change, and one that is there
    twice comes the first time only. Else each minute whose local time fits is a slot: of what is
    left out there are none, of what is there twice there are two.

    :param text: five fields.
    :param zone: whose clock it is.
    """

    def __init__(self, text: str, zone: ZoneInfo) -> None:
        self.text = text
        self.zone = zone
        minute, hour, *_ = text.split()
        self._is_told = not (minute.startswith("*") or hour.startswith("*"))
        self._fields = CronSim(text, _SOME_TIME)

    def __str__(self) -> str:
        return f"cron {self.text} {self.zone.key}"

    def after(self, ms: int) -> int | None:
        """See :meth:`~pipeline.tasks.schedule.when.When.after`."""
        seconds = ms // 1000
        found = self._told(seconds) if self._is_told else self._fitting(seconds)
        return None if found is None else found * 1000

    def _told(self, seconds: int) -> int | None:
        # What is there twice is given with its first time, also after that.
        slots = (int(slot.timestamp()) for slot in CronSim(self.text, self._local(seconds)))
        return next((slot for slot in slots if slot > seconds), None)

    def _fitting(self, seconds: int) -> int | None:
        """The next minute that fits: by reckoning with local times, but where the offset changes.

        cronsim goes by whole hours there, and passes over minutes where a change is of half one.
        """
        while True:
            if self._offset(seconds) != self._offset(seconds + NEAR):
                near = next(self._minutes(seconds, seconds + NEAR), None)
                if near is not None:
                    return near
                seconds += NEAR
                continue
            local = self._local(seconds).replace(tzinfo=None)
            fits = next(CronSim(self.text, local), None)
            if fits is None:
                return None
            reached = seconds + (fits - local) // timedelta(seconds=1)
            if reached <= seconds + NEAR:
                return reached
            # The offset may be another there: look again from shortly before.
            seconds = reached - NEAR

    def _minutes(self, since: int, until: int) -> Iterator[int]:
        fields = self._fields
        for minute in range(since // 60 * 60 + 60, until + 1, 60):
            local = self._local(minute)
            if (
                local.minute in fields.minutes
                and local.hour in fields.hours
                and local.month in fields.months
                and fields.match_day(local.date())
            ):
                yield minute

    def _local(self, seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, self.zone)

    def _offset(self, seconds: int) -> timedelta | None:
        return self._local(seconds).utcoffset()


def cron(text: str, timezone: str = "UTC") -> Cron:
    """Slots as of a line in a crontab.

    :param text: minute, hour, day of the month, month, day of the week, as ``5 4 * * *``; or
        ``@hourly``, ``@daily``, ``@weekly``, ``@monthly``, ``@yearly``.
    :param timezone: whose clock it is, as ``Europe/Berlin``.
    :raise ConfigError: there is no such zone, the text is wrong, or its time never comes.
    """
    if not isinstance(text, str) or len(text) > LONGEST:
        raise _wrong(text, f"expected text of at most {LONGEST} characters")
    line = " ".join(_NAMED.get(text.strip().lower(), text).split())
    if len(line.split(" ")) != 5:
        raise _wrong(text, "expected five fields: minute, hour, day, month, day of the week")
    try:
        made = Cron(line, zone_of(timezone))
    except CronSimError as error:
        raise _wrong(text, str(error).lower().replace("bad", "wrong")) from None
    if made.after(round(_SOME_TIME.timestamp() * 1000)) is None:
        raise _wrong(text, "this never comes")
    return made


#: redis-tasks' name.
crontab = cron


def once_per_day(time: str, timezone: str = "UTC") -> Cron:
    """A slot each day; redis-tasks has it, too.

    A time that is left out when clocks change comes right after the change; one that is there
    twice comes once.

    :param time: as ``4:05`` or ``16:30``.
    :param timezone: whose clock it is.
    :raise ConfigError: there is no such time or zone.
    """
    found = _TIME_OF_DAY.fullmatch(time) if isinstance(time, str) else None
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ConfigError(f"once_per_day: expected a time, as 4:05 or 16:30, got {time!r}")
    return cron(f"{int(found[2])} {int(found[1])} * * *", timezone)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of a name.

    :raise ConfigError: there is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError):
        known = available_timezones()
        hint = suggestion(name, known) if isinstance(name, str) else None
        raise ConfigError(
            f"timezone: there is no time zone {name!r}", hint=hint or "as Europe/Berlin"
        ) from None


def _wrong(text: object, why: str) -> ConfigError:
    shown = repr(text) if len(repr(text)) <= 60 else f"{repr(text)[:57]}..."
    return ConfigError(f"cron: {shown}: {why}", hint="as '5 4 * * *', for five past four")
