"""Transports of files over a real server, and what is in their queues."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from pipeline.transports.file import FileTransport
from tests.transports.http import test_over_redis


class FileCase(test_over_redis.RedisCase):
    """Has files in a folder of its own, and transports of the connector ``web``."""

    timeout = 90

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.path = self.folder / "said.jsonl"
        self.path.write_bytes(b"")
        self.stops = 0

    def say(self, *contents: str, users: int = 5) -> None:
        """Append lines."""
        with open(self.path, "a", encoding="utf-8") as file:
            for n, content in enumerate(contents):
                file.write(json.dumps({"content": content, "from_addr": f"u{n % users}"}) + "\n")

    def append(self, data: bytes) -> None:
        """Append bytes."""
        with open(self.path, "ab") as file:
            file.write(data)

    async def file(self, **options: Any) -> FileTransport:
        """A transport that reads the file, unless it only writes one."""
        given = {"poll": 0.02, **options}
        if "write" not in options:
            given.setdefault("read", str(self.path))
        transport: FileTransport = await self.start(FileTransport, **given)
        return transport

    async def published(self, count: int) -> list[Any]:
        """What is published, of each partition in its order, when there is so much; it is taken."""
        broker, found = await self.broker(), []
        consumers = [broker.consumer("web.inbound", n) for n in range(broker.partitions)]
        for consumer in consumers:
            await consumer.open()
        while len(found) < count:
            for consumer in consumers:
                taking = consumer.take(500)
                await deferLater(self.reactor, 0.02)
                await consumer.interrupt()
                deliveries = await taking
                await consumer.settle(deliveries)
                found += [json.loads(each.payload) for each in deliveries]
        for consumer in consumers:
            await consumer.close()
        return found

    async def contents(self, count: int) -> list[str]:
        """What was published says, in any order."""
        return sorted(message["content"] for message in await self.published(count))

    async def letters(self) -> list[Any]:
        """The dead letters."""
        broker = await self.broker()
        pages = [await broker.dead("web.inbound", n) for n in range(broker.partitions)]
        return [letter.fields for page in pages for letter in page]

    def written(self, path: str | os.PathLike[str]) -> list[Any]:
        """What lines of JSON say."""
        return [json.loads(line) for line in Path(path).read_bytes().splitlines()]
