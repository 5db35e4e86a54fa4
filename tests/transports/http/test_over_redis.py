"""HTTP and tasks over a real server, in several partitions, and while it is away."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from pipeline.applications.requests import RequestApplication
from pipeline.applications.tasks import TaskApplication
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.state.partition import owner_of, partition_of
from pipeline.tasks.client import Client
from pipeline.testing.server import own_server, shared_server, unique_namespace
from pipeline.worker import Runtime
from tests.tasks import jobs
from tests.transports.http import site
from tests.transports.http.clients import Echo, HttpCase

JOBS = "tests.tasks.jobs"


class RedisCase(HttpCase):
    """The same workers, over a real server."""

    def setUp(self) -> None:
        super().setUp()
        self.address = self.server_address()
        self.namespace = unique_namespace()
        jobs.ran.clear()

    def server_address(self) -> Any:
        """Where the server is."""
        return shared_server()

    async def broker(self) -> Any:
        """A broker of its own, as of another process."""
        made = RedisBroker(
            self.address, self.reactor, namespace=self.namespace, partitions=2, beat_every=0.2
        )
        await made.start()
        self.addCleanup(made.stop)
        return made


class RoundTrips(RedisCase):
    """Replies come back, over whichever partition."""

    async def test_messages(self) -> None:
        """Each of many messages gets its own reply, from either of two servers on one port."""
        await self.start(Echo)
        _, port = await self.http(reuse_port=True)
        await self.http(reuse_port=True, listen=f"tcp:{port}")
        asked = [
            Deferred.fromCoroutine(
                self.request(port, "POST", "/messages", {"content": f"n{n}", "from_addr": f"u{n}"})
            )
            for n in range(100)
        ]
        responses = await gatherResults(asked)
        self.assertEqual([f"N{n}" for n in range(100)], [r.json["content"] for r in responses])

    async def test_tasks(self) -> None:
        """Calls over HTTP and calls of a client are run and answered."""
        await self.start(TaskApplication, tasks=[JOBS])
        await self.start(TaskApplication, tasks=[JOBS], transport_name="work")
        _, port = await self.http()
        asked = [
            Deferred.fromCoroutine(self.request(port, "POST", f"/tasks/{jobs.add.name}", [n, 1]))
            for n in range(20)
        ]
        responses = await gatherResults(asked)
        self.assertEqual([n + 1 for n in range(20)], [r.json["value"] for r in responses])
        response = await self.request(port, "POST", f"/tasks/{JOBS}.ad")
        self.assertEqual(404, response.status)
        client = Client(Runtime(await self.broker(), Codec(), self.reactor, "test"))
        handles = [await client.send(jobs.add, [n]) for n in range(20)]
        self.assertEqual(list(range(20)), [await handle.result(5) for handle in handles])
        await client.stop()


class Requests(RedisCase):
    """Views answer from other brokers, as of other processes."""

    async def test_views(self) -> None:
        """Each of many requests gets its own response, from either of two applications; those of
        a session are all in its partition."""
        routes = f"{site.__name__}.routes"
        for _ in range(2):
            await self.start(RequestApplication, routes=routes)
        _, port = await self.http(requests=True)
        site.messages.clear()
        asked = [
            Deferred.fromCoroutine(
                self.request(port, "GET", f"/shop/{n}", Cookie=f"session={n % 5}")
            )
            for n in range(60)
        ]
        paths = [response.json["path"] for response in await gatherResults(asked)]
        self.assertEqual([f"/shop/{n}" for n in range(60)], paths)
        places = {each._delivery.partition for each in site.messages if _is_of(each, 3)}
        self.assertEqual((60, {partition_of(owner_of("3"), 2)}), (len(site.messages), places))
        response = await self.request(port, "POST", "/echo", site.BYTES)
        self.assertEqual(site.BYTES, response.body)


def _is_of(message: Any, session: int) -> bool:
    return ["Cookie", f"session={session}"] in message.extra["http"]["headers"]


class Away(RedisCase):
    """While the server is away, clients are told so soon, and afterwards all is well again."""

    def server_address(self) -> Any:
        self.redis = own_server(self.mktemp())
        self.addCleanup(self.redis.stop_now)
        return self.redis.address

    async def test_outage(self) -> None:
        """An outage is 503 with a time to come again, on /health too, and it ends by itself."""
        await self.start(TaskApplication, tasks=[JOBS])
        transport, port = await self.http(publish_timeout=1)
        path = f"/tasks/{jobs.add.name}"
        self.assertEqual(200, (await self.request(port, "POST", path, [1])).status)
        self.redis.kill_now()
        await self.until(lambda: not transport.broker.available)
        for method, path_away in (("GET", "/health"), ("POST", path), ("POST", "/messages")):
            response = await self.request(port, method, path_away, {"a": 1})
            self.assertEqual((503, "1"), (response.status, response.headers["Retry-After"]))
        self.redis.start_now()
        await self.until(lambda: transport.broker.available)
        await deferLater(self.reactor, 0)
        response = await self.request(port, "POST", path, [2])
        self.assertEqual((200, 2), (response.status, response.json["value"]))
