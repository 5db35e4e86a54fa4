"""Tests of pipeline.transports.http.callbacks."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.transports.http.callbacks import ConfigCallbacks, allowed_callback, parse_callback


class Parsing(TestCase):
    """Only addresses that can be understood in one way."""

    def test_right(self) -> None:
        """What is called is put together again."""
        for text, url in (
            ("https://Example.ORG/a?b=c", "https://example.org/a?b=c"),
            ("http://127.0.0.1:80", "http://127.0.0.1/"),
            ("https://example.org:8443/", "https://example.org:8443/"),
            ("http://[::1]:8000/x", "http://[::1]:8000/x"),
        ):
            self.assertEqual(url, parse_callback(text).url)

    def test_wrong(self) -> None:
        """Other schemes, users, dots, and all that parsers are known to disagree about."""
        for text in (
            "", "example.org", "ftp://h/", "file:///etc/passwd", "gopher://h/", "https://",
            "https:///x", "https://u@h/", "https://u:p@h/", "https://good@evil/", "https://h/#x",
            "https://h\\@evil/", "https://h/\\..\\x", "https://h/a/../b", "https://h/./b",
            "https://h/%2e%2e/b", "https://h/%252e%252e/b", "https://h/%5c..%5cx", "https://h:x/",
            "https://h:99999/", "https://h:0/", "https://h /", "https://h/\r\nX: y", "https://é/",
            "https://h/\u2028", "https://[::1/", "https://-h/", "https://h_%41/",
            "https://h/" + "x" * 2000, "HTTPS//h/", "//h/x", "https:h/x", "\thttps://h/",
        ):  # fmt: skip
            with self.assertRaises(ValueError, msg=text):
                parse_callback(text)


class Allowing(TestCase):
    """Only what the configuration allows."""

    def setUp(self) -> None:
        given = ["https://example.org/hooks/", "http://127.0.0.1:8000/one"]
        self.allowed = ConfigCallbacks("").clean(given)

    def test_allowed(self) -> None:
        """The same host and port, and below the path."""
        for text in (
            "https://example.org/hooks/",
            "https://example.org:443/hooks/x/y?z=1",
            "https://EXAMPLE.org/hooks/..x",
            "http://127.0.0.1:8000/one",
            "http://127.0.0.1:8000/one/two",
        ):
            self.assertTrue(allowed_callback(text, self.allowed).url)

    def test_refused(self) -> None:
        """Everything else, however near."""
        for text in (
            "http://example.org/hooks/",
            "https://example.org/hooks",
            "https://example.org/",
            "https://example.org:444/hooks/",
            "https://example.org.evil.net/hooks/",
            "https://evil.net/https://example.org/hooks/",
            "https://sub.example.org/hooks/",
            "https://example.org/hooks/../admin",
            "https://example.org@evil.net/hooks/",
            "http://127.0.0.1:8000/oneself",
            "http://2130706433:8000/one",
            "http://localhost:8000/one",
        ):
            with self.assertRaises(ValueError, msg=text):
                allowed_callback(text, self.allowed)

    def test_configuration(self) -> None:
        """What is no list of URLs is refused, and says which."""
        for given in ("https://h/", [1], ["h"], ["https://h/?x"], {"https://h/": 1}):
            with self.assertRaises(ConfigError):
                ConfigCallbacks("").clean(given)
