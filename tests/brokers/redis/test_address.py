"""Addresses are read as people write them, and keep their secrets."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.address import Address
from pipeline.errors import ConfigError

SECRET = "s3cr3t/?#@"
CODED = "s3cr3t%2F%3F%23%40"


class Parsing(TestCase):
    def test_host_alone(self) -> None:
        """A host alone means the usual port and database 0, with no password."""
        self.assertEqual(Address("redis", host="h", port=6379), Address.parse("redis://h"))

    def test_everything(self) -> None:
        """User, password, host, port and database are all read, and decoded."""
        self.assertEqual(
            Address("redis", host="h", port=7, db=3, user="me", password=SECRET),
            Address.parse(f"redis://me:{CODED}@h:7/3"),
        )

    def test_password_alone(self) -> None:
        """A password without a user belongs to the default user."""
        address = Address.parse("redis://:pw@h")
        self.assertEqual((None, "pw"), (address.user, address.password))

    def test_ipv6(self) -> None:
        """An IPv6 host loses its brackets, and has them again when it is shown."""
        address = Address.parse("redis://[::1]:7")
        self.assertEqual(("::1", "redis://[::1]:7/0"), (address.host, str(address)))

    def test_tls(self) -> None:
        """rediss:// is TLS, perhaps with a CA of one's own."""
        address = Address.parse("rediss://h?ca=/etc/ca.pem")
        self.assertEqual((True, "/etc/ca.pem"), (address.tls, address.ca))
        self.assertFalse(Address.parse("redis://h").tls)

    def test_unix(self) -> None:
        """A socket has a path, and may have a database, a user and a password."""
        self.assertEqual(
            Address("unix", path="/run/r s", db=2, user="me", password="pw"),
            Address.parse("unix://me:pw@/run/r%20s?db=2"),
        )

    def test_str_reads_back(self) -> None:
        """What is shown of an address without a password is that address."""
        for url in ("redis://h:1/2", "rediss://h:1/2", "unix:///run/r?db=1"):
            self.assertEqual(Address.parse(url), Address.parse(str(Address.parse(url))))


class Refusals(TestCase):
    def refusal(self, url: str) -> str:
        """The text of the error for a bad address."""
        return str(self.assertRaises(ConfigError, Address.parse, url))

    def test_not_yet(self) -> None:
        """Sentinel and Cluster are known, and said to come later."""
        self.assertIn("Sentinel, which this version cannot do yet", self.refusal("sentinel://h/m"))
        self.assertIn("Cluster, which this version cannot do yet", self.refusal("cluster://h"))

    def test_unknown_scheme(self) -> None:
        """An unknown scheme is named, with the nearest one that is known."""
        self.assertIn("did you mean redis://?", self.refusal("reddis://h"))
        self.assertIn("unix:///path", self.refusal("http://h"))
        self.assertIn("unix:///path", self.refusal("h:6379"))

    def test_parts(self) -> None:
        """Each part that is wrong is named."""
        for url, told in {
            "redis://": "needs a host",
            "redis://h:0": "1 to 65535",
            "redis://h:99999": "1 to 65535",
            "redis://h/x": "got 'x'",
            "redis://h/-1": "got '-1'",
            "redis://me@h": "needs a password",
            "redis://h?ca=/x": "no option 'ca'",
            "rediss://h?insecure=1": "no option 'insecure'",
            "unix://run/r": "three slashes",
            "unix:///": "three slashes",
            "redis://[h": "no URL",
        }.items():
            self.assertIn(told, self.refusal(url), url)


class Introductions(TestCase):
    def test_introduction(self) -> None:
        """A connection begins with who we are, and which database we mean, where that is said."""
        self.assertEqual([], Address.parse("redis://h").introduction)
        expected: list[tuple[str | int, ...]] = [("AUTH", "me", "p"), ("SELECT", 2)]
        self.assertEqual(expected, Address.parse("redis://me:p@h/2").introduction)
        self.assertEqual([("AUTH", "default", "p")], Address.parse("redis://:p@h").introduction)


class Secrets(TestCase):
    def test_never_shown(self) -> None:
        """Neither repr nor str of an address shows its password."""
        for url in (f"redis://me:{CODED}@h", f"unix://:{CODED}@/run/r"):
            address = Address.parse(url)
            for shown in (str(address), repr(address), f"{address}"):
                self.assertNotIn("s3cr3t", shown)

    def test_never_in_errors(self) -> None:
        """A password that was not encoded breaks the address, and is still not shown."""
        for url in (
            "redis://me:s3c/r3t@h",
            "redis://me:12/s3cr3t@h",
            "redis://me:12?s3cr3t=1@h",
            "redis://me:12#s3cr3t@h",
            "redis://:s3cr3t@",
            "redis://:s3cr3t@h:s3cr3t",
            "sentinel://:s3cr3t@h",
        ):
            error = self.assertRaises(ConfigError, Address.parse, url)
            self.assertNotIn("r3t", f"{error}{error!r}{error.__context__}", url)
