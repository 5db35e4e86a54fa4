"""One middleware is tried as a worker has it."""

from __future__ import annotations

from typing import Any

from pipeline.config.base import Config
from pipeline.config.numbers import ConfigInt
from pipeline.delivery import current, delivery_of
from pipeline.errors import ConfigError, Drop, MiddlewareNotUsed, TemporaryFailure
from pipeline.middleware.base import BaseMiddleware, TransportMiddleware
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.middleware import MiddlewareHelper
from pipeline.testing.places import InMemory, OnServer
from pipeline.transports.base import Transport
from pipeline.worker import Worker


class CountingConfig(Config):
    """Options of it."""

    limit = ConfigInt("How many may pass.", default=2, minimum=1, static=True)


class Counting(BaseMiddleware):
    """Counts inbound messages in the store, and drops those over a limit."""

    CONFIG_CLASS = CountingConfig

    async def setup_middleware(self) -> None:
        self.is_set_up = True

    async def handle_inbound(self, message: Any, connector_name: str) -> Any:
        store = delivery_of(message).store
        count = await store.count("seen")
        store.incr("seen")
        if message.content == "fail":
            raise TemporaryFailure("not now")
        if count >= self.config.limit:
            raise Drop("too many")
        message.helper_metadata["count"] = count + 1
        return message


class Trying(PipelineTestCase):
    """Messages one by one."""

    def setUp(self) -> None:
        self.helper = self.add_helper(MiddlewareHelper(Counting))

    def seen(self) -> int:
        count: int = self.helper.now(self.helper.store().count("seen"))
        return count

    def passed(self, content: str = "hi") -> Any:
        return self.helper.consume("inbound", self.helper.make_inbound(content)).now()

    def test_made(self) -> None:
        """It is made by the loader, with options and a name, and set up."""
        made = self.helper.create_middleware({"limit": "5"}, name="n").now()
        self.assertEqual((5, "n"), (made.config.limit, made.name))
        self.assertTrue(made.is_set_up)

    def test_wrong_options(self) -> None:
        """Wrong options are the loader's error."""
        making = self.helper.create_middleware({"limit": 0})
        self.assertIn("limit", str(self.assertRaises(ConfigError, making.now)))

    def test_staged(self) -> None:
        """What it stages in the store is there when the message has passed."""
        self.helper.create_middleware()
        message = self.passed()
        self.assertEqual(({"count": 1}, 1), (message.helper_metadata, self.seen()))

    def test_drop(self) -> None:
        """Drop is raised, and what was staged before it is settled, as in a connector."""
        self.helper.create_middleware({"limit": 1})
        self.passed()
        self.assertRaises(Drop, self.passed)
        self.assertEqual(2, self.seen())

    def test_error(self) -> None:
        """Any other error is raised, and what was staged before it is forgotten."""
        self.helper.create_middleware()
        self.assertRaises(TemporaryFailure, self.passed, "fail")
        self.assertEqual(0, self.seen())
        self.assertIs(None, current.get())

    def test_not_settled(self) -> None:
        """What can't be settled is said: what it read has changed meanwhile."""

        class Racing(BaseMiddleware):
            async def handle_inbound(self, message: Any, connector_name: str) -> Any:
                store, other = delivery_of(message).store, self.worker.store()
                await store.get("key")
                other.set("key", "changed")
                await other.commit()
                store.set("mine", "value")
                return message

        self.helper.create_middleware(cls=Racing)
        error = self.assertRaises(AssertionError, self.passed)
        self.assertIn("could not be settled: conflict", str(error))

    def test_publish(self) -> None:
        """On the way out there is a delivery in hand, or none at the edge."""
        self.helper.create_middleware()
        passed = self.helper.publish(
            "inbound", self.helper.make_inbound(), in_hand=self.helper.make_inbound("first")
        ).now()
        self.assertEqual(({"count": 1}, 1), (passed.helper_metadata, self.seen()))
        edge = self.helper.publish("inbound", self.helper.make_inbound())
        self.assertRaises(AttributeError, edge.now)

    def test_between_workers(self) -> None:
        """It may be a part of a worker that the helper runs, given as a class."""
        config = {"middleware": [{"count": Counting}], "count": {"limit": 1}}
        self.helper.get_worker(Silent, config)
        for _ in range(2):
            self.helper.make_dispatch_inbound("hi")
        self.assertEqual((2, 1), (self.seen(), len(Silent.heard)))

    def test_whose(self) -> None:
        """It is an application's, or a transport's if it says so, or whose one likes."""

        class OfTransport(TransportMiddleware):
            pass

        made = self.helper.create_middleware(cls=OfTransport).now()
        self.assertIsInstance(made.worker, Transport)
        self.assertIs(Worker, type(self.helper.create_middleware(worker_class=Worker).now().worker))

    def test_none(self) -> None:
        """Without a middleware nothing passes; one that isn't used is said to be none."""

        class Unused(BaseMiddleware):
            def __init__(self, *args: Any) -> None:
                raise MiddlewareNotUsed

        with self.assertRaises(AssertionError):
            self.helper.consume("inbound", self.helper.make_inbound())
        self.assertRaises(AssertionError, self.helper.create_middleware(cls=Unused).now)

    async def test_both(self) -> None:
        """Over a real server it is the same."""
        for place in (InMemory(), OnServer()):
            helper = self.add_helper(MiddlewareHelper(Counting, place=place))
            await helper.create_middleware()
            passed = await helper.consume("inbound", helper.make_inbound("hi"))
            self.assertEqual({"count": 1}, passed.helper_metadata)


class Silent(Worker):
    """Notes what it hears."""

    heard: list[Any]

    def setup_connectors(self) -> None:
        type(self).heard = []
        self.setup_ri_connector("sms").add_handler("inbound", self.heard.append)
