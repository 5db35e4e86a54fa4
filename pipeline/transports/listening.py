"""Opens the port that is listened on."""

from __future__ import annotations

import errno
import re
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.tcp import makeBinding
from twisted.logger import Logger

from pipeline.config.endpoints import ServerDescription
from pipeline.errors import ConfigError

__all__ = ["Listening", "url_of"]

LOCAL = "127.0.0.1"
#: Connections that may wait to be accepted; the system may allow fewer. With Twisted's own 50 a
#: burst of 100 clients has some wait a second, until their system asks again.
BACKLOG = 1024

_KEYWORD = re.compile(r"(port|interface|backlog)=(.*)")
_COLON = re.compile(r"(?<!\\):")


class Listening:
    """Where and how to listen.

    :param description: a Twisted endpoint; a ``tcp`` one without interface means 127.0.0.1.
    :param reuse_port: let several processes listen on one port; the system shares out the
        connections.
    :param port_fallback: when the port is taken, listen on another.
    :raise ConfigError: ``reuse_port`` or ``port_fallback`` on what is no ``tcp`` port.
    """

    log = Logger()

    def __init__(
        self, description: ServerDescription, reuse_port: bool = False, port_fallback: bool = False
    ) -> None:
        self.description = description
        self.reuse_port = reuse_port
        self.port_fallback = port_fallback
        self._tcp = _tcp_arguments(description.description)
        if self._tcp is None and (reuse_port or port_fallback):
            raise ConfigError(f"reuse_port and port_fallback need a tcp port, not {description}")

    async def open(self, factory: Any, reactor: Any) -> IListeningPort:
        """Listen.

        :return: the open port.
        :raise CannotListenError: the port is taken, or not ours to take.
        """
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

    def _listen(
        self, reactor: Any, factory: Any, port: int, interface: str, backlog: int
    ) -> IListeningPort:
        where: Any = port
        if self.reuse_port:
            where = makeBinding(interface=interface, port=port, reusePort=True)
        opened: IListeningPort = reactor.listenTCP(where, factory, backlog, interface)
        return opened


def _tcp_arguments(description: str) -> tuple[int, str, int] | None:
    """Port, interface and backlog; None if it isn't a plain TCP port."""
    kind, *parts = _COLON.split(description)
    if kind != "tcp":
        return None
    named: dict[str, str] = {}
    for order, part in enumerate(parts):
        keyword = _KEYWORD.fullmatch(part)
        name = keyword[1] if keyword else "port" if order == 0 else part
        named[name] = keyword[2] if keyword else part
    interface = named.get("interface", LOCAL).replace("\\:", ":")
    return int(named["port"]), interface, int(named.get("backlog", BACKLOG))


def url_of(port: IListeningPort, scheme: str = "http") -> str:
    """The URL of an open port, for people."""
    address: Any = port.getHost()
    host = getattr(address, "host", None)
    if host is None:
        return str(address)
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"{scheme}://{shown}:{address.port}/"
