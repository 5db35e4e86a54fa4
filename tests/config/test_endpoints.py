"""Endpoint descriptions are checked early and made late."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock

from pipeline.config.endpoints import (
    ClientDescription,
    ConfigClientEndpoint,
    ConfigServerEndpoint,
    ServerDescription,
)
from tests.config.test_fields import FieldCase


class Server(FieldCase):
    """ConfigServerEndpoint."""

    def test_made_late(self) -> None:
        """The value keeps the description, and makes the endpoint with a reactor."""
        described = ConfigServerEndpoint("").clean("tcp:8080:interface=127.0.0.1")
        self.assertEqual("tcp:8080:interface=127.0.0.1", str(described))
        reactor = MemoryReactorClock()
        described.endpoint(reactor).listen(None)
        self.assertEqual((8080, "127.0.0.1"), (reactor.tcpServers[0][0], reactor.tcpServers[0][3]))

    def test_forms(self) -> None:
        """Every common form passes, and so does a description that was already met."""
        field = ConfigServerEndpoint("")
        for text in (
            "tcp:0",
            "tcp:port=80",
            "tcp6:80",
            "unix:/run/a.sock:mode=660",
            "unix:address=/run/a.sock",
            "ssl:443:privateKey=a\\:b.pem",
            "systemd:domain=INET:index=0",
            "stdio:",
        ):
            self.assertEqual(ServerDescription(text), field.clean(text))
            self.assertEqual(ServerDescription(text), field.clean(ServerDescription(text)))

    def test_refused(self) -> None:
        """What no endpoint can be made of is refused, with an example."""
        field = ConfigServerEndpoint("")
        text = "expected an endpoint description, got 8080 (as tcp:8080)"
        self.assertEqual(text, self.refuses(field, 8080))
        text = "there is no endpoint type 'tpc' (did you mean 'tcp'?)"
        self.assertEqual(text, self.refuses(field, "tpc:80"))
        text = "the port of an endpoint must be 0-65535, got '99999' (as tcp:8080)"
        self.assertEqual(text, self.refuses(field, "tcp:99999"))
        self.assertIn("got 'x'", self.refuses(field, "tcp:x"))
        self.assertEqual("no port in endpoint 'tcp' (as tcp:8080)", self.refuses(field, "tcp"))
        self.assertIn("no path in endpoint", self.refuses(field, "unix:"))
        self.assertIn("expected an endpoint", self.refuses(field, " "))


class Client(FieldCase):
    """ConfigClientEndpoint."""

    def test_made_late(self) -> None:
        """The value keeps the description, and makes the endpoint with a reactor."""
        described = ConfigClientEndpoint("").clean("tcp:127.0.0.1:80")
        self.assertEqual("tcp:127.0.0.1:80", str(described))
        reactor = MemoryReactorClock()
        described.endpoint(reactor).connect(None)
        self.assertEqual(("127.0.0.1", 80), reactor.tcpClients[0][:2])

    def test_forms(self) -> None:
        """Every common form passes, and so does a description that was already met."""
        field = ConfigClientEndpoint("")
        for text in ("tcp:host=a:port=80", "tcp:host=a:80", "tls:a:443", "unix:path=/a", "unix:/a"):
            self.assertEqual(ClientDescription(text), field.clean(text))
            self.assertEqual(ClientDescription(text), field.clean(ClientDescription(text)))

    def test_refused(self) -> None:
        """A client needs a host and a port."""
        text = "no port in endpoint 'tcp:localhost' (as tcp:localhost:8080)"
        self.assertEqual(text, self.refuses(ConfigClientEndpoint(""), "tcp:localhost"))
