"""Options that are Twisted endpoint descriptions, as ``tcp:8080:interface=127.0.0.1``.

The form is checked when the configuration is met; the endpoint is made when there is a reactor.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.config.fields import ConfigField
from pipeline.config.problems import suggestion
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

__all__ = ["ClientDescription", "ConfigClientEndpoint", "ConfigServerEndpoint", "ServerDescription"]

_BUILT_IN = frozenset(["tcp", "tcp6", "ssl", "tls", "unix", "systemd", "stdio", "haproxy"])
#: Where in a description the port stands, for the types that have one.
_SERVER_PORT = {"tcp": 0, "tcp6": 0, "ssl": 0}
_CLIENT_PORT = {"tcp": 1, "ssl": 1, "tls": 1}
_COLON = re.compile(r"(?<!\\):")
_KEYWORD = re.compile(r"(\w+)=(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ServerDescription:
    """Where to listen.

    :param description: for :func:`twisted.internet.endpoints.serverFromString`.
    """

    description: str

    def endpoint(self, reactor: Any) -> IStreamServerEndpoint:
        """Make the endpoint.

        :raises ValueError: the description has arguments that its type doesn't take (or a
            TypeError, as Twisted chooses).
        """
        from twisted.internet import endpoints

        untyped: Any = endpoints
        made: IStreamServerEndpoint = untyped.serverFromString(reactor, self.description)
        return made

    def __str__(self) -> str:
        return self.description


@dataclass(frozen=True, slots=True)
class ClientDescription:
    """Where to connect to.

    :param description: for :func:`twisted.internet.endpoints.clientFromString`.
    """

    description: str

    def endpoint(self, reactor: Any) -> IStreamClientEndpoint:
        """Make the endpoint.

        :raises ValueError: the description has arguments that its type doesn't take (or a
            TypeError, as Twisted chooses).
        """
        from twisted.internet import endpoints

        untyped: Any = endpoints
        made: IStreamClientEndpoint = untyped.clientFromString(reactor, self.description)
        return made

    def __str__(self) -> str:
        return self.description


class ConfigServerEndpoint(ConfigField[ServerDescription]):
    """Where to listen, as ``tcp:8080`` or ``unix:/run/a.sock``."""

    kind = "server endpoint"

    def clean(self, value: Any) -> ServerDescription:
        """:raises ConfigError: not a server endpoint description."""
        if isinstance(value, ServerDescription):
            return value
        _check(value, "tcp:8080", _SERVER_PORT, plugins="IStreamServerEndpointStringParser")
        return ServerDescription(value)


class ConfigClientEndpoint(ConfigField[ClientDescription]):
    """Where to connect to, as ``tcp:localhost:8080`` or ``tls:example.org:443``."""

    kind = "client endpoint"

    def clean(self, value: Any) -> ClientDescription:
        """:raises ConfigError: not a client endpoint description."""
        if isinstance(value, ClientDescription):
            return value
        plugins = "IStreamClientEndpointStringParserWithReactor"
        _check(value, "tcp:localhost:8080", _CLIENT_PORT, plugins=plugins)
        return ClientDescription(value)


def _check(value: Any, example: str, ports: dict[str, int], plugins: str) -> None:
    hint = f"as {example}"
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"expected an endpoint description, got {value!r}", hint=hint)
    kind, *parts = _COLON.split(value)
    if kind not in _BUILT_IN and kind not in (known := _prefixes(plugins)):
        close = suggestion(kind, _BUILT_IN | known)
        raise ConfigError(f"there is no endpoint type {kind!r}", hint=close)
    if kind in ports:
        _check_port(_argument(parts, ports[kind], "port"), value, hint)
    elif kind == "unix" and not _argument(parts, 0, "path" if ports is _CLIENT_PORT else "address"):
        raise ConfigError(f"no path in endpoint {value!r}", hint="as unix:/run/some.sock")


def _argument(parts: list[str], index: int, keyword: str) -> str | None:
    positional = [part for part in parts if not _KEYWORD.fullmatch(part)]
    keywords = [found for part in parts if (found := _KEYWORD.fullmatch(part))]
    named = {found[1]: found[2] for found in keywords}
    if "host" in named:
        index = 0
    return named.get(keyword, positional[index] if index < len(positional) else None)


def _check_port(port: str | None, value: str, hint: str) -> None:
    if not port:
        raise ConfigError(f"no port in endpoint {value!r}", hint=hint)
    if not port.isdecimal() or int(port) > 65535:
        raise ConfigError(f"the port of an endpoint must be 0-65535, got {port!r}", hint=hint)


def _prefixes(interface: str) -> set[str]:
    from twisted.internet import interfaces
    from twisted.plugin import getPlugins

    return {each.prefix for each in getPlugins(getattr(interfaces, interface))}
