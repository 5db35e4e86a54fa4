"""A small system to try messages out in: its middleware, its application, its transport."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer, threads
from twisted.internet.task import deferLater
from twisted.logger import Logger

from pipeline.applications.base import Application
from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.schemas import SystemConfig
from pipeline.config.source import parse_document
from pipeline.config.system import load_system
from pipeline.delivery import delivery_in_hand
from pipeline.dispatchers.base import Dispatcher, Target
from pipeline.errors import Drop, Respond, RetryLater
from pipeline.explain.trace.given import Given
from pipeline.explain.trace.rehearsal import trace
from pipeline.explain.trace.traced import Traced, Wishes
from pipeline.middleware.base import BaseMiddleware
from pipeline.tasks import task
from pipeline.transports.base import Transport

HERE = "tests.explain.trace.samples"

SYSTEM = f"""\
namespace: shop
redis: redis://127.0.0.1:1
workers:
  desk:
    class: {HERE}.Desk
    transport_name: phone
    middleware: [{{ask: {HERE}.Asking}}, {{count: {HERE}.Counting}}, {{log: {HERE}.Saying}}]
    ask: {{secret: s3cret}}
  phone:
    class: {HERE}.Phone
    transport_name: phone
    middleware: [{{upper: {HERE}.Upper}}]
"""

#: What really happened outside: setups, calls.
outside: list[str] = []


class Phone(Transport):
    """Would call the world."""

    def setup_transport(self) -> None:
        outside.append("connected")

    def handle_outbound_message(self, message: Any) -> None:
        outside.append("sent")


class Desk(Application):
    """Answers."""

    def setup_application(self) -> None:
        outside.append("opened")

    async def consume_user_message(self, message: Any) -> None:
        delivery_in_hand().store.incr("desk:answers")
        await self.reply_to(message, f"re: {message.content}")


class Ordering(Desk):
    """Has a task do it."""

    async def consume_user_message(self, message: Any) -> None:
        await quick.send(message.content)


@task(name="traced-quick")
async def quick(text: str) -> str:
    """Is done at once."""
    return text


class Round(Dispatcher):
    """Sends everything back to where it came from."""

    def route_inbound(self, message: Any, connector_name: str) -> list[Target]:
        return [Target("b" if connector_name == "a" else "a")]

    route_outbound = route_inbound

    def setup_connectors(self) -> None:
        super().setup_connectors()
        for name in ("a", "b"):
            del self.connectors[name]
            connector = self.setup_connector(name, ("inbound",), ("inbound",))
            connector.set_default_handler("inbound", self._handler(self._inbound, name))


class Upper(BaseMiddleware):
    """Raises its voice on the way in."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        message.content = message.content.upper()
        message.helper_metadata["upper"] = {"by": self.name}
        return message


class AskingConfig(Config):
    """Has something to hide."""

    secret = ConfigText("Nobody's business.", static=True)


class Asking(BaseMiddleware):
    """Does what the message says."""

    CONFIG_CLASS = AskingConfig

    async def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        word, _, rest = message.content.lower().partition(" ")
        if word == "wait":
            await deferLater(self.worker.clock, float(rest))
        elif word == "thread":
            message.helper_metadata["thread"] = await threads.deferToThread(lambda: "done")
        elif word == "hang":
            await defer.Deferred()
        elif word == "drop":
            raise Drop("not today")
        elif word == "respond":
            raise Respond(message.reply("no"))
        elif word == "later":
            raise RetryLater(30, "busy")
        elif word == "fail":
            raise KeyError("gone")
        elif word == "none":
            return None
        elif word == "copy":
            other = message.copy()
            del other.helper_metadata["upper"]
            return other
        return message


class Counting(BaseMiddleware):
    """Counts in the store: in the message's settlement, and at once."""

    async def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        delivery_in_hand().store.incr("seen")
        store = self.worker.store()
        store.sadd("senders", message.from_addr)
        await store.commit()
        return message


class Saying(BaseMiddleware):
    """Only logs."""

    log = Logger()

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        self.log.warn("heard {content}", content=message.content)
        return message


def system(text: str = SYSTEM) -> SystemConfig:
    """A configuration."""
    return load_system(parse_document(text, "shop.yaml"))


async def traced(
    content: Any = "hi", kind: str | None = None, text: str = SYSTEM, **wishes: Any
) -> Traced:
    """What came of a message, of its content or its fields."""
    from twisted.internet import reactor

    del outside[:]
    fields = content if isinstance(content, dict) else {"content": content}
    given = Given.of(fields, kind)
    return await trace(system(text), given, reactor, Wishes(**{"patience": 0.3, **wishes}))


class Unready(BaseMiddleware):
    """Can't be set up."""

    def setup_middleware(self) -> None:
        raise OSError("no disk")


class Clinging(BaseMiddleware):
    """Waits for its setup, and can't be torn down."""

    async def setup_middleware(self) -> None:
        await deferLater(self.worker.clock, 20)

    def teardown_middleware(self) -> None:
        raise OSError("still busy")


class Endless(BaseMiddleware):
    """Is never set up."""

    async def setup_middleware(self) -> None:
        await defer.Deferred()


@task(name="traced-apart", isolation="process")
def apart() -> None:
    """Runs in a process."""
