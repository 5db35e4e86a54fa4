"""Sockets that another process has bound, as the supervisor does for those it starts."""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from zope.interface import implementer

__all__ = ["Inherited", "offered"]

#: The description of an endpoint -> the number of its socket. Such numbers are the whole process';
#: filled when a process begins that was given some.
offered: dict[str, int] = {}


class _SharedPath(unix.Port):
    """Leaves its path and the socket to who bound it; Twisted's own removes the one and shuts down
    the other, under the feet of all others."""

    _shouldShutdown = False

    def connectionLost(self, reason: Any) -> None:  # Twisted's name
        tcp.Port.connectionLost(self, reason)


@implementer(IStreamServerEndpoint)
class Inherited:
    """Accepts connections from a socket that was bound elsewhere, and may be shared.

    :param reactor: the reactor.
    :param descriptor: the socket's number; it stays open.
    :param mode: who may connect, if it is a path.
    :param backlog: how many may wait, if it is a path.
    """

    def __init__(self, reactor: Any, descriptor: int, mode: int, backlog: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._mode = mode
        self._backlog = backlog

    def listen(self, factory: Any) -> Deferred[IListeningPort]:
        """Accept; the others go on with the socket when the port is closed."""
        return maybeDeferred(self._adopted, factory)

    def _adopted(self, factory: Any) -> IListeningPort:
        # A program that this process starts must not keep the port open.
        os.set_inheritable(self._descriptor, False)
        os.set_blocking(self._descriptor, False)
        with socket.socket(fileno=os.dup(self._descriptor)) as asked:
            family = asked.family
        if family == socket.AF_UNIX:
            return self._path(factory)
        opened: IListeningPort = self._reactor.adoptStreamPort(self._descriptor, family, factory)
        return opened

    def _path(self, factory: Any) -> IListeningPort:
        port: Any = _SharedPath._fromListeningDescriptor(self._reactor, self._descriptor, factory)
        # It sets both anew.
        port.mode, port.backlog = self._mode, self._backlog
        port.startListening()
        opened: IListeningPort = port
        return opened
