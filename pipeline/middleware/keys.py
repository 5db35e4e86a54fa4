"""Secret keys as options: several by name, one of them in use, none ever shown."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from pipeline.config.base import Config
from pipeline.config.fields import ConfigField, ConfigText
from pipeline.errors import ConfigError
from pipeline.masking import mask

__all__ = ["ConfigAesKeys", "ConfigSecrets", "KeyedConfig", "Secret"]

#: The shortest secret text, in bytes.
SHORTEST = 16

_NAME = re.compile(r"[\w.-]+")


class Secret:
    """Bytes that don't show in a log or in a traceback, nor as the text that they came from.

    :param value: the secret.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "<secret>"

    def reveal(self) -> bytes:
        """The secret itself."""
        return self._value


class ConfigSecrets(ConfigField[dict[str, Secret]]):
    """Secrets by name; an error names the key and never shows the secret."""

    kind = "mapping of names to secrets"

    def clean(self, value: Any) -> dict[str, Secret]:
        """:raises ConfigError: not a mapping of names to secrets of the right form."""
        if not isinstance(value, Mapping) or not value:
            raise ConfigError("expected a mapping of names to secrets", hint="as {k1: ${KEY}}")
        return {str(name): self._secret(str(name), each) for name, each in value.items()}

    def _secret(self, name: str, value: Any) -> Secret:
        if not _NAME.fullmatch(name):
            raise ConfigError(f"a key's name has letters, digits, - _ and . only, got {name!r}")
        if not isinstance(value, str):
            raise ConfigError(f"key {name!r}: expected text", hint="put it in quotes")
        secret = self.read(name, value)
        for each in (value, secret):
            mask(each)
        return Secret(secret)

    def read(self, name: str, text: str) -> bytes:
        """The secret of a text.

        :raises ConfigError: the text won't do; it is not in the error.
        """
        secret = text.encode()
        if len(secret) < SHORTEST:
            raise ConfigError(f"key {name!r}: at least {SHORTEST} bytes, got {len(secret)}")
        return secret


class ConfigAesKeys(ConfigSecrets):
    """AES keys by name: 16, 24 or 32 bytes each, as base64."""

    kind = "mapping of names to keys in base64"

    def read(self, name: str, text: str) -> bytes:
        """The key of its base64.

        :raises ConfigError: not base64, or not a key's length; the text is not in the error.
        """
        try:
            secret = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) not in (16, 24, 32):
            raise ConfigError(f"key {name!r}: expected 16, 24 or 32 bytes in base64") from None
        return secret


class KeyedConfig(Config):
    """Options of a middleware with keys; a subclass declares ``keys``."""

    keys: ConfigSecrets | dict[str, Secret]

    active = ConfigText(
        "The name of the key that is used for what goes out; all others are accepted too. It may"
        " be left out if there is only one key.",
        static=True,
    )

    @property
    def active_key(self) -> str:
        """The name of the key for what goes out."""
        return self.active or next(iter(self._secrets))

    @property
    def _secrets(self) -> dict[str, Secret]:
        assert isinstance(self.keys, dict)
        return self.keys

    def post_validate(self) -> None:
        """:raises ConfigError: the active key is not named, or is not there."""
        known = ", ".join(self._secrets)
        if self.active and self.active not in self._secrets:
            self.raise_config_error(
                f"active: expected one of {known}, got {self.active!r}", "active"
            )
        if not self.active and len(self._secrets) > 1:
            self.raise_config_error(f"active: required with several keys, one of {known}")
