"""Keeping a private server up for as long as one of its processes runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.service.running import Part

__all__ = ["PrivateServer"]

#: Seconds between two looks at whether the server still answers.
LOOK = 0.25


class PrivateServer:
    """An embedded server, started anew by us when the process that owned it has gone.

    Several processes may share a folder, and the first owns the server. When it stops, another
    takes over here, in the same folder and so with the same data.

    :param server: an :class:`pipeline.brokers.embedded.EmbeddedServer`.
    :param answers: says whether somebody has a connection to it.
    :param clock: the reactor.
    """

    log = Logger()

    def __init__(self, server: Any, answers: Callable[[], bool], clock: Any) -> None:
        self._server = server
        self._answers = answers
        self._clock = clock
        self._looking: LoopingCall | None = None
        self._stopping = False

    @property
    def part(self) -> Part:
        """This, to be started before the broker and stopped after it."""
        return Part("the embedded server", self.start, lambda deadline: self.stop())

    async def start(self) -> None:
        """Start the server, or attach to the one that runs; then watch it."""
        await self._server.start()
        # Made here, as it installs a reactor: who only looks at a configuration needs none.
        self._looking = LoopingCall(self._look)
        self._looking.clock = self._clock
        self._looking.start(LOOK, now=False).addErrback(self._gone_blind)

    async def stop(self) -> None:
        """Stop watching, and the server if it is ours."""
        self._stopping = True
        if self._looking is not None and self._looking.running:
            self._looking.stop()
        await self._server.stop()

    def _look(self) -> Deferred[Any] | None:
        if self._stopping or self._answers():
            return None
        again: Deferred[Any] = self._server.start()
        return again.addErrback(self._still_away)

    def _still_away(self, failure: Failure) -> None:
        if not self._stopping:
            self.log.error("the embedded server is away: {why}", why=failure.getErrorMessage())

    def _gone_blind(self, failure: Failure) -> None:
        self.log.failure("the embedded server is no longer watched", failure)
