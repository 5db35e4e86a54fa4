"""Two applications that keep state, killed again and again."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.message import UserMessage
from pipeline.state.messages import MessageStore
from pipeline.state.partition import partition_of
from pipeline.store import Store
from tests.brokers.redis.bench import RedisBench
from tests.ordering.test_processes import IN, OUT, Child
from tests.quick import SKIP

MESSAGES, USERS, PARTITIONS = 400, 10, 2


class Killed(RedisBench, TestCase):
    """What is kept, what is counted, and what was answered agree."""

    skip = SKIP
    timeout = 120
    OWN_SERVER = True

    def hire(self) -> None:
        url = f"unix://{self.address.path}"
        child = Child(url, self.namespace, str(PARTITIONS), module="tests.state.child")
        self.children.append(child)
        self.addCleanup(child.end)

    async def feed(self, broker: Any) -> None:
        fed: dict[int, list[Post]] = defaultdict(list)
        for number in range(MESSAGES):
            user = f"+{number % USERS}"
            message = UserMessage(
                to_addr="1",
                from_addr=user,
                transport_name="work",
                transport_type="sms",
                content=f"message {number}",
                session_event="new" if number < USERS else None,
            )
            fed[partition_of(user, PARTITIONS)].append(Post(IN, Codec().encode(message)))
        for partition, posts in fed.items():
            await broker.publish(posts, partition)

    async def hurt(self, broker: Any, least: int) -> None:
        """Kill one and hire another, until nothing is left to be done."""
        hurt = 0
        while any((await broker.depth(IN))[:3]):
            await deferLater(self.reactor, 0.2 + random.random() * 0.3)
            if hurt < 5:
                child = self.children.pop(0)
                child.process.kill()
                await deferToThread(self.hire)
                hurt += 1
        self.assertGreaterEqual(hurt, least)

    async def answers(self, broker: Any) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for partition in range(PARTITIONS):
            entries: Any = self.tell("XRANGE", broker.layouts[partition].stream(OUT), "-", "+")
            for _, values in entries:
                message = Codec().decode(values[1])
                found[message.to_addr].append(int(message.content))
        return {user: sorted(times) for user, times in found.items()}

    async def test_agrees(self) -> None:
        """Every message is kept once and counted once, with its one answer."""
        self.children: list[Child] = []
        broker = await self.make_broker(partitions=PARTITIONS)
        await self.feed(broker)
        for _ in range(2):
            await deferToThread(self.hire)
        await self.hurt(broker, 2)
        each = MESSAGES // USERS
        counted = list(range(1, each + 1))
        self.assertEqual({f"+{n}": counted for n in range(USERS)}, await self.answers(broker))
        messages = MessageStore(broker)
        for number in range(USERS):
            user = f"+{number}"
            kept = await messages.of_address(user).page(count=1000)
            said = [f"message {n}" for n in range(number, MESSAGES, USERS)]
            answered = [f"{n}" for n in counted]
            contents = [message.content for message in kept]
            self.assertEqual(sorted([*said, *answered]), sorted(contents))
            store = Store(broker.reader(partition_of(user, PARTITIONS)))
            session = await store.hgetall(f"session_manager:session:{user}")
            self.assertEqual({b"times": b"%d" % each}, session)
