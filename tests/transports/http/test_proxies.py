"""Tests of pipeline.transports.http.proxies."""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import TestCase

from pipeline.config.base import Config
from pipeline.errors import ConfigError
from pipeline.transports.http.proxies import ConfigProxies, Proxies, address_of


class Options(Config):
    """Has proxies."""

    proxies = ConfigProxies("Who is trusted.", default=[], static=True)


class Origins(TestCase):
    """Where a request is from."""

    def origin(
        self, trusted: list[str], address: str, *said: str, proto: str = ""
    ) -> tuple[str, str]:
        """The client and the scheme."""
        proxies = Proxies(Options({"proxies": trusted}).proxies)
        headers = [("X-Forwarded-For", each) for each in said]
        if proto:
            headers.append(("x-forwarded-proto", proto))
        origin = proxies.origin(address, "http", headers)
        return origin.remote, origin.scheme

    def test_untrusted(self) -> None:
        """Who is no proxy is where it is from, and what it says of others is left out."""
        self.assertEqual(
            ("192.0.2.1", "http"), self.origin([], "192.0.2.1", "1.1.1.1", proto="https")
        )
        headers = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("A", "b")]
        self.assertEqual([("A", "b")], Proxies([]).origin("192.0.2.1", "http", headers).headers)

    def test_trusted(self) -> None:
        """What a proxy says counts; a client that adds to it deceives nobody."""
        trusted = ["10.0.0.0/8"]
        for said in (("1.2.3.4",), ("6.6.6.6, 1.2.3.4",), ("6.6.6.6", "1.2.3.4, 10.2.2.2")):
            self.assertEqual("1.2.3.4", self.origin(trusted, "10.1.1.1", *said)[0], said)
        self.assertEqual("https", self.origin(trusted, "10.1.1.1", proto="http, https")[1])
        self.assertEqual("http", self.origin(trusted, "10.1.1.1", proto="https, http")[1])
        self.assertEqual("http", self.origin(trusted, "10.1.1.1", proto="gopher")[1])

    def test_nonsense(self) -> None:
        """Behind what is no address nothing is believed."""
        trusted = ["10.0.0.0/8"]
        self.assertEqual("10.1.1.1", self.origin(trusted, "10.1.1.1", "unknown")[0])
        self.assertEqual("10.2.2.2", self.origin(trusted, "10.1.1.1", "1.2.3.4, what, 10.2.2.2")[0])
        self.assertEqual("10.1.1.1", self.origin(trusted, "10.1.1.1")[0])

    def test_spellings(self) -> None:
        """Ports and brackets are no part of an address."""
        for said, address in (
            ("1.2.3.4:80", "1.2.3.4"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8:0::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
        ):
            self.assertEqual(address, self.origin(["::1"], "::1", said)[0])

    def test_unix(self) -> None:
        """Who comes by a unix socket is trusted when that is said."""
        self.assertEqual(("1.2.3.4", "https"), self.origin(["unix"], "", "1.2.3.4", proto="https"))
        self.assertEqual(("", "http"), self.origin(["127.0.0.1"], "", "1.2.3.4", proto="https"))

    def test_address(self) -> None:
        """The address of a peer is the whole of it."""
        for given, address in (
            (IPv4Address("TCP", "192.0.2.1", 80), "192.0.2.1"),
            (IPv6Address("TCP", "2001:db8::7", 80), "2001:db8::7"),
            (IPv6Address("TCP", "::ffff:192.0.2.1", 80), "192.0.2.1"),
            (UNIXAddress("/x"), ""),
        ):
            self.assertEqual(address, address_of(given))

    def test_option(self) -> None:
        """What is no address is an error that says which."""
        self.assertRaises(ConfigError, Options, {"proxies": "10.0.0.1"})
        for wrong in ("localhost", "10.0.0.1/8", 7):
            error = self.assertRaises(ConfigError, Options, {"proxies": ["::1", wrong]})
            self.assertIn(str(wrong), str(error))
