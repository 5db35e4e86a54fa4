"""A dispatcher's processes are killed and stopped while it carries messages both ways."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.codec import Codec
from pipeline.delivery import Post
from tests.brokers.redis.bench import RedisBench
from tests.dispatchers.systems import acked, said
from tests.ordering.child import DEAD_AFTER
from tests.ordering.test_processes import Child
from tests.quick import SKIP

MESSAGES, PROCESSES, PARTITIONS = 1500, 3, 2
QUEUES = ("web.inbound", "menu.outbound", "news.outbound", "web.event")


class Processes(RedisBench, TestCase):
    """Everything arrives where it should, once."""

    skip = SKIP

    timeout = 120
    OWN_SERVER = True

    def hire(self) -> Child:
        url = f"unix://{self.address.path}"
        arguments = (url, self.namespace, str(PARTITIONS))
        child = Child(*arguments, module="tests.dispatchers.child")
        self.addCleanup(child.end)
        return child

    async def put(self, queue: str, messages: list[Any]) -> None:
        encode = Codec().encode
        for partition in range(PARTITIONS):
            posts = [Post(queue, encode(each)) for each in messages[partition::PARTITIONS]]
            await self.own.publish(posts, partition)

    async def hurt(self, rounds: int) -> None:
        """Kill one process and hire another, or stop one for longer than it may be silent."""
        for turn in range(rounds):
            await deferLater(self.reactor, 0.1 + random.random() * 0.2)
            self.hurts += sum(await self.depths()) > 0
            victim = self.children.pop(0)
            if turn % 2:
                os.kill(victim.process.pid, signal.SIGSTOP)
                await deferLater(self.reactor, 2 * DEAD_AFTER)
                os.kill(victim.process.pid, signal.SIGCONT)
                self.children.append(victim)
            else:
                await deferToThread(victim.end)
                self.children.append(await deferToThread(self.hire))

    async def depths(self) -> list[int]:
        """How much of each queue is still to be carried."""
        return [sum((await self.own.depth(queue))[:3]) for queue in QUEUES]

    async def drained(self) -> None:
        """Wait until all is carried."""
        while sum(await self.depths()):
            await deferLater(self.reactor, 0.05)

    def ids(self, queue: str) -> Counter[str]:
        """How often each message, or the message of each event, is in a queue."""
        found: Counter[str] = Counter()
        for layout in self.own.layouts:
            entries: Any = self.tell("XRANGE", layout.stream(queue), "-", "+")
            for _, values in entries:
                message = Codec().decode(values[1])
                found[getattr(message, "user_message_id", None) or message.message_id] += 1
        return found

    async def test_once(self) -> None:
        """Each message of a user comes to both applications once, each of theirs to the transport
        once, and each event about one to who sent it, once; also those that come later."""
        self.own = await self.make_broker(partitions=PARTITIONS)
        self.hurts = 0
        self.children = [await deferToThread(self.hire) for _ in range(PROCESSES)]
        inward = [said(str(n), from_addr=f"u{n}") for n in range(MESSAGES)]
        menu, news = ([said(str(n), to_addr=f"u{n}") for n in range(MESSAGES // 2)] for _ in "ab")
        await self.put("web.inbound", inward)
        await self.put("menu.outbound", menu)
        await self.put("news.outbound", news)
        await self.hurt(4)
        await self.drained()
        events = [acked(each) for each in [*menu, *news]]
        random.shuffle(events)  # so they come in any partition, as from the edge
        await self.put("web.event", events)
        await self.hurt(2)
        await self.drained()
        sent = {"menu": _once(menu), "news": _once(news)}
        for name in ("menu", "news"):
            self.assertEqual(_once(inward), self.ids(f"{name}.inbound"))
            self.assertEqual(sent[name], self.ids(f"{name}.event"))
        self.assertEqual(sent["menu"] + sent["news"], self.ids("web.outbound"))
        self.assertEqual([], await self.own.dead_queues())
        self.assertGreaterEqual(self.hurts, 3)


def _once(messages: list[Any]) -> Counter[str]:
    return Counter(each.message_id for each in messages)
