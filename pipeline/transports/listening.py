"""Opens the port that is listened on, with TLS or without."""

from __future__ import annotations

import errno
import os
import re
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.tcp import makeBinding
from twisted.logger import Logger
from twisted.protocols.haproxy import proxyEndpoint
from twisted.protocols.tls import TLSMemoryBIOFactory

from pipeline.config.base import ConfigSection
from pipeline.config.endpoints import ConfigServerEndpoint, ServerDescription
from pipeline.config.fields import ConfigBool
from pipeline.config.numbers import ConfigInt
from pipeline.errors import ConfigError
from pipeline.transports.authentication import AuthenticationConfig
from pipeline.transports.base import TransportConfig
from pipeline.transports.binding import Binding
from pipeline.transports.inherited import Inherited, offered
from pipeline.transports.tls import Certificate, TlsConfig

__all__ = ["Listening", "ListeningConfig", "url_of"]

#: Who is served where the endpoint doesn't say: this machine.
LOCAL = {"tcp": "127.0.0.1", "ssl": "127.0.0.1", "tcp6": "::1"}
#: Connections that may wait to be accepted; the system may allow fewer. With Twisted's own 50 a
#: burst of 100 clients has some wait a second, until their system asks again.
BACKLOG = 1024

_KEYWORD = re.compile(r"(\w+)=(.*)")
_COLON = re.compile(r"(?<!\\):")
#: What may be said of a port, and of one with TLS.
_ARGUMENTS = {"port", "interface", "backlog"}
_TLS_ARGUMENTS = {"privateKey", "certKey", "extraCertChain"}


class ListeningConfig(TransportConfig):
    """Options of every transport that listens. A subclass declares ``listen``."""

    listen: ConfigServerEndpoint | ServerDescription

    reuse_port = ConfigBool(
        "Let several processes listen on one port and share the connections.",
        default=False,
        static=True,
    )
    port_fallback = ConfigBool(
        "When the port is taken, listen on another one.", default=False, static=True
    )
    tls = ConfigSection("The certificate; without one there is no TLS.", TlsConfig, static=True)
    authentication = ConfigSection(
        "Who may talk to it; anybody by default.", AuthenticationConfig, static=True
    )
    max_connections = ConfigInt(
        "How many connections may be open; more are closed at once.",
        default=5000,
        minimum=1,
        static=True,
    )
    max_connections_per_address = ConfigInt(
        "How many of them may come from one address; 0: any number.",
        default=0,
        minimum=0,
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: the endpoint can't be listened on in this way."""
        super().post_validate()
        try:
            Listening.of(self)
        except ConfigError as error:
            self.raise_config_error(f"listen: {error}", "listen")


class Listening:
    """Where and how to listen.

    :param description: a Twisted endpoint; a ``tcp``, ``tcp6`` or ``ssl`` one without interface is
        for this machine only. The files of an ``ssl`` one are read as those of ``tls`` are.
    :param reuse_port: let several processes listen on one port; the system shares out the
        connections.
    :param port_fallback: when the port is taken, listen on another.
    :param tls: the certificate, if any; for every kind of endpoint but ``ssl``.
    :raise ConfigError: ``reuse_port`` or ``port_fallback`` on what is no TCP port, or arguments
        that can't be.
    :ivar certificate: what is shown to clients, when it is open; None without TLS.
    """

    log = Logger()

    def __init__(
        self,
        description: ServerDescription,
        reuse_port: bool = False,
        port_fallback: bool = False,
        tls: TlsConfig | None = None,
    ) -> None:
        self.description = description
        self._given = str(description)
        self.reuse_port = reuse_port
        self.port_fallback = port_fallback
        self.certificate: Certificate | None = None
        kind, named = _arguments(description.description)
        if kind == "haproxy":
            self.description = _local_proxied(description)
        self._tcp = _binding(kind, named) if kind in LOCAL else None
        self._tls = tls if tls is not None and tls.certificate else None
        if kind == "ssl":
            self._tls = _tls_of(named, self._tls)
        if self._tcp is None and (reuse_port or port_fallback):
            raise ConfigError(f"reuse_port and port_fallback need a tcp port, not {description}")

    @classmethod
    def of(cls, config: Any) -> Listening:
        """What a :class:`ListeningConfig` says."""
        return cls(config.listen, config.reuse_port, config.port_fallback, config.tls)

    @property
    def is_secure(self) -> bool:
        """It speaks TLS."""
        return self._tls is not None

    @property
    def is_behind_proxy(self) -> bool:
        """A proxy tells where each connection is from, by the PROXY protocol."""
        return self.description.description.startswith("haproxy:")

    @property
    def is_local(self) -> bool:
        """Only this machine can reach it, as far as can be told."""
        if self._tcp is None:
            return self.description.description.removeprefix("haproxy:").startswith("unix:")
        return self._tcp[1] in ("::1", "localhost") or self._tcp[1].startswith("127.")

    def binding(self) -> Binding:
        """What another process, as a supervisor, binds so that several can listen.

        :raise ConfigError: an endpoint of this kind is opened by a single process.
        """
        kind, named = _arguments(self.description.description.removeprefix("haproxy:"))
        if kind == "unix":
            return _path_binding(named)
        if kind not in LOCAL:
            raise ConfigError(
                f"an endpoint of type {kind} can't be shared by processes",
                hint="tcp, ssl and unix can, also after haproxy:",
            )
        port, interface, backlog = self._tcp or _binding(kind, named)
        return Binding(
            host=interface,
            port=port,
            backlog=backlog,
            reuse_port=self.reuse_port,
            port_fallback=self.port_fallback,
        )

    async def open(self, factory: Any, reactor: Any) -> IListeningPort:
        """Listen: on a socket that was bound for us, if there is one.

        :return: the open port.
        :raise CannotListenError: the port is taken, or not ours to take.
        :raise ConfigError: the certificate can't be used.
        """
        if self._tls is not None:
            self.certificate = Certificate(self._tls, reactor)
            factory = TLSMemoryBIOFactory(self.certificate, False, factory, reactor)
            factory.noisy = False
        if self._given in offered:
            return await self._inherited(reactor).listen(factory)
        if self._tcp is None:
            opened: IListeningPort = await self.description.endpoint(reactor).listen(factory)
            return opened
        port, interface, backlog = self._tcp
        try:
            return self._listen(reactor, factory, port, interface, backlog)
        except CannotListenError as error:
            if not self.port_fallback or error.socketError.errno != errno.EADDRINUSE:
                raise
        self.log.warn("port {port} is taken: listening on another", port=port)
        return self._listen(reactor, factory, 0, interface, backlog)

    def _inherited(self, reactor: Any) -> IStreamServerEndpoint:
        bound = self.binding()
        found = Inherited(reactor, offered[self._given], bound.mode, bound.backlog)
        return proxyEndpoint(found) if self.is_behind_proxy else found

    def _listen(
        self, reactor: Any, factory: Any, port: int, interface: str, backlog: int
    ) -> IListeningPort:
        where: Any = port
        if self.reuse_port:
            where = makeBinding(interface=interface, port=port, reusePort=True)
        opened: IListeningPort = reactor.listenTCP(where, factory, backlog, interface)
        return opened


def _arguments(description: str) -> tuple[str, dict[str, str]]:
    """The kind of an endpoint, and its arguments by name."""
    kind, *parts = _COLON.split(description)
    named: dict[str, str] = {}
    for order, part in enumerate(parts):
        keyword = _KEYWORD.fullmatch(part)
        name = keyword[1] if keyword else "port" if order == 0 else part
        named[name] = (keyword[2] if keyword else part).replace("\\:", ":")
    return kind, named


def _local_proxied(description: ServerDescription) -> ServerDescription:
    """The same, for this machine only if it doesn't say otherwise."""
    kind, named = _arguments(description.description.partition(":")[2])
    if kind not in LOCAL or "interface" in named:
        return description
    interface = LOCAL[kind].replace(":", "\\:")
    return ServerDescription(f"{description}:interface={interface}")


def _binding(kind: str, named: dict[str, str]) -> tuple[int, str, int]:
    """Port, interface and backlog."""
    known = _ARGUMENTS | _TLS_ARGUMENTS if kind == "ssl" else _ARGUMENTS
    if "" in named:
        raise ConfigError("an argument is empty", hint="a colon in an address is written \\:")
    for name in sorted(named.keys() - known):
        hint = "use the option tls" if kind == "ssl" else f"known: {', '.join(sorted(known))}"
        raise ConfigError(f"an endpoint of type {kind} has no {name!r} here", hint=hint)
    interface = named.get("interface", LOCAL[kind])
    return int(named["port"]), interface, int(named.get("backlog", BACKLOG))


def _path_binding(named: dict[str, str]) -> Binding:
    """A path, as Twisted's own unix endpoints have it."""
    return Binding(
        path=named.get("address", named.get("port", "")),
        mode=int(named.get("mode", "666"), 8),
        backlog=int(named.get("backlog", BACKLOG)),
        is_locked=bool(int(named.get("lockfile", "1"))),
    )


def _tls_of(named: dict[str, str], tls: TlsConfig | None) -> TlsConfig:
    """What an ``ssl`` endpoint says."""
    if tls is not None:
        raise ConfigError("either an ssl endpoint or the option tls, not both")
    if "extraCertChain" in named:
        raise ConfigError("put the chain into the file of the certificate, after it")
    key = named.get("privateKey", "server.pem")
    return TlsConfig({"certificate": named.get("certKey", key), "key": key})


def url_of(port: IListeningPort, scheme: str = "http") -> str:
    """The URL of an open port, for people."""
    address: Any = port.getHost()
    host = getattr(address, "host", None)
    if host is None:
        return f"unix:{os.fsdecode(address.name)}" if hasattr(address, "name") else str(address)
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"{scheme}://{shown}:{address.port}/"
