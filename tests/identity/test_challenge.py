"""Tests of pipeline.identity.challenge."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.identity.challenge import ChallengeConfig, challenges


class Challenges(TestCase):
    """What a client is told."""

    def test_schemes(self) -> None:
        """Each scheme names the realm; Basic says that it is UTF-8."""
        expected = ('Bearer realm="shop"', 'Basic realm="shop", charset="UTF-8"')
        self.assertEqual(expected, challenges("shop", ["Bearer", "Basic"]))

    def test_realm(self) -> None:
        """A realm that would end its header is an error."""
        for wrong in ('a"', "a\\", "a\r\nb"):
            self.assertRaises(ConfigError, ChallengeConfig, {"realm": wrong}, True)
