"""Dispatchers between HTTP and applications, over a real server, in two partitions."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from pipeline.applications.base import Application
from pipeline.applications.tasks import TaskApplication
from pipeline.codec import Codec
from pipeline.delivery import delivery_in_hand
from pipeline.dispatchers import (
    ContentKeywordRouter,
    LoadBalancingRouter,
    RoutingTableDispatcher,
    SimpleDispatchRouter,
)
from pipeline.errors import PermanentFailure
from pipeline.tasks.client import Client
from pipeline.worker import Runtime
from tests.tasks import jobs
from tests.transports.http.clients import Echo
from tests.transports.http.test_over_redis import JOBS, RedisCase

BETWEEN = {
    "receive_inbound_connectors": ["web", "other"],
    "receive_outbound_connectors": ["menu", "news"],
}


class Counting(Echo):
    """Answers in capitals, and counts the acks of its answers in the store."""

    async def consume_user_message(self, message: Any) -> None:
        await self.reply_to(message, f"{self.name}: {message.content}")

    def consume_ack(self, event: Any) -> None:
        self._count("acks", event)

    def consume_delivery_report(self, event: Any) -> None:
        self._count("reports", event)

    def _count(self, what: str, event: Any) -> None:
        delivery_in_hand().store.sadd(f"{what}:{self.config.transport_name}", event.user_message_id)


class Menu(Counting):
    """One application."""


class News(Counting):
    """Another."""


class Failing(Application):
    """Fails for good."""

    def consume_user_message(self, message: Any) -> None:
        raise PermanentFailure("as always")


class Dispatched(RedisCase):
    """A request is answered through dispatchers, by the process that it came to."""

    async def ask(self, port: int, content: str, **fields: Any) -> Any:
        return await self.request(
            port, "POST", "/messages", {"from_addr": "u", "content": content, **fields}
        )

    async def acks(self, worker: Any, name: str, count: int) -> set[bytes]:
        """The ids of the acknowledged answers of an application, when there are so many."""
        found: set[bytes] = set()
        while len(found) < count:
            for partition in range(worker.broker.partitions):
                found |= await worker.store(partition).smembers(f"acks:{name}")
        return found

    async def test_processes(self) -> None:
        """Two HTTP processes of one transport, two of the dispatcher, two applications: each
        request has its own answer, and each application the acks of its answers."""
        options = {
            "keyword_mappings": {"menu": "eat", "news": "read"},
            "fallback_application": "news",
            # Acks have the way back with them.
            "expire_routing_memory": 0,
            "transport_name": None,
            **BETWEEN,
        }
        await self.start(Menu, transport_name="menu")
        last = await self.start(News, transport_name="news")
        for _ in range(2):
            await self.start(ContentKeywordRouter, **options)
        ports = [(await self.http())[1] for _ in range(2)]
        asked = [
            Deferred.fromCoroutine(
                self.ask(ports[n % 2], f"{['eat', 'read', 'so'][n % 3]} {n}", from_addr=f"u{n}")
            )
            for n in range(60)
        ]
        answers = [response.json["content"] for response in await gatherResults(asked)]
        expected = [
            f"{['Menu', 'News', 'News'][n % 3]}: {['eat', 'read', 'so'][n % 3]} {n}"
            for n in range(60)
        ]
        self.assertEqual(expected, answers)
        menu, news = await self.acks(last, "menu", 20), await self.acks(last, "news", 40)
        self.assertEqual((20, 40, set()), (len(menu), len(news), menu & news))

    async def test_reports(self) -> None:
        """What a transport learns later, with nothing in hand, finds back by the memory."""
        routes = {"web": ["news"], "other": []}
        await self.start(Menu, transport_name="menu")
        news = await self.start(News, transport_name="news")
        await self.start(
            SimpleDispatchRouter, transport_name=None, route_mappings=routes, **BETWEEN
        )
        transport, port = await self.http()
        for n in range(4):
            await self.ask(port, "hi", from_addr=f"u{n}")
        ids = await self.acks(news, "news", 4)
        for id in ids:
            await transport.publish_delivery_report(id.decode(), "delivered")
        found: set[bytes] = set()
        while len(found) < len(ids):
            for partition in range(2):
                found |= await news.store(partition).smembers("reports:news")
        self.assertEqual(ids, found)

    async def test_renamed(self) -> None:
        """Two transports behind one name: an answer goes back to the one that asked."""
        await self.start(Menu, transport_name="menu")
        options = {**BETWEEN, "receive_outbound_connectors": ["menu"], "transport_name": None}
        await self.start(LoadBalancingRouter, **options)
        _, web = await self.http()
        _, other = await self.http(transport_name="other")
        for port in (web, other, web, other, other):
            response = await self.ask(port, "hi")
            self.assertEqual((200, "Menu: hi"), (response.status, response.json["content"]))

    async def test_failed(self) -> None:
        """Behind two that rename, an application's failure for good is told to who waits."""
        for inner, outer in (("middle", "web"), ("menu", "middle")):
            await self.start(
                LoadBalancingRouter,
                transport_name=None,
                receive_inbound_connectors=[outer],
                receive_outbound_connectors=[inner],
            )
        await self.start(Failing, transport_name="menu")
        _, port = await self.http(wait=60)
        response = await self.ask(port, "hi")
        self.assertEqual(500, response.status)
        self.assertIn(b"as always", response.body)

    async def test_two_in_a_row(self) -> None:
        """Through a dispatcher behind a dispatcher, the first of which renames."""
        await self.start(Menu, transport_name="menu")
        await self.start(
            LoadBalancingRouter,
            transport_name=None,
            receive_inbound_connectors=["web"],
            receive_outbound_connectors=["middle"],
        )
        table = {
            "middle": {"default": ["menu", "default"]},
            "menu": {"default": ["middle", "default"]},
        }
        await self.start(
            RoutingTableDispatcher,
            transport_name=None,
            receive_inbound_connectors=["middle"],
            receive_outbound_connectors=["menu"],
            routing_table=table,
        )
        _, port = await self.http()
        response = await self.ask(port, "hi")
        self.assertEqual((200, "Menu: hi"), (response.status, response.json["content"]))

    async def test_tasks(self) -> None:
        """Calls of a client are run behind a dispatcher, and their results come back. HTTP doesn't
        know the names of tasks there."""
        for name in ("work", "web"):
            sides = {
                "receive_inbound_connectors": [name],
                "receive_outbound_connectors": [f"{name}-deep"],
                "routing_table": {
                    name: {"default": [f"{name}-deep", "default"]},
                    f"{name}-deep": {"default": [name, "default"]},
                },
            }
            await self.start(RoutingTableDispatcher, transport_name=None, **sides)
            await self.start(TaskApplication, tasks=[JOBS], transport_name=f"{name}-deep")
        client = Client(Runtime(await self.broker(), Codec(), self.reactor, "test"))
        handles = [await client.send(jobs.add, [n]) for n in range(20)]
        self.assertEqual(list(range(20)), [await handle.result(20) for handle in handles])
        await client.stop()
        _, port = await self.http()
        response = await self.request(port, "POST", f"/tasks/{jobs.add.name}", [1])
        self.assertEqual(404, response.status)

    async def test_no_route(self) -> None:
        """A request that has no way is answered with an error at once."""
        routes = {"web": [], "other": ["menu"]}
        await self.start(
            SimpleDispatchRouter, transport_name=None, route_mappings=routes, **BETWEEN
        )
        _, port = await self.http(wait=60)
        response = await self.ask(port, "hi")
        self.assertEqual(500, response.status)
        self.assertIn(b"no route for inbound messages like this", response.body)
