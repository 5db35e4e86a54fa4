"""Real transports and applications over a broker, for the tests of built-in middleware."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import yaml
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.applications.base import Application
from pipeline.codec import Codec
from pipeline.errors import TemporaryFailure
from pipeline.message import UserMessage
from pipeline.testing import OnServer, WorkerHelper
from pipeline.transports.base import Transport
from tests.workers import WorkerCase

#: Where the pages of documentation are.
PAGES = Path(__file__).resolve().parents[2] / "docs" / "middleware"


class Phone(Transport):
    """A transport whose world is a list."""

    def setup_transport(self) -> None:
        self.sent: list[Any] = []

    def handle_outbound_message(self, message: Any) -> Any:
        self.sent.append(message)
        return self.publish_ack(message.message_id, "sent")


class Answering(Application):
    """Answers what it is given, after what a test wants to happen."""

    def setup_application(self) -> None:
        self.got: list[Any] = []
        self.events: list[Any] = []

    def first(self, message: Any) -> Any:
        """Overridden on an instance by a test."""

    async def consume_user_message(self, message: Any) -> None:
        self.got.append(message)
        waited = self.first(message)
        if waited is not None:
            await waited
        await self.reply_to(message, f"re: {message.content}")

    def consume_ack(self, event: Any) -> None:
        self.events.append(event)

    def consume_nack(self, event: Any) -> None:
        self.events.append(event)


def said(content: str = "hi", **fields: Any) -> dict[str, Any]:
    """Fields of an inbound message."""
    given = {"to_addr": "1234", "from_addr": "+27", "transport_type": "sms"}
    return {**given, "content": content, **fields}


def options_of(name: str, dotted: str, options: dict[str, Any]) -> dict[str, Any]:
    """A worker's configuration with one middleware."""
    return {
        "transport_name": "sms",
        "retry": {"jitter": 0, "base": 1, "factor": 1},
        "middleware": [{name: dotted}],
        name: options,
    }


class SystemCase(WorkerCase):
    """A transport ``sms`` and applications, each with a broker of its own, in memory."""

    #: The middleware's dotted name.
    MIDDLEWARE: ClassVar[str]

    def options(self, **options: Any) -> dict[str, Any]:
        return options_of("guard", self.MIDDLEWARE, options)

    def process(self) -> Any:
        """A broker on the same server, as another process has."""
        return self.helper.now(self.helper.place.runtime(dead_after=5)).broker

    def started(self, cls: Any, config: dict[str, Any], broker: Any = None, **codec: Any) -> Any:
        """A worker that runs."""
        runtime = replace(self.runtime, broker=broker or self.process(), codec=Codec(**codec))
        return self.helper.get_worker(cls, config, runtime=runtime).now()

    def say(self, phone: Any, content: str = "hi", **fields: Any) -> Any:
        """A message of a user comes in."""
        message = self.successResultOf(phone.publish_message(**said(content, **fields)))
        self.turn()
        return message

    def turn(self, seconds: float = 0) -> None:
        """Let time pass, and everything happen that happens until then."""
        self.helper.advance(seconds).now()

    def letters(self, queue: str = "sms.inbound") -> list[dict[str, bytes]]:
        """The dead letters of a queue, what they are made of."""
        return [entry.fields for entry in self.dead(queue)]

    def replies(self) -> list[UserMessage]:
        """The answers that nobody has read; they are taken."""
        return [delivery.message for delivery in self.taken("sms.outbound")]


class RedisCase(TestCase):
    """The same over a real server, on the real reactor."""

    def setUp(self) -> None:
        self.helper = WorkerHelper("sms", place=OnServer())
        self.namespace = self.helper.place.namespace
        self.addCleanup(self.helper.cleanup)

    async def started(self, cls: Any, config: dict[str, Any]) -> Any:
        return await self.helper.get_worker(cls, config)

    async def stop(self) -> None:
        await self.helper.cleanup()

    async def settled(self, queue: str = "sms.inbound") -> None:
        """Wait until nothing of a queue is left."""

        async def is_empty() -> bool:
            return not sum((await self.helper.depth(queue))[:3])

        await self.helper.until(is_empty, f"an empty {queue}")


def unreliable(clock: Any, chance: random.Random) -> Callable[[Any], Awaitable[None]]:
    """What an application does first: it takes its time, and fails now and then."""

    async def first(message: Any) -> None:
        await deferLater(clock, chance.choice([0, 0.1, 0.5]))
        if chance.random() < 0.2:
            raise TemporaryFailure("not yet")

    return first


def example_of(page: str) -> dict[str, Any]:
    """The first YAML example of a page."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    return yaml.safe_load(text.split("```yaml\n", 1)[1].split("```", 1)[0])
