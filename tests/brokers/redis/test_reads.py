"""Tests of pipeline.brokers.redis.reads; over a server they are tested with who reads."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.reads import command_of, is_committed, value_in
from pipeline.errors import PipelineError, ServerRefused


class Reads(TestCase):
    def test_commands(self) -> None:
        """A read is a command on a key whose name has its type."""
        layout = Layout("n", 0)
        key = b"{n:0}:s:z:k"
        self.assertEqual(("ZREVRANGE", key, 0, 9), command_of(layout, "zrange", "k", (0, 9, True)))
        listed = command_of(layout, "zscored", "k", (0, -1, False))
        self.assertEqual(("ZRANGE", key, 0, -1, "WITHSCORES"), listed)
        self.assertEqual(
            ("ZCOUNT", key, "1.5", "inf"), command_of(layout, "zcount", "k", (1.5, float("inf")))
        )
        self.assertEqual(("HGET", b"{n:0}:s:h:k", "f"), command_of(layout, "hget", "k", ("f",)))

    def test_values(self) -> None:
        """Replies become the values that the store promises."""
        self.assertEqual((0, 7), (value_in("count", None), value_in("count", b"7")))
        self.assertEqual({b"a": b"1"}, value_in("hgetall", [b"a", b"1"]))
        self.assertEqual([(b"m", 1.5)], value_in("zscored", [b"m", b"1.5"]))
        self.assertEqual(
            (None, 2.0, True, {b"m"}),
            (
                value_in("zscore", None),
                value_in("zscore", b"2"),
                value_in("sismember", 1),
                value_in("smembers", [b"m"]),
            ),
        )

    def test_commits(self) -> None:
        """A commit is done, has conflicted, was refused, or is torn."""
        self.assertEqual((True, False), (is_committed(b"1"), is_committed(b"C")))
        with self.assertRaisesRegex(ServerRefused, "no list"):
            is_committed(b"E:no list")
        with self.assertRaisesRegex(PipelineError, "half-way: x"):
            is_committed(b"T:x")
