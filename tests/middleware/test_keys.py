"""Secret keys as options."""

from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.middleware.keys import ConfigAesKeys, ConfigSecrets, KeyedConfig, Secret

LONG = "a secret that is long enough"


class TextConfig(KeyedConfig):
    """Keys of text."""

    keys = ConfigSecrets("Doc.", required=True, static=True)


class AesConfig(KeyedConfig):
    """Keys for AES."""

    keys = ConfigAesKeys("Doc.", required=True, static=True)


class Hidden(SynchronousTestCase):
    """A secret is not shown."""

    def test_repr(self) -> None:
        """Neither by itself nor in what holds it."""
        config = TextConfig({"keys": {"k1": LONG}}, static=True)
        for shown in (repr(config.keys), f"{config.keys['k1']}", repr(config), f"{Secret(b'x')!r}"):
            self.assertNotIn(LONG, shown)
        self.assertEqual(LONG.encode(), config.keys["k1"].reveal())

    def test_errors(self) -> None:
        """No error shows one either, nor does its cause."""
        cases: list[tuple[Any, Any]] = [
            (TextConfig, "short!"),
            (AesConfig, "not base64 at all"),
            (AesConfig, base64.b64encode(b"too short").decode()),
            (TextConfig, 12345678901234567890),
        ]
        for cls, value in cases:
            error = self.assertRaises(ConfigError, cls, {"keys": {"k1": value}})
            while error is not None:
                self.assertNotIn(str(value), str(error))
                error = error.__cause__  # type: ignore[assignment]  # followed to its end


class Active(SynchronousTestCase):
    """Which key is used for what goes out."""

    def test_only_one(self) -> None:
        """The only one need not be named."""
        self.assertEqual("k1", TextConfig({"keys": {"k1": LONG}}).active_key)

    def test_named(self) -> None:
        """Of several the named one; all are there."""
        config = TextConfig({"keys": {"k1": LONG, "k2": LONG}, "active": "k2"})
        self.assertEqual(("k2", {"k1", "k2"}), (config.active_key, set(config.keys)))

    def test_wrong(self) -> None:
        """None of several, an unknown one, no keys, or a name that can't travel."""
        for given in (
            {"keys": {"k1": LONG, "k2": LONG}},
            {"keys": {"k1": LONG}, "active": "k2"},
            {"keys": {}},
            {"keys": LONG},
            {"keys": {"a\nb": LONG}},
            {},
        ):
            self.assertRaises(ConfigError, TextConfig, given)

    def test_aes(self) -> None:
        """AES keys have one of three lengths."""
        for size in (16, 24, 32):
            text = base64.b64encode(bytes(size)).decode()
            self.assertEqual(size, len(AesConfig({"keys": {"k": text}}).keys["k"].reveal()))
