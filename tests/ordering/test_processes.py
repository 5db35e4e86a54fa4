"""Two thousand messages of twenty keys, three workers, and everything that happens to them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.wire import Wire
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.message import UserMessage
from tests.brokers.redis.bench import RedisBench
from tests.ordering.child import DEAD_AFTER
from tests.quick import SKIP

ROOT = Path(__file__).resolve().parents[2]
MESSAGES, KEYS, WORKERS = 2000, 20, 3
IN, OUT = "work.inbound", "work.outbound"


class Child:
    """A worker in a process, and its id."""

    def __init__(self, *args: str, module: str = "tests.ordering.child") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *args],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self.process.stdout is not None
        self.id = self.process.stdout.readline().strip()

    def end(self) -> None:
        """Have it killed, and let go of it."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Processes(RedisBench, TestCase):
    """Per key what comes out is in the order of what went in; nothing is lost, nothing doubled."""

    skip = SKIP

    timeout = 120
    OWN_SERVER = True

    def hire(self) -> Child:
        url = f"unix://{self.address.path}"
        child = Child(url, self.namespace, self.ordering, str(self.partitions))
        self.children.append(child)
        self.addCleanup(child.end)
        return child

    async def begin(self, ordering: str, workers: int, partitions: int = 1) -> None:
        self.ordering, self.partitions = ordering, partitions
        self.children: list[Child] = []
        self.own = await self.make_broker(partitions=partitions)
        hired = [deferToThread(self.hire) for _ in range(workers)]
        for each in hired:
            await each

    async def feed(self, count: int) -> None:
        encode = Codec().encode
        fed: dict[int, list[Post]] = defaultdict(list)
        for n in range(count):
            key = n % KEYS
            message = UserMessage(
                to_addr="1",
                from_addr=str(key),
                transport_name="work",
                transport_type="sms",
                content=f"{key} {n // KEYS}",
            )
            fed[key % self.partitions].append(Post(IN, encode(message)))
        for partition, posts in fed.items():
            for start in range(0, len(posts), 100):
                await self.own.publish(posts[start : start + 100], partition)

    async def wait(self, seconds: float) -> None:
        await deferLater(self.reactor, seconds)

    def holders(self) -> set[str]:
        """Who reads, by the leases."""
        wire = Wire(self.address)
        leases = [wire.call("GET", layout.lease(IN)) or b"::" for layout in self.own.layouts]
        wire.close()
        return {lease.decode().split(":")[1] for lease in leases}

    async def hurt(self, rounds: int) -> int:
        """Kill or stop one that reads, again and again; how often."""
        hurt = 0
        for turn in range(rounds):
            await self.wait(0.4 + random.random() * 0.4)
            if not (await self.own.depth(IN)).waiting:
                break
            holders = self.holders()
            victims = [child for child in self.children if child.id in holders]
            if not victims:
                continue
            hurt += 1
            await (self.stop_for_a_while if turn % 2 else self.kill)(random.choice(victims))
        return hurt

    async def kill(self, child: Child) -> None:
        self.children.remove(child)
        child.process.kill()
        await deferToThread(self.hire)

    async def stop_for_a_while(self, child: Child) -> None:
        os.kill(child.process.pid, signal.SIGSTOP)
        self.reactor.callLater(
            2.5 * DEAD_AFTER, lambda: child.process.poll() or child.process.send_signal(18)
        )

    async def until_empty(self, ceiling: float) -> None:
        end = self.reactor.seconds() + ceiling
        while self.reactor.seconds() < end:
            depth = await self.own.depth(IN)
            if not any(depth):
                return
            await self.wait(0.1)
        raise AssertionError(f"still there: {depth}")

    async def came_out(self) -> dict[str, list[int]]:
        decode, found = Codec().decode, defaultdict(list)
        for partition in range(self.partitions):
            layout = self.own.layouts[partition]
            entries: Any = self.tell("XRANGE", layout.stream(OUT), "-", "+")
            for _, values in entries:
                key, number = decode(values[1]).content.split()
                found[key].append(int(number))
        return found

    async def check(self, count: int) -> None:
        wanted = {str(key): list(range(count // KEYS)) for key in range(KEYS)}
        self.assertEqual(wanted, await self.came_out())

    async def test_strict(self) -> None:
        """While those that read fail, are killed and stopped, the order holds."""
        await self.begin("strict", WORKERS)
        await self.feed(MESSAGES)
        hurt = await self.hurt(6)
        await self.until_empty(60)
        self.assertGreaterEqual(hurt, 4)
        await self.check(MESSAGES)

    async def test_strict_in_partitions(self) -> None:
        """Several partitions, each with a lease of its own."""
        await self.begin("strict", 2, partitions=2)
        await self.feed(400)
        await self.hurt(2)
        await self.until_empty(60)
        await self.check(400)

    async def test_strict_hand_over(self) -> None:
        """Who is told to stop hands over at once: all of it long before a death would count."""
        await self.begin("strict", 2)
        await self.feed(400)
        await self.wait(0.2)
        [first] = [child for child in self.children if child.id in self.holders()]
        first.process.terminate()
        self.assertEqual(0, await deferToThread(first.process.wait, 20))
        await self.wait(0.4)
        self.assertNotIn(first.id, self.holders())
        self.assertNotEqual({""}, self.holders())
        await self.until_empty(60)
        await self.check(400)

    async def test_process(self) -> None:
        """In one process retries hold their key, too."""
        await self.begin("process", 1)
        await self.feed(600)
        await self.until_empty(60)
        await self.check(600)
