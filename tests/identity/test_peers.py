"""Tests of pipeline.identity.peers."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.identity.peers import Shares, network_of


class Networks(TestCase):
    """What the addresses of one client have in common."""

    def test_network(self) -> None:
        """An IPv4 address, also in the form of IPv6; the /64 of IPv6; else what was given."""
        expected = {
            "192.0.2.7": "192.0.2.7",
            "2001:db8::1": "2001:db8::/64",
            "::ffff:192.0.2.7": "192.0.2.7",
            "a:b": "a:b",
            "": "",
        }
        self.assertEqual(expected, {host: network_of(host) for host in expected})


class Sharing(TestCase):
    """Each has so many at a time."""

    def test_limit(self) -> None:
        """Beyond the limit there is none for them, while others have theirs; nothing is kept."""
        shares = Shares(2)
        self.assertEqual([True, True, False], [shares.take("a") for _ in range(3)])
        self.assertTrue(shares.take("b"))
        shares.give_back("a")
        self.assertTrue(shares.take("a"))
        for who in "aab":
            shares.give_back(who)
        self.assertEqual(0, len(shares))
