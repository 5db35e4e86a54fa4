"""The main job: HTTP requests through real processes and a real server, each answered once."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from tests.service.support import ROOT, Process, twistd, written

CONFIG = str(ROOT / "config" / "two-process.yaml")
REQUESTS = 200
AT_ONCE = 20

SLOW = """
redis: ${PIPELINE_REDIS}
stop_timeout: 0.5
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: web
    tasks: [slowness]
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: web
    listen: "tcp:${PIPELINE_PORT}"
"""

SLOW_TASK = """
from twisted.internet.defer import Deferred
from pipeline import task

@task(name="slow", reentrant=True)
async def slow() -> None:
    print("slow begins")
    await Deferred()
"""


@implementer(IBodyProducer)
class Body:
    """A body that is there already."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.length = len(content)

    def startProducing(self, consumer: Any) -> Deferred[None]:  # Twisted's name
        consumer.write(self.content)
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def pauseProducing(self) -> None:
        """Too short for that."""

    stopProducing = resumeProducing = pauseProducing


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class TwoProcesses(TestCase):
    """One or more processes listen, another works; the server is shared."""

    timeout = 180

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.folder = Path(self.mktemp()).absolute()
        self.port = free_port()
        self.environment = {
            "PIPELINE_REDIS": f"embedded://{self.folder}",
            "PIPELINE_PORT": str(self.port),
        }
        self.pool = HTTPConnectionPool(reactor)
        self.pool.maxPersistentPerHost = AT_ONCE
        self.agent = Agent(reactor, pool=self.pool)
        self.addCleanup(self.pool.closeCachedConnections)

    def start(self, worker: str) -> Process:
        process = twistd(
            self, "pipeline", "--config", CONFIG, "--worker", worker, **self.environment
        )
        process.wait_for(f"worker {worker!r} is ready")
        return process

    async def add(self, a: int, b: int) -> Any:
        response = await self.agent.request(
            b"POST",
            f"http://127.0.0.1:{self.port}/tasks/add".encode(),
            Headers({"Content-Type": ["application/json"]}),
            Body(json.dumps([a, b]).encode()),
        )
        content = json.loads(await readBody(response))
        return response.code, content.get("value", content)

    async def ask(self) -> None:
        """Many requests at once, and as many right answers."""
        gate = DeferredSemaphore(AT_ONCE)
        asked = [
            gate.run(lambda n=n: Deferred.fromCoroutine(self.add(n, 1000))) for n in range(REQUESTS)
        ]
        answers = await DeferredList(asked, fireOnOneErrback=True)
        self.assertEqual(
            [(200, n + 1000) for n in range(REQUESTS)], [answer for _, answer in answers]
        )

    async def look(self) -> int:
        """Nothing waits and nothing is in hand; the server's process."""
        server = EmbeddedServer(str(self.folder), reactor=self.reactor)
        broker = RedisBroker(await server.start(), self.reactor, namespace="two")
        await broker.start()
        self.assertFalse(server.owned, "the server is not theirs")
        for queue in ("web.inbound", "web.outbound"):
            self.assertEqual((0, 0, 0, 0), await self.rest(broker, queue), queue)
        pid = server.pid
        await broker.stop()
        await server.stop()
        assert pid is not None
        return pid

    async def rest(self, broker: RedisBroker, queue: str) -> tuple[int, ...]:
        """What is left in a queue, once the last answers have been settled."""
        for _ in range(100):
            depth = tuple(await broker.depth(queue))
            if not any(depth):
                break
            await deferLater(self.reactor, 0.02)
        return depth

    def end(self, *processes: Process) -> None:
        """All end with status 0, without a complaint."""
        from signal import SIGTERM

        for process in processes:
            process.signal(SIGTERM)
        for process in processes:
            status, out, err = process.end()
            self.assertEqual((0, ""), (status, err), out)
            self.assertNotIn("Traceback", out)

    async def test_two(self) -> None:
        """200 requests, 200 right answers; then both end and leave nothing behind."""
        work, web = self.start("work"), self.start("web")
        await self.ask()
        server = await self.look()
        self.end(work, web)
        self.assertEqual([], [pid for pid in (work.pid, web.pid, server) if is_alive(pid)])

    async def test_owner_leaves(self) -> None:
        """When the process that owns the server ends, another one takes the server over."""
        owner = self.start("work")
        web = self.start("web")
        self.end(owner)
        # Stored while nobody works; so the server is there, and what it has been told remains.
        self.assertEqual(202, await self.stored())
        work = self.start("work")
        await self.ask()
        self.end(web, work)
        self.assertFalse(is_alive(web.pid) or is_alive(work.pid))

    async def test_handed_back(self) -> None:
        """What can't be finished in time, and may run twice, is handed back to the next process."""
        file = self.slow()
        first = twistd(self, "pipeline", "--config", file, **self.environment)
        first.wait_for("worker 'web' is ready")
        self.assertEqual(202, await self.stored("slow"))
        first.wait_for("slow begins")
        began = time.monotonic()
        self.end(first)
        self.assertLess(time.monotonic() - began, 20)
        second = twistd(self, "pipeline", "--config", file, **self.environment)
        second.wait_for("slow begins")
        self.end(second)

    def slow(self) -> str:
        """A configuration whose task takes longer than anybody waits."""
        file = written(self, SLOW)
        Path(file).with_name("slowness.py").write_text(SLOW_TASK, encoding="utf-8")
        return file

    async def stored(self, task: str = "add") -> int:
        """Post a call that nobody waits for, until it is accepted: the last status."""
        status = 0
        for _ in range(200):
            response = await self.agent.request(
                b"POST",
                f"http://127.0.0.1:{self.port}/tasks/{task}?wait=0".encode(),
                Headers({"Content-Type": ["application/json"]}),
                Body(b"[]"),
            )
            status = response.code
            await readBody(response)
            if status == 202:
                break
            await deferLater(self.reactor, 0.05)
        return status

    async def test_shared_port(self) -> None:
        """The same with two processes that share a port."""
        work, one, other = self.start("work"), self.start("web"), self.start("web")
        await self.ask()
        server = await self.look()
        self.end(one, other, work)
        pids = (work.pid, one.pid, other.pid, server)
        self.assertEqual([], [pid for pid in pids if is_alive(pid)])
