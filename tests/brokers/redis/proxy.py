"""A way to the server that can lose replies: commands arrive, the answers don't."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone

from pipeline.brokers.redis.address import Address


class Proxy:
    """Passes everything on, until told to lose the reply of a command.

    :param address: where the server is, on a unix socket.
    :param reactor: the reactor.
    """

    def __init__(self, address: Address, reactor: Any) -> None:
        self.reactor = reactor
        self.server = address
        self._folder = tempfile.mkdtemp(prefix="proxy")
        self.address = dataclasses.replace(address, path=os.path.join(self._folder, "s"))
        self.sessions: list[_Inward] = []
        #: How many replies are still to be lost, and what a command must contain for that.
        self.to_lose = 0
        self.marks: tuple[bytes, ...] = ()
        #: How many were lost.
        self.lost = 0
        self._port: Any = None

    async def start(self) -> None:
        """Listen."""
        factory = Factory.forProtocol(lambda: _Inward(self))
        factory.noisy = False
        self._port = await UNIXServerEndpoint(self.reactor, self.address.path).listen(factory)

    async def stop(self) -> None:
        """Listen no more, and cut all connections."""
        await self._port.stopListening()
        for session in list(self.sessions):
            await session.cut()
        shutil.rmtree(self._folder, ignore_errors=True)

    def lose(self, count: int, *marks: bytes) -> None:
        """Cut the connection before the reply of the next commands that contain a mark."""
        self.to_lose, self.marks = count, marks

    def wants_to_lose(self, data: bytes) -> bool:
        """Whether the reply of these commands is to be lost."""
        if not self.to_lose or not any(mark in data for mark in self.marks):
            return False
        self.to_lose -= 1
        self.lost += 1
        return True


class _Inward(Protocol):
    """A connection of the client's."""

    def __init__(self, proxy: Proxy) -> None:
        self.proxy = proxy
        self.outward: Any = None
        self.waiting: list[bytes] = []
        self.mute = False
        self.closed: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.proxy.sessions.append(self)
        endpoint = UNIXClientEndpoint(self.proxy.reactor, self.proxy.server.path)
        factory = Factory.forProtocol(lambda: _Outward(self))
        factory.noisy = False
        endpoint.connect(factory).addCallbacks(self._reached, lambda _: self._abort())

    def _abort(self) -> None:
        self.transport.abortConnection()

    def _reached(self, outward: Any) -> None:
        self.outward = outward
        for data in self.waiting:
            outward.transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        if self.proxy.wants_to_lose(data):
            self.mute = True
        if self.outward is None:
            self.waiting.append(data)
        else:
            self.outward.transport.write(data)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.proxy.sessions.remove(self)
        if self.outward is not None:
            self.outward.transport.abortConnection()
        self.closed.callback(None)

    async def cut(self) -> None:
        """End it."""
        self._abort()
        await self.closed


class _Outward(Protocol):
    """A connection of ours to the server."""

    def __init__(self, inward: _Inward) -> None:
        self.inward = inward

    def dataReceived(self, data: bytes) -> None:
        if self.inward.mute:
            self.inward.transport.abortConnection()
        else:
            self.inward.transport.write(data)

    def connectionLost(self, reason: Any = connectionDone) -> None:
        self.inward.transport.abortConnection()
