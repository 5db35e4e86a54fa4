from __future__ import annotations

from typing import Any

from pipeline.delivery import Delivery
from pipeline.dispatchers.memory import RoutingMemory, Target
from tests.workers import WorkerCase, inbound


class Memory(WorkerCase):
    """What is remembered is known to all, in every partition, for a time."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def memory(self, name: str = "switch", seconds: float = 60) -> RoutingMemory:
        return RoutingMemory(name, seconds, self.broker)

    def delivery(self, partition: int = 0) -> Delivery:
        reader = self.broker.reader(partition)
        return Delivery("q", b"1-0", b"", partition=partition, reader=reader)

    async def remembered(self, id: str, partition: int = 0, memory: Any = None) -> None:
        at = self.delivery(partition)
        (memory or self.memory()).remember(at, id, Target("menu", "chat"))
        await at.store.commit()

    async def test_recalled(self) -> None:
        """The connector and the endpoint, in whichever partition the question comes."""
        await self.remembered("m", partition=1)
        for partition in range(3):
            source = await self.memory().recall(self.delivery(partition), "m")
            self.assertEqual(Target("menu", "chat"), source)
        self.assertIs(None, await self.memory().recall(self.delivery(), "other"))

    async def test_staged(self) -> None:
        """Nothing is remembered of what isn't settled; a question compares nothing later."""
        at = self.delivery()
        self.memory().remember(at, "m", Target("menu"))
        self.assertEqual(Target("menu"), await self.memory().recall(at, "m"))
        self.assertIs(None, await self.memory().recall(self.delivery(), "m"))
        self.assertEqual([], at.store.checks)

    async def test_apart(self) -> None:
        """Each dispatcher has its own."""
        await self.remembered("m")
        self.assertIs(None, await self.memory("other").recall(self.delivery(), "m"))

    async def test_forgotten(self) -> None:
        """After its time."""
        await self.remembered("m")
        self.clock.advance(61)
        self.assertIs(None, await self.memory().recall(self.delivery(), "m"))

    async def test_message_ids(self) -> None:
        """Any text is an id, as peers choose them."""
        for id in ("", "a:b", "ü", inbound().message_id):
            await self.remembered(id)
            self.assertIsNot(None, await self.memory().recall(self.delivery(), id))
