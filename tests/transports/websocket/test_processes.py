"""config/websocket.yaml in real processes: two on one port, one that answers, one that dies."""

from __future__ import annotations

from pathlib import Path
from signal import SIGTERM
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.python.threadpool import ThreadPool
from twisted.trial.unittest import TestCase

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.message import UserMessage
from tests.service.support import ROOT, Process, twistd
from tests.test_two_processes import free_port
from tests.transports.websocket.clients import Client

CONFIG = str(ROOT / "config" / "websocket.yaml")
CLIENTS = 24


class Processes(TestCase):
    """Whichever process a client is connected to, it gets its replies, and what is sent to it."""

    timeout = 180

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.folder = Path(self.mktemp()).absolute()
        self.port = free_port()
        self.pool = ThreadPool(0, CLIENTS)
        self.pool.start()
        self.addCleanup(self.pool.stop)

    def process(self, worker: str) -> Process:
        """A process with one worker, that is ready."""
        environment = {
            "PIPELINE_REDIS": f"embedded://{self.folder}",
            "PIPELINE_PORT": str(self.port),
        }
        made = twistd(self, "pipeline", "--config", CONFIG, "--worker", worker, **environment)
        made.wait_for(f"worker {worker!r} is ready")
        return made

    async def client(self) -> Client:
        """A client that is connected."""
        url = f"ws://127.0.0.1:{self.port}/chat"
        return await Client(self.reactor, self.pool).connect(url)

    async def each(self, clients: list[Client], call: Any) -> list[Any]:
        """Do something with all clients at once."""
        calls = [Deferred.fromCoroutine(call(n, client)) for n, client in enumerate(clients)]
        return list(await gatherResults(calls))

    async def ask(self, n: int, client: Client) -> str:
        """Say something, and hear the answer: the client's address."""
        await client.say({"content": f"n{n}"})
        heard = await client.hear()
        self.assertEqual(f"Hello {heard['to_addr']}, you said: n{n}", heard["content"])
        address: str = heard["to_addr"]
        return address

    async def push(self, addresses: list[str]) -> None:
        """Send each user a message that answers nothing, as any process may."""
        server = EmbeddedServer(str(self.folder), reactor=self.reactor)
        broker = RedisBroker(await server.start(), self.reactor, namespace="talk")
        await broker.start()
        fields = {"from_addr": None, "transport_name": "web", "transport_type": "websocket"}
        for address in addresses:
            message = UserMessage.send(address, f"news for {address}", **fields)
            await broker.publish([Post("web.outbound", Codec().encode(message))])
        await broker.stop()
        await server.stop()

    async def hear_news(self, clients: list[Client], addresses: list[str]) -> None:
        """Each client hears what is for it."""

        async def hear(n: int, client: Client) -> Any:
            return (await client.hear())["content"]

        heard = await self.each(clients, hear)
        self.assertEqual([f"news for {address}" for address in addresses], heard)

    async def test_two(self) -> None:
        """Replies and news find everybody; when one process is killed, the others go on."""
        work, first, second = self.process("work"), self.process("web"), self.process("web")
        clients = [await self.client() for _ in range(CLIENTS)]
        addresses = await self.each(clients, self.ask)
        self.assertEqual(CLIENTS, len(set(addresses)))
        await self.push(addresses)
        await self.hear_news(clients, addresses)

        first.kill()
        lost = [n for n, client in enumerate(clients) if not await client.is_there()]
        self.assertTrue(0 < len(lost) < CLIENTS, "the system gave one process all connections")
        left = [each for n, each in enumerate(clients) if n not in lost]
        addresses = await self.each(left, self.ask)
        await self.push(addresses)
        await self.hear_news(left, addresses)

        second.signal(SIGTERM)
        codes = await self.each(left, lambda n, client: client.code())
        self.assertEqual([1001] * len(left), codes)
        for process in (second, work):
            status, out, err = process.terminate()
            self.assertEqual((0, ""), (status, err), out)
            self.assertNotIn("Traceback", out)
