"""Foreign channels as sources."""

from __future__ import annotations

from typing import Any

from pipeline.transports.redis import RedisTransport
from tests.transports.redis.places import NO_CLI, PlaceCase, as_json


class ChannelCase(PlaceCase):
    """A transport that hears a channel, or a pattern."""

    async def hearing(
        self, kind: str = "channel", place: str = "", **options: Any
    ) -> RedisTransport:
        more = {k: options.pop(k) for k in ("max_depth", "full_timeout") if k in options}
        transport = await self.start(read={kind: place or self.place, **options}, **more)
        source: Any = transport._source
        await self.until(lambda: source._subscription.connected)
        return transport

    def say(self, *texts: str | bytes, channel: str = "") -> None:
        for text in texts:
            self.tell("PUBLISH", channel or self.place, text)


class Hearing(ChannelCase):
    """What is published becomes messages."""

    async def test_channel(self) -> None:
        """What is published on the channel arrives in order, and nothing else."""
        transport = await self.hearing()
        self.say(as_json(content="other"), channel="elsewhere")
        self.say(*(as_json(content=str(n)) for n in range(20)))
        got = await self.messages(20)
        self.assertEqual([str(n) for n in range(20)], [m.content for m in got])
        self.assertEqual({"channel": self.place, "id": ""}, got[0].transport_metadata["redis"])
        self.assertEqual(20, transport.statistics.counts["read"])

    async def test_pattern(self) -> None:
        """A pattern hears many channels; each message says which."""
        await self.hearing("pattern", f"{self.place}.*")
        self.say(as_json(content="a"), channel=f"{self.place}.one")
        self.say(as_json(content="b"), channel=f"{self.place}.two")
        got = await self.messages(2)
        told = [m.transport_metadata["redis"]["pattern"] for m in got]
        self.assertEqual([f"{self.place}.one", f"{self.place}.two"], told)

    async def test_malformed(self) -> None:
        """What is no message is dead-lettered as it came."""
        await self.hearing()
        self.say(b"\x00", as_json(content="good"))
        self.assertEqual("good", (await self.messages(1))[0].content)
        self.assertEqual(b"\x00", (await self.letters())[0]["payload"])

    async def test_two_processes(self) -> None:
        """Every process hears everything: with an id of the producer's it is one message."""
        for _ in range(2):
            await self.hearing(fields={"message_id": "id", "content": "text"})
        self.say(*(as_json(id=f"{self.place}-{n}", text=str(n)) for n in range(10)))
        got = await self.messages(10)
        await self.until(lambda: True)
        self.assertEqual(set(map(str, range(10))), {m.content for m in got})
        self.assertEqual(0, await self.waiting())

    async def test_stop(self) -> None:
        """What was heard before the stop is stored."""
        transport = await self.hearing(batch=1)
        self.say(*(as_json(content=str(n)) for n in range(50)))
        await self.until(lambda: transport.statistics.counts["read"] == 50)
        await transport.stop_worker(20)
        self.assertEqual(50, await self.waiting())


class Bounded(ChannelCase):
    """A queue of ours that is full."""

    async def test_bounded(self) -> None:
        """What waits here is bounded: then the connection is not read. When there is room again
        all that the server kept arrives."""
        transport = await self.hearing(batch=5, max_depth=5, full_timeout=0.2)
        source: Any = transport._source
        text = as_json(content="x" * 20_000)
        self.say(*[text] * 200)
        await self.until(lambda: source._is_paused)
        await source.measure()
        self.assertLess(transport.statistics.snapshot()["lag"], 80)
        self.assertEqual(200, len(await self.messages(200)))
        self.assertFalse(source._is_paused)


class Cut(ChannelCase):
    """The connection is lost."""

    async def test_cut(self) -> None:
        """It hears again after the connection was lost; that something may be lost is counted."""
        transport = await self.hearing()
        self.tell("CLIENT", "KILL", "TYPE", "pubsub")
        await self.until(lambda: transport.statistics.counts["interrupted"])
        source: Any = transport._source
        await self.until(lambda: source._subscription.connected)
        self.say(as_json(content="again"))
        self.assertEqual("again", (await self.messages(1))[0].content)


class Cli(ChannelCase):
    """With a client that isn't ours."""

    skip = NO_CLI

    async def test_producer(self) -> None:
        """What ``redis-cli`` publishes arrives."""
        await self.hearing(format="text")
        self.assertEqual("1", await self.cli("PUBLISH", self.place, "hello there"))
        self.assertEqual("hello there", (await self.messages(1))[0].content)
