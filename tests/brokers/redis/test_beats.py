"""Heartbeats go on, whatever happens to the reactor or the server."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.beats import Heart
from pipeline.brokers.redis.layout import Layout
from tests.brokers.redis.bench import RedisCase


class Beating(RedisCase):
    OWN_SERVER = True

    def heart(self, partitions: int = 1) -> Heart:
        layouts = [Layout(self.namespace, n) for n in range(partitions)]
        heart = Heart(self.address, "me", layouts, 0.05)
        heart.start()
        self.addCleanup(heart.join, 3)
        self.addCleanup(heart.stop)
        return heart

    def beat(self, partition: int = 0) -> Any:
        return self.tell("ZSCORE", f"{{{self.namespace}:{partition}}}:w", "me")

    async def moves(self) -> None:
        """The beat moves on."""
        before = self.beat()
        await self.until(lambda: self.beat() not in (None, before))

    async def test_beats(self) -> None:
        """The beat moves on in every partition."""
        self.heart(3)
        await self.moves()
        await self.until(lambda: self.beat(1) and self.beat(2))

    async def test_at_the_memory_limit(self) -> None:
        """A beat is no reason to need memory: nobody looks dead on a full server."""
        self.heart()
        await self.moves()
        self.limit()
        await self.moves()

    async def test_scripts_forgotten(self) -> None:
        """It goes on when the server has forgotten the script, or has lost all."""
        self.heart()
        await self.moves()
        self.tell("SCRIPT", "FLUSH")
        await self.moves()
        self.tell("FLUSHALL")
        await self.moves()

    async def test_restart(self) -> None:
        """It goes on when the server is back, and knows for how long no beat got through."""
        assert self.server is not None
        heart = self.heart()
        await self.moves()
        self.server.kill_now()
        await self.until(lambda: heart.silence > 0.2)
        self.server.start_now()
        await self.moves()
        await self.until(lambda: heart.silence < 0.2)

    async def test_wrong_type(self) -> None:
        """An error of the server ends nothing."""
        self.heart()
        await self.moves()
        key = f"{{{self.namespace}:0}}:w"
        self.tell("DEL", key)
        self.tell("SET", key, "x")
        await self.pause(0.15)
        self.tell("DEL", key)
        await self.moves()

    async def test_stop(self) -> None:
        """A heart that was stopped beats no more, and its thread ends."""
        heart = self.heart()
        await self.moves()
        heart.stop()
        heart.join(2)
        self.assertFalse(heart._thread.is_alive())
        self.assertEqual(0.0, heart.silence)
