"""Dates as Vumi writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from pipeline.message.dates import format_vumi_date, parse_vumi_date

TEXT = "2012-05-07 13:07:32.123456"
MOMENT = datetime(2012, 5, 7, 13, 7, 32, 123456, UTC)


class Dates(SynchronousTestCase):
    def test_both_ways(self) -> None:
        """A date is written in UTC, without a zone, and read as an aware one."""
        self.assertEqual(TEXT, format_vumi_date(MOMENT))
        self.assertEqual(MOMENT, parse_vumi_date(TEXT))

    def test_zones(self) -> None:
        """Another zone's time is turned into UTC; one without a zone is UTC."""
        elsewhere = MOMENT.astimezone(timezone(timedelta(hours=2)))
        self.assertEqual(TEXT, format_vumi_date(elsewhere))
        self.assertEqual(TEXT, format_vumi_date(MOMENT.replace(tzinfo=None)))

    def test_whole_seconds(self) -> None:
        """Microseconds may be missing."""
        self.assertEqual(MOMENT.replace(microsecond=0), parse_vumi_date(TEXT[:19]))

    def test_refused(self) -> None:
        """Another text is a ValueError."""
        for text in ("", "yesterday", "2012-05-07T13:07:32Z"):
            self.assertRaises(ValueError, parse_vumi_date, text)
