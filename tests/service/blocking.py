"""A worker that blocks the reactor, and one that is slow, for tests with real processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from tests.service.support import Plain


class Publishing(Plain):
    """A worker that sends itself messages when it starts: as many as SENT says, 1 by default."""

    def setup_connectors(self) -> None:
        self.own = self.setup_connector(
            self.config.transport_name, ("inbound",), ("inbound", "outbound")
        )
        self.own.add_handler("inbound", self.consume)

    async def setup_worker(self) -> None:
        for n in range(int(os.environ.get("SENT", "1"))):
            message = UserMessage(
                to_addr="1",
                from_addr=str(n),
                transport_name=self.config.transport_name,
                transport_type="sms",
                content=str(n),
            )
            await self.own.publish("inbound", message)

    def consume(self, message: Any) -> Any:
        """Nothing."""


class Blocking(Publishing):
    """A handler that blocks for as long as BLOCKS says, in seconds."""

    def consume(self, message: Any) -> None:
        time.sleep(float(os.environ["BLOCKS"]))
        print("went on", flush=True)  # noqa: T201  # the test reads it


class BlockingMiddleware(BaseMiddleware):
    """A middleware that blocks for 1.5 s."""

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        time.sleep(1.5)
        return message


class Slow(Publishing):
    """A handler that never ends; those that can't be cancelled if STUBBORN is set."""

    def consume(self, message: Any) -> Deferred[None]:
        print(f"in hand {message.content}", flush=True)  # noqa: T201  # the test reads it
        if "STUBBORN" not in os.environ:
            return Deferred()
        return Deferred(lambda _: Deferred())


class Noting(Plain):
    """Writes what it gets into the file NOTES."""

    def setup_connectors(self) -> None:
        own = self.setup_connector(self.config.transport_name, ("inbound",))
        own.add_handler("inbound", self.consume)

    def consume(self, message: Any) -> None:
        with Path(os.environ["NOTES"]).open("a", encoding="utf-8") as notes:
            notes.write(f"{message.content}\n")
        print(f"got {message.content}", flush=True)  # noqa: T201  # the test reads it


class Standing(Noting):
    """The same, but it doesn't read before it gets SIGUSR1."""

    def unpause_connectors(self) -> None:
        from twisted.internet import reactor

        clock: Any = reactor
        read = super().unpause_connectors
        signal.signal(signal.SIGUSR1, lambda number, frame: clock.callFromThread(read))


class Blockable(Plain):
    """Blocks for as long as BLOCKS says, in seconds, when its process gets SIGUSR1."""

    def setup_worker(self) -> None:
        signal.signal(signal.SIGUSR1, lambda number, frame: self._block())

    def _block(self) -> None:
        print("blocks", flush=True)  # noqa: T201  # the test reads it
        time.sleep(float(os.environ["BLOCKS"]))
