"""Errors of the server, as ours."""

from __future__ import annotations

from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis.refusal import KEYS_SHOWN, refused, with_keys


class Refusal(SynchronousTestCase):
    def test_code(self) -> None:
        """The code is the first word, of a text of one word as well."""
        self.assertEqual("OOM", refused("OOM command not allowed").code)
        self.assertEqual("BUSY", refused("BUSY").code)

    def test_keys(self) -> None:
        """An error of a key's type names the keys, but not hundreds of them; others stay."""
        other = Failure(refused("OOM x"))
        self.assertIs(other, with_keys(other, [b"k"]))
        wrong = Failure(refused("WRONGTYPE Operation against a key"))
        told = with_keys(wrong, [b"a\xff", "b", 3])
        self.assertEqual("WRONGTYPE", told.value.code)
        self.assertIn("one of a\ufffd, b, 3", str(told.value))
        many = str(with_keys(wrong, [f"k{at}" for at in range(100)]).value)
        self.assertIn(f"k{KEYS_SHOWN - 1} ..", many)
        self.assertNotIn(f"k{KEYS_SHOWN},", many)
