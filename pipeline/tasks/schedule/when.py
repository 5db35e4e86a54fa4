"""What a rhythm is: it knows the next slot after any time."""

from __future__ import annotations

from typing import Protocol

__all__ = ["When", "newest", "slots"]

#: Where :func:`newest` begins to look back, in ms.
_NEARBY = 60_000


class When(Protocol):
    """A rhythm of slots. Its text tells it from others, and is shown to people."""

    def after(self, ms: int) -> int | None:
        """The first slot later than a time.

        The slots are the same whatever time is asked about, so that all who ask agree.

        :param ms: since the epoch, as is what comes back.
        :return: None: there is none any more.
        """


def slots(when: When, since: int, until: int, most: int) -> list[int]:
    """The slots later than ``since`` and not later than ``until``; the first ones, up to ``most``.

    All times are in ms since the epoch.
    """
    found: list[int] = []
    slot = when.after(since)
    while slot is not None and slot <= until and len(found) < most:
        found.append(slot)
        slot = when.after(slot)
    return found


def newest(when: When, since: int, until: int) -> int | None:
    """The last slot later than ``since`` and not later than ``until``; None if there is none.

    It looks back further and further, so that a long time with many slots costs little.
    """
    back = _NEARBY
    while True:
        start = max(since, until - back)
        slot = when.after(start)
        if slot is not None and slot <= until:
            break
        if start == since:
            return None
        back *= 4
    while (later := when.after(slot)) is not None and later <= until:
        slot = later
    return slot
