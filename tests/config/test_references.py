"""URLs, patterns and classes are met when the configuration is."""

from __future__ import annotations

import collections
import re

from zope.interface import Interface, implementer

from pipeline.config.references import ConfigClassName, ConfigRegex, ConfigUrl
from tests.config.test_fields import FieldCase


class IGreets(Interface):
    """Something that greets."""


@implementer(IGreets)
class Greeter:
    """One that does."""


class Url(FieldCase):
    """ConfigUrl."""

    def test_parts(self) -> None:
        """The value is the URL in its parts."""
        url = ConfigUrl("").clean("https://me@example.org:8443/a?b=c")
        self.assertEqual(
            ("https", "example.org", 8443, "/a"), (url.scheme, url.hostname, url.port, url.path)
        )

    def test_refused(self) -> None:
        """What has no scheme or a bad port is refused, and a password is never repeated."""
        field = ConfigUrl("", schemes=["http", "https"])
        self.assertEqual("expected a URL, got 5", self.refuses(field, 5))
        text = "expected a URL with a scheme, as https://host/path"
        self.assertEqual(text, self.refuses(field, "example.org"))
        text = "expected a URL of scheme http, https, got 'ftp'"
        self.assertEqual(text, self.refuses(field, "ftp://me:secret@host"))
        self.assertNotIn("secret", self.refuses(field, "http://me:secret@host:99999"))


class Regex(FieldCase):
    """ConfigRegex."""

    def test_compiled(self) -> None:
        """The value is a compiled pattern, also when a compiled one is given."""
        pattern = ConfigRegex("").clean("a+")
        assert pattern.match("aa")
        self.assertIs(pattern, ConfigRegex("").clean(pattern))
        self.assertIsInstance(pattern, re.Pattern)

    def test_refused(self) -> None:
        """A broken pattern is refused with what is wrong in it."""
        self.assertIn("not a regular expression: missing )", self.refuses(ConfigRegex(""), "(a"))
        self.assertEqual("expected a regular expression, got 5", self.refuses(ConfigRegex(""), 5))


class ClassName(FieldCase):
    """ConfigClassName."""

    def test_found(self) -> None:
        """The value is the class that the name names, or the class that was given."""
        field = ConfigClassName("")
        self.assertIs(collections.OrderedDict, field.clean("collections.OrderedDict"))
        self.assertIs(dict, field.clean(dict))

    def test_refused(self) -> None:
        """What is no class, or isn't there, is refused."""
        field = ConfigClassName("")
        text = "expected a class, 'os.path.join' is function"
        self.assertEqual(text, self.refuses(field, "os.path.join"))
        self.assertIn("has no 'OrderdDict'", self.refuses(field, "collections.OrderdDict"))
        self.assertIn("expected a dotted name", self.refuses(field, 5))

    def test_interface(self) -> None:
        """A class that lacks the interface is refused by name."""
        field = ConfigClassName("", implements=IGreets)
        self.assertIs(Greeter, field.clean(f"{__name__}.Greeter"))
        self.assertEqual("dict does not implement IGreets", self.refuses(field, dict))
