"""Tests of pipeline.transports.peers."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import TestCase

from pipeline.transports.peers import Admission, peer_of
from pipeline.transports.statistics import Statistics


class Peers(TestCase):
    """What the connections of one client have in common."""

    def test_ip(self) -> None:
        """An IPv4 address, also in the form of IPv6; the /64 of IPv6; nothing for unix sockets."""
        self.assertEqual("192.0.2.7", peer_of(IPv4Address("TCP", "192.0.2.7", 1)))
        same = {peer_of(IPv6Address("TCP", f"2001:db8::{n}", n)) for n in (1, 2)}
        self.assertEqual({"2001:db8::/64"}, same)
        self.assertEqual("192.0.2.7", peer_of(IPv6Address("TCP", "::ffff:192.0.2.7", 1)))
        self.assertEqual("fe80::/64", peer_of(IPv6Address("TCP", "fe80::1%eth0", 1)))
        self.assertEqual("", peer_of(UNIXAddress("/x")))


class Admitting(TestCase):
    """So many connections are open at a time."""

    def test_admission(self) -> None:
        """Both limits hold, and all is counted."""
        statistics = Statistics()
        admission = Admission(3, 2, statistics)
        admitted = [admission.admit(who) for who in "aaabc"]
        self.assertEqual([True, True, False, True, False], admitted)
        seen = {"connections": 3, "refused": 2, "connections_open": 3}
        self.assertEqual(seen, statistics.snapshot())
        admission.closed("a")
        self.assertTrue(admission.admit("c"))
