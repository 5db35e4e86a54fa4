"""The proxies that may say for whom they ask, and whether that was over TLS."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from pipeline.config.fields import ConfigField
from pipeline.config.positions import position
from pipeline.config.problems import Problems, described
from pipeline.errors import ConfigError

__all__ = ["LOCAL", "ConfigProxies", "Origin", "Proxies", "address_of"]

#: How a client of a unix socket is named.
LOCAL = "unix"

#: What a proxy says, and anybody may who is none.
_SAID = frozenset({"x-forwarded-for", "x-forwarded-proto"})

_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
_Pair: TypeAlias = tuple[str, str]


class Origin(NamedTuple):
    """Where a request is from.

    :param remote: the client's address; ``""`` for a unix socket.
    :param scheme: ``http`` or ``https``.
    :param headers: its headers, without what only a trusted proxy may say.
    """

    remote: str
    scheme: str
    headers: list[_Pair]


class Proxies:
    """Finds out where a request is from, as proxies say who are trusted.

    ``X-Forwarded-For`` is read from its end: the first address that is no trusted proxy's is the
    client's. Of ``X-Forwarded-Proto`` the last counts, which the nearest proxy has written.

    :param networks: of addresses that are trusted; :data:`LOCAL` for who comes by a unix socket.
    """

    def __init__(self, networks: Sequence[_Network | str]) -> None:
        self._networks = [each for each in networks if not isinstance(each, str)]
        self._is_local_trusted = LOCAL in networks

    def origin(self, address: str, scheme: str, headers: list[_Pair]) -> Origin:
        """Where a request is from.

        :param address: who has connected, as :func:`address_of` says.
        :param scheme: of the connection.
        :param headers: of the request.
        """
        if not self._is_trusted(address):
            own = [pair for pair in headers if pair[0].lower() not in _SAID]
            return Origin(address, scheme, own)
        said = _listed(headers, "x-forwarded-proto")
        if said and said[-1].lower() in ("http", "https"):
            scheme = said[-1].lower()
        return Origin(self._client(address, headers), scheme, headers)

    def _client(self, address: str, headers: list[_Pair]) -> str:
        """The client for whom the proxies ask; the farthest that is known of, if they err."""
        for each in reversed(_listed(headers, "x-forwarded-for")):
            found = _parsed(each)
            if found is None:
                break
            address = str(found)
            if not self._is_trusted(address):
                break
        return address

    def _is_trusted(self, address: str) -> bool:
        if not address:
            return self._is_local_trusted
        found = _parsed(address)
        return found is not None and any(found in network for network in self._networks)


class ConfigProxies(ConfigField[list[Any]]):
    """IP addresses and networks, as ``10.0.0.0/8``, and ``unix``."""

    kind = "list of addresses"

    def clean(self, value: Any) -> list[Any]:
        """:raises ConfigError: not a list of addresses."""
        if not isinstance(value, (list, tuple)):
            raise self._expected("a list of addresses", value, "as [127.0.0.1, 10.0.0.0/8]")
        problems = Problems()
        networks = []
        for index, each in enumerate(value):
            with problems.collecting():
                networks.append(_network(each, position(value, (index,))))
        problems.raise_any()
        return networks


def address_of(address: Any) -> str:
    """The IP address of a peer; ``""`` for what has none, as a unix socket.

    :param address: an IAddress.
    """
    host = getattr(address, "host", None)
    if not isinstance(host, str):
        return ""
    found = _parsed(host)
    return host if found is None else str(found)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address as it is written, or as some proxies do, with a port."""
    text = text.strip().partition("%")[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return found if mapped is None else mapped


def _listed(headers: list[_Pair], name: str) -> list[str]:
    """The values of a header that has lists."""
    given = [value for known, value in headers if known.lower() == name]
    return [each.strip() for value in given for each in value.split(",") if each.strip()]


def _network(given: Any, at: str | None) -> _Network | str:
    if given == LOCAL:
        return LOCAL
    try:
        if isinstance(given, str):
            return ipaddress.ip_network(given)
    except ValueError:
        pass
    what = f"expected an IP address, a network as 10.0.0.0/8, or unix, got {described(given)}"
    raise ConfigError(what, at=at)
