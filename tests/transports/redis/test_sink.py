"""Writing to foreign places."""

from __future__ import annotations

import json
from typing import Any

from pipeline.brokers.redis.client import Client
from pipeline.errors import PermanentFailure, TemporaryFailure
from pipeline.message import UserMessage
from pipeline.transports.redis.config import WriteConfig
from pipeline.transports.redis.sink import Sink
from tests.brokers.redis.proxy import Proxy
from tests.transports.redis.places import NO_CLI, PlaceCase


def outbound(content: str | None = "hi", **fields: Any) -> UserMessage:
    """A message of an application."""
    given = {"to_addr": "u", "from_addr": "shop", "transport_name": "o", **fields}
    return UserMessage(content=content, transport_type="redis", **given)


class Writing(PlaceCase):
    """One message at a time."""

    async def sink(self, kind: str = "stream", **options: Any) -> Sink:
        return Sink(await self.client(), WriteConfig({kind: self.place, **options}))

    def entries(self) -> list[dict[bytes, bytes]]:
        found = self.tell("XRANGE", self.place, "-", "+")
        return [dict(zip(flat[::2], flat[1::2], strict=True)) for _, flat in found]

    async def test_stream(self) -> None:
        """A stream gets the fields; the entry's id is what the message is known by."""
        message = outbound(in_reply_to="q1")
        sent = await (await self.sink()).write(message)
        [(id, _)] = self.tell("XRANGE", self.place, "-", "+")
        self.assertEqual(id.decode(), sent)
        [entry] = self.entries()
        expected = {
            b"message_id": message.message_id.encode(),
            b"in_reply_to": b"q1",
            b"to_addr": b"u",
            b"from_addr": b"shop",
            b"content": b"hi",
        }
        self.assertEqual(expected, entry)

    async def test_once(self) -> None:
        """A message that is written again, as when the answer was lost, is written once."""
        sink, message = await self.sink(), outbound()
        first = await sink.write(message)
        self.assertEqual(first, await sink.write(message))
        self.assertEqual(1, len(self.entries()))
        bare = await self.sink(dedup_window=0)
        self.assertNotEqual(first, await bare.write(message))
        receipt = f"{self.place}:sent:{message.message_id}"
        self.assertGreater(self.tell("PTTL", receipt), 500_000)

    async def test_lists(self) -> None:
        """A list gets JSON, at the end that is wanted, once."""
        right, left = await self.sink("list"), await self.sink("list", side="left")
        one, two = outbound("one"), outbound("two")
        self.assertEqual(one.message_id, await right.write(one))
        await right.write(one)
        await left.write(two)
        items = [json.loads(each)["content"] for each in self.tell("LRANGE", self.place, 0, -1)]
        self.assertEqual(["two", "one"], items)

    async def test_trimming(self) -> None:
        """A stream is trimmed where that is wanted, and only there."""
        sink = await self.sink(maxlen=3, exact=True)
        for n in range(5):
            await sink.write(outbound(str(n)))
        self.assertEqual([b"2", b"3", b"4"], [entry[b"content"] for entry in self.entries()])
        about = await self.sink(maxlen=3)
        self.assertEqual(("MAXLEN", "~", 3), about._trim)
        await about.write(outbound())
        await (await self.sink()).write(outbound())
        self.assertGreater(self.tell("XLEN", self.place), 3)

    async def test_payload_in_a_stream(self) -> None:
        """A stream's entry may hold one payload."""
        sink = await self.sink(format="json", payload_field="data", fields={"a.b": "content"})
        await sink.write(outbound())
        self.assertEqual([{b"data": b'{"a":{"b":"hi"}}'}], self.entries())

    async def test_other_type(self) -> None:
        """A key of another type is a failure that may pass, and leaves no receipt."""
        self.tell("SET", self.place, "x")
        sink, message = await self.sink(), outbound()
        error = await self.failing(sink.write(message), TemporaryFailure)
        self.assertIn("WRONGTYPE", error)
        self.assertIn(self.place, error)
        self.tell("DEL", self.place)
        await sink.write(message)
        self.assertEqual(1, len(self.entries()))

    async def test_away(self) -> None:
        """A server that is away is a failure that may pass."""
        client = Client(self.address, self.reactor)
        sink = Sink(client, WriteConfig({"stream": self.place}))
        self.assertIn("no connection", await self.failing(sink.write(outbound()), TemporaryFailure))

    async def test_nothing(self) -> None:
        """A message with nothing to be written is a failure for good."""
        sink = await self.sink("list", format="text")
        told = await self.failing(sink.write(outbound(None)), PermanentFailure)
        self.assertIn("no content", told)

    async def failing(self, waiting: Any, kind: type[Exception]) -> str:
        """The text of the error that it fails with."""
        try:
            await waiting
        except kind as error:
            return str(error)
        raise self.failureException(f"no {kind.__name__}")


class Lost(PlaceCase):
    """An answer that is lost."""

    async def test_lost_answer(self) -> None:
        """The message is sent again by the retries, and written once."""
        proxy = Proxy(self.address, self.reactor)
        await proxy.start()
        self.addCleanup(proxy.stop)
        url = f"unix://{proxy.address.path}"
        transport = await self.start(url=url, write={"stream": self.place})
        await self.until(lambda: transport._commands.connected)
        proxy.lose(1, b"XADD")
        sent = await self.send("hi")
        [ack] = await self.messages(1, "orders.event")
        self.assertEqual((1, "ack"), (proxy.lost, ack.event_type))
        [(id, _)] = self.tell("XRANGE", self.place, "-", "+")
        self.assertEqual(
            (id.decode(), sent[0].message_id), (ack.sent_message_id, ack.user_message_id)
        )


class Cli(PlaceCase):
    """With a client that isn't ours."""

    skip = NO_CLI

    async def test_consumer(self) -> None:
        """``redis-cli`` pops what was written."""
        await self.start(write={"list": self.place, "fields": {"text": "content"}})
        await self.send("grüße")
        await self.messages(1, "orders.event")
        self.assertEqual('{"text":"grüße"}', await self.cli("LPOP", self.place))
