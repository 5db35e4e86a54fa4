"""What a transport counts is there for whoever looks."""

from twisted.trial.unittest import TestCase

from pipeline.transports.statistics import Statistics


class Counting(TestCase):
    """Counts and gauges."""

    def setUp(self) -> None:
        self.statistics = Statistics()

    def test_counts(self) -> None:
        """A count adds up, by one or by more."""
        self.statistics.count("refused")
        self.statistics.count("refused", 2)
        self.assertEqual(3, self.statistics.counts["refused"])

    def test_gauges(self) -> None:
        """A gauge is what it is when somebody looks."""
        opened: list[int] = []
        self.statistics.gauge("connections_open", lambda: len(opened))
        opened.append(1)
        self.assertEqual({"connections_open": 1}, self.statistics.gauges)

    def test_snapshot(self) -> None:
        """A snapshot has both, and does not change afterwards."""
        self.statistics.count("messages_in")
        self.statistics.gauge("connections_open", lambda: 7)
        seen = self.statistics.snapshot()
        self.statistics.count("messages_in")
        self.assertEqual({"messages_in": 1, "connections_open": 7}, seen)

    def test_one_meaning(self) -> None:
        """A name is a count's or a gauge's, not both."""
        self.statistics.count("connections")
        with self.assertRaisesRegex(ValueError, "counted already"):
            self.statistics.gauge("connections", lambda: 0)
