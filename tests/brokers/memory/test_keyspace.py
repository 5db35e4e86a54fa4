"""Typed keys in memory."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.memory.keyspace import SWEEP, Keyspace
from pipeline.errors import ServerRefused


class KeyspaceTests(SynchronousTestCase):
    """All of the writes or none, and nothing beyond its time."""

    def setUp(self) -> None:
        self.now = 1000
        self.keys = Keyspace(lambda: self.now)

    def refused(self, *writes: tuple[Any, ...]) -> str:
        """Why writes are refused."""
        return str(self.assertRaises(ServerRefused, self.keys.apply, writes))

    def test_one_way_to_write_a_number(self) -> None:
        """An addition takes what Redis takes: digits, no padding, no plus, no space, 64 bits."""
        for text in (b"", b"+1", b"01", b"-0", b" 1", b"1 ", b"1.0", b"1e3", b"x", b"9" * 20):
            self.keys.apply([("hset", "h", 0, b"f", text)])
            self.refused(("hincr", "h", b"f", 1))
        for text, after in ((b"0", b"1"), (b"-1", b"0"), (b"9223372036854775806", None)):
            self.keys.apply([("hset", "h", 0, b"f", text), ("hincr", "h", b"f", 1)])
            self.assertEqual(after or b"9223372036854775807", self.keys.read("hget", "h", "f"))

    def test_edges(self) -> None:
        """A counter holds 64 bits and refuses what is beyond, in either direction."""
        self.keys.apply([("incr", "up", 2**63 - 1, 0), ("incr", "down", -(2**63), 0)])
        self.assertIn("overflow", self.refused(("incr", "up", 1, 0)))
        self.assertIn("overflow", self.refused(("incr", "down", -1, 0)))
        self.assertIn("not an integer", self.refused(("incr", "n", 1.5, 0)))

    def test_an_earlier_write_counts(self) -> None:
        """A write that an earlier one of its unit has made impossible is refused with it."""
        half = 2**62
        self.assertIn("overflow", self.refused(("incr", "n", half, 0), ("incr", "n", half, 0)))
        self.refused(("hset", "h", 0, b"f", b"text"), ("hincr", "h", b"f", 1))
        self.assertEqual(0, self.keys.read("count", "n"))
        self.assertEqual({}, self.keys.read("hgetall", "h"))

    def test_put_back(self) -> None:
        """After a refusal values and times to live are as they were."""
        self.keys.apply([("set", "v", b"old", 50), ("hset", "h", 0, b"f", b"x")])
        changes = (("set", "v", b"new", 0), ("hset", "h", 10, b"g", b"y"), ("sadd", "s", 0, b"m"))
        self.refused(*changes, ("hincr", "h", b"f", 1))
        self.assertEqual(b"old", self.keys.read("get", "v"))
        self.assertEqual({b"f": b"x"}, self.keys.read("hgetall", "h"))
        self.assertEqual(set(), self.keys.read("smembers", "s"))
        self.now += 50
        self.assertIsNone(self.keys.read("get", "v"))
        self.assertEqual({b"f": b"x"}, self.keys.read("hgetall", "h"))

    def test_unknown(self) -> None:
        """A read, a write or a type that there isn't is refused."""
        self.assertRaises(ServerRefused, self.keys.read, "explode", "k")
        self.assertIn("explode", self.refused(("explode", "k")))
        self.assertIn("'q'", self.refused(("expire", "k", "q", 5)))

    def test_answers_are_copies(self) -> None:
        """What a read answers can be changed without changing what is stored."""
        self.keys.apply([("hset", "h", 0, b"f", b"x"), ("sadd", "s", 0, b"m")])
        self.keys.read("hgetall", "h").clear()
        self.keys.read("smembers", "s").clear()
        self.assertEqual({b"f": b"x"}, self.keys.read("hgetall", "h"))
        self.assertEqual({b"m"}, self.keys.read("smembers", "s"))

    def test_to_the_millisecond(self) -> None:
        """A key is there until its time is over, and not then."""
        self.keys.apply([("set", "v", b"x", 10)])
        self.now += 9
        self.assertEqual(b"x", self.keys.read("get", "v"))
        self.now += 1
        self.assertIsNone(self.keys.read("get", "v"))

    def test_empty_is_gone(self) -> None:
        """A key with nothing left in it is forgotten, and with it its time to live."""
        self.keys.apply([("sadd", "s", 10, b"m"), ("srem", "s", b"m"), ("sadd", "s", 0, b"m")])
        self.now += 20
        self.assertEqual({b"m"}, self.keys.read("smembers", "s"))

    def test_no_key_no_time(self) -> None:
        """A time to live given to what isn't there is not kept for what comes."""
        self.keys.apply([("expire", "v", "v", 10), ("set", "w", b"x", 10)])
        self.now += 10
        self.keys.apply([("expire", "w", "v", 50), ("hset", "h", 0, b"f", b"x")])
        self.assertIsNone(self.keys.read("get", "w"))

    def test_sweep(self) -> None:
        """Keys whose time is over take no room, though nobody asks for them."""
        for n in range(SWEEP):
            self.keys.mark(f"mark-{n}", 10)
        self.now += 10
        self.keys.mark("one more", 10)
        self.assertEqual(1, len(self.keys._values))

    def test_marks(self) -> None:
        """A mark is new once in its window."""
        self.assertTrue(self.keys.mark("m", 10))
        self.assertFalse(self.keys.mark("m", 10))
        self.now += 10
        self.assertTrue(self.keys.mark("m", 10))
