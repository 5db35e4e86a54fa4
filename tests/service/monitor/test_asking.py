"""Another process is asked, and that it doesn't answer is an answer, too."""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import TestCase

from pipeline.service.monitor import asking
from pipeline.service.monitor.asking import Said, ask
from pipeline.service.monitor.endpoint import Endpoint
from pipeline.service.monitor.options import MonitorConfig
from pipeline.transports.answers import Answer


class Asking(TestCase):
    """Over unix sockets."""

    timeout = 60

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        # Relative, and so short: the path of a socket has a limit.
        self.path = os.path.relpath(f"{self.mktemp()}.sock")
        os.makedirs(os.path.dirname(self.path) or ".", exist_ok=True)

    async def ask(self, path: str = "/live", seconds: float = 30) -> Said:
        return await ask(f"unix:{self.path}", path, seconds, self.reactor)

    async def serve(self) -> None:
        """Listen as a process of a supervisor does."""
        pages = {"/live": lambda: Answer(503, {"live": False})}
        options = MonitorConfig({"listen": f"unix:{self.path}", "metrics": False})
        endpoint = Endpoint(options, pages, self.reactor)
        await endpoint.start()
        self.addCleanup(lambda: Deferred.fromCoroutine(endpoint.stop()))

    def listen(self, protocol: type[Protocol]) -> None:
        """Listen with this instead."""
        port = self.reactor.listenUNIX(self.path, Factory.forProtocol(protocol))
        self.addCleanup(port.stopListening)

    async def test_answer(self) -> None:
        """Its status and what it says, whatever that is."""
        await self.serve()
        said = await self.ask()
        self.assertEqual((503, b'{"live":false}\n'), said)
        self.assertEqual(404, (await self.ask("/nothing")).status)

    async def test_nobody(self) -> None:
        """Nobody listens."""
        said = await self.ask()
        self.assertEqual(0, said.status)
        self.assertIn(b"it can't be asked", said.body)

    async def test_silent(self) -> None:
        """It listens and says nothing."""
        self.listen(Protocol)
        said = await self.ask(seconds=0.2)
        self.assertEqual(Said(0, b"it has not answered within 0.2 s"), said)

    async def test_stuck(self) -> None:
        """It begins to answer and comes to no end: nothing is left of what was asked."""
        _Stuck.lost = Deferred()
        self.listen(_Stuck)
        said = await self.ask(seconds=0.5)
        self.assertEqual(Said(0, b"it has not answered within 0.5 s"), said)
        await _Stuck.lost

    async def test_nonsense(self) -> None:
        """What it says is no HTTP."""
        self.listen(_Babbling)
        self.assertEqual(0, (await self.ask()).status)

    async def test_too_long(self) -> None:
        """What is too long is not kept."""
        self.patch(asking, "LARGEST", 5)
        await self.serve()
        self.assertEqual(Said(0, b"its answer is too long"), await self.ask())


class _Stuck(Protocol):
    lost: Deferred[None]

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.callback(None)


class _Babbling(Protocol):
    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello\r\n\r\n")
        self.transport.loseConnection()
