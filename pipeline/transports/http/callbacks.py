"""The addresses that clients may leave for their replies: only what the configuration allows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from pipeline.config.fields import ConfigField
from pipeline.errors import ConfigError

__all__ = ["Callback", "ConfigCallbacks", "allowed_callback", "parse_callback"]

#: Characters of an address.
LONGEST = 2000

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_PLAIN = re.compile(r"[!-~]+")


class Callback(NamedTuple):
    """An address, taken apart; what is called is put together from the parts again, so that
    nothing is called that was understood otherwise."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def url(self) -> str:
        """The address as it is called."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}" + (f"?{self.query}" if self.query else "")

    def is_within(self, prefix: Callback) -> bool:
        """Whether it is on the same host and port, and below the other's path."""
        if self[:3] != prefix[:3]:
            return False
        folder = prefix.path if prefix.path.endswith("/") else f"{prefix.path}/"
        return self.path == prefix.path or self.path.startswith(folder)


def parse_callback(text: str) -> Callback:
    """Take an address apart.

    :raise ValueError: it can't be called, or might be understood in two ways.
    """
    if len(text) > LONGEST or not _PLAIN.fullmatch(text) or "\\" in text:
        raise ValueError(f"expected a URL of at most {LONGEST} printable ASCII characters")
    parts = urlsplit(text)
    if parts.scheme not in _PORTS:
        raise ValueError("expected http:// or https://")
    if "@" in parts.netloc or "#" in text:
        raise ValueError("a URL without user and without fragment, please")
    host = (parts.hostname or "").lower()
    port = parts.port if parts.port is not None else _PORTS[parts.scheme]
    if not _HOST.fullmatch(host) or not port:
        raise ValueError("expected a host name or an IP address")
    path = parts.path or "/"
    if _climbs(path):
        raise ValueError("a path without . and .. please")
    return Callback(parts.scheme, host, port, path, parts.query)


def allowed_callback(text: str, allowed: Iterable[Callback]) -> Callback:
    """The address, if it is among those that are allowed.

    :raise ValueError: it is not, or can't be called at all.
    """
    callback = parse_callback(text)
    if not any(callback.is_within(each) for each in allowed):
        raise ValueError("this address is not among those that the configuration allows")
    return callback


class ConfigCallbacks(ConfigField[list[Callback]]):
    """URLs, as ``https://host/folder/``; each allows what is below its path, on its host only."""

    kind = "list of URLs"

    def clean(self, value: Any) -> list[Callback]:
        """:raises ConfigError: not a list of URLs."""
        if not isinstance(value, (list, tuple)):
            raise self._expected("a list of URLs", value, "as [https://example.org/hooks/]")
        return [self._one(each) for each in value]

    def _one(self, value: Any) -> Callback:
        if not isinstance(value, str):
            raise self._expected("a URL", value)
        try:
            prefix = parse_callback(value)
        except ValueError as error:
            raise ConfigError(f"{value}: {error}") from None
        if prefix.query:
            raise ConfigError(f"{value}: a prefix has no query")
        return prefix


def _climbs(path: str) -> bool:
    """Whether any segment is a dot or two, however often it is encoded."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return "\\" in path or any(each in (".", "..") for each in path.split("/"))
