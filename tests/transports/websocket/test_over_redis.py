"""WebSocket over a real server, in several partitions, and while it is away."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from pipeline.testing.server import own_server
from tests.transports.http.test_over_redis import RedisCase as OverRedis
from tests.transports.websocket.clients import Talker, WebSocketCase


class RedisCase(OverRedis, WebSocketCase):
    """The same workers, over a real server."""


class RoundTrips(RedisCase):
    """Replies come back, and news, over whichever partition and process."""

    async def test_talk(self) -> None:
        """Of twenty clients at two processes each gets its own replies, and its own news."""
        talker = await self.start(Talker, ordering="process")
        ports = [(await self.serve())[1] for _ in range(2)]

        async def talk(n: int) -> list[Any]:
            client = await self.client(ports[n % 2])
            for word in range(5):
                await client.say({"content": f"n{n}.{word}"})
            heard = [await client.hear() for _ in range(5)]
            await talker.push(heard[0]["to_addr"], f"news {n}")
            heard.append(await client.hear())
            await client.close()
            return [each["content"] for each in heard]

        talks = await gatherResults([Deferred.fromCoroutine(talk(n)) for n in range(20)])
        for n, heard in enumerate(talks):
            self.assertEqual([*(f"N{n}.{word}" for word in range(5)), f"news {n}"], heard)
        await self.until(lambda: len(talker.closed) == 20)
        self.assertEqual([], talker.nacks)


class Away(RedisCase):
    """While the server is away nothing is lost, and nothing grows."""

    def server_address(self) -> Any:
        self.redis = own_server(self.mktemp())
        self.addCleanup(self.redis.stop_now)
        return self.redis.address

    async def test_outage(self) -> None:
        """What is said meanwhile is stored afterwards, once, and so is the end of a session."""
        talker = await self.start(Talker)
        transport, port = await self.serve(max_pending=2)
        client = await self.client(port)
        await client.say({"content": "before", "id": "0"})
        await self.until(lambda: talker.heard)
        self.redis.kill_now()
        await self.until(lambda: not transport.broker.available)
        for n in range(5):
            await client.say({"content": f"during {n}", "id": str(n)})
        await self.until(lambda: transport.statistics.counts["messages_in"] == 3)
        closing = Deferred.fromCoroutine(client.close())
        self.redis.start_now()
        await self.until(lambda: talker.closed)
        self.assertEqual(
            ["before", *(f"during {n}" for n in range(5))],
            [each.content for each in talker.heard],
        )
        self.assertEqual((1, 1), (len(talker.new), len(talker.closed)))
        await closing
        await self.until(lambda: not transport._sessions)
