"""Times for the tests of schedules."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from pipeline.tasks.schedule.when import When


def ms(text: str) -> int:
    """A time of UTC, as ``2026-03-29 00:59``, in ms since the epoch."""
    return round(datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


def local(slot: int, zone: str) -> str:
    """A slot on the wall, with its offset."""
    return datetime.fromtimestamp(slot / 1000, ZoneInfo(zone)).strftime("%d %H:%M%z")


def following(when: When, since: str, count: int) -> list[int]:
    """The next slots after a time of UTC."""
    found, at = [], ms(since)
    for _ in range(count):
        slot = when.after(at)
        assert slot is not None
        found.append(slot)
        at = slot
    return found
