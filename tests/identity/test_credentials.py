"""Tests of pipeline.identity.credentials."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.base import Config
from pipeline.errors import ConfigError
from pipeline.identity.credentials import (
    ConfigPasswords,
    ConfigTokens,
    hashed_password,
    hashed_token,
    name_and_password,
)

TOKEN = "tok-0123456789abcdef"
PASSWORD = "correct horse"


class _Options(Config):
    bearer = ConfigTokens("Tokens.", default={})
    basic = ConfigPasswords("Passwords.", default={})


class Forms(TestCase):
    """Secrets may be given in several ways."""

    def written(self, text: str) -> dict[str, str]:
        path = Path(self.mktemp())
        path.write_text(text, encoding="utf-8")
        return {"file": str(path)}

    def test_passwords(self) -> None:
        """Plain, from a file, and as a hash all match the password and nothing else."""
        hashed = hashed_password(PASSWORD)
        for given in (PASSWORD, self.written(f"{PASSWORD}\n"), hashed, self.written(hashed)):
            password = _Options({"basic": {"ada": given}}).basic["ada"]
            self.assertTrue(password.matches(PASSWORD.encode()))
            self.assertFalse(password.matches(b"correct house"))
            self.assertFalse(password.never().matches(PASSWORD.encode()))

    def test_tokens(self) -> None:
        """All forms of a token are the same digest."""
        for given in (TOKEN, self.written(TOKEN), hashed_token(TOKEN)):
            token = _Options({"bearer": {"shop": given}}).bearer["shop"]
            self.assertEqual(hashed_token(TOKEN), f"sha256:{token.digest.hex()}")

    def test_salted(self) -> None:
        """A password's hash is another every time."""
        self.assertNotEqual(hashed_password(PASSWORD), hashed_password(PASSWORD))

    def test_not_shown(self) -> None:
        """Neither shows itself."""
        options = _Options({"bearer": {"shop": TOKEN}, "basic": {"ada": PASSWORD}})
        shown = repr((options.bearer, options.basic))
        self.assertEqual("({'shop': <token>}, {'ada': <password>})", shown)


class Refused(TestCase):
    """What won't do says whose it is, and not what it is."""

    def refused(self, kind: str, value: Any) -> str:
        with self.assertRaises(ConfigError) as caught:
            _Options({kind: value})
        self.assertNotIn("hidden", str(caught.exception))
        return str(caught.exception)

    def test_names(self) -> None:
        """A name that can't be said in a header."""
        for name in ("a:b", "", "a b", "x" * 101, "é\n"):
            self.assertIn("a name has letters", self.refused("basic", {name: PASSWORD}))

    def test_short(self) -> None:
        """A secret that can be guessed, also in a file."""
        self.assertIn("shop: a token has at least 16", self.refused("bearer", {"shop": "hidden"}))
        self.assertIn("ada: a password has at least 8", self.refused("basic", {"ada": "hidden"}))

    def test_long(self) -> None:
        """What would never be compared as a whole."""
        self.assertIn("ada: at most 1024", self.refused("basic", {"ada": "x" * 1025}))

    def test_forms(self) -> None:
        """What is no text and no file."""
        for value in (None, 12345678, ["x"], {"file": 1}, {"file": "x", "more": 1}, {"path": "x"}):
            self.assertIn(
                "ada: expected text or {file: path}", self.refused("basic", {"ada": value})
            )
        self.assertIn("expected a mapping", self.refused("basic", ["hidden"]))

    def test_files(self) -> None:
        """A file that isn't there, is no text, or is far too long."""
        self.assertIn(
            "ada: can't read no-such", self.refused("basic", {"ada": {"file": "no-such"}})
        )
        path = Path(self.mktemp())
        for content, wrong in ((b"\xff" * 20, "not UTF-8"), (b"x" * 5000, "more than 4096 bytes")):
            path.write_bytes(content)
            self.assertIn(wrong, self.refused("basic", {"ada": {"file": str(path)}}))

    def test_hashes(self) -> None:
        """Hashes that are none, or would take all the memory there is."""
        good = hashed_password(PASSWORD)
        digest = good.rpartition(":")[2]
        changed = (("16384", "16383"), (":8:", ":0:"), (":1:", ":x:"), (digest, digest * 3))
        for bad in ("scrypt:hidden", good[:-20], *(good.replace(*each) for each in changed)):
            self.assertIn("ada: not a hash", self.refused("basic", {"ada": bad}))
        huge = good.replace("16384", str(2**24))
        self.assertIn("of memory", self.refused("basic", {"ada": huge}))
        for bad in ("sha256:hidden", "sha256:00"):
            self.assertIn("shop: not a hash", self.refused("bearer", {"shop": bad}))

    def test_twice(self) -> None:
        """One token can't be two names."""
        twice = {"shop": TOKEN, "till": hashed_token(TOKEN)}
        self.assertIn("shop and till have the same token", self.refused("bearer", twice))


class Basic(TestCase):
    """Basic credentials, as of HTTP."""

    def test_read(self) -> None:
        """A password may have colons; what can't be read, or has none, is nothing."""
        said = base64.b64encode(b"ada:a:b").decode()
        self.assertEqual(("ada", "a:b"), name_and_password(said))
        for wrong in ("%", base64.b64encode(b"ada").decode(), base64.b64encode(b"\xff:").decode()):
            self.assertIsNone(name_and_password(wrong))
