"""Dates as Vumi writes them: in UTC, with a blank between day and time, and no zone.

On the wire they are read as they are; these functions are for who keeps such texts elsewhere.
"""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["VUMI_DATE_FORMAT", "format_vumi_date", "parse_vumi_date"]

#: For ``strftime``; as ``2012-05-07 13:07:32.123456``.
VUMI_DATE_FORMAT = "%Y-%m-%d %H:%M:%S.%f"


def format_vumi_date(timestamp: datetime) -> str:
    """A date as Vumi writes it.

    :param timestamp: of any zone; a naive one is taken as UTC.
    """
    aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime(VUMI_DATE_FORMAT)


def parse_vumi_date(text: str) -> datetime:
    """The date of a text that Vumi wrote, with or without microseconds; aware, where Vumi's is not.

    :raise ValueError: it is no such text.
    """
    form = VUMI_DATE_FORMAT if "." in text else VUMI_DATE_FORMAT.removesuffix(".%f")
    return datetime.strptime(text, form).replace(tzinfo=UTC)
