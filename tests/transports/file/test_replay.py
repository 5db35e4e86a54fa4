"""Tests of pipeline.transports.file.replay: each line once, whatever happens."""

from __future__ import annotations

import os
import random
from typing import Any

from twisted.internet.task import deferLater

from pipeline.delivery import Settled
from pipeline.middleware.base import TransportMiddleware
from pipeline.transports.file.tail import Tail
from tests.transports.file.systems import FileCase


class Reading(FileCase):
    """A file's lines are published."""

    async def test_all(self) -> None:
        """Each line once, those of one user in their order, with ids that differ."""
        self.say(*(f"{n:04}" for n in range(1000)))
        transport = await self.file(batch=70)
        found = await self.published(1000)
        self.assertEqual([f"{n:04}" for n in range(1000)], sorted(m["content"] for m in found))
        for user in range(5):
            said = [m["content"] for m in found if m["from_addr"] == f"u{user}"]
            self.assertEqual(sorted(said), said)
        self.assertEqual(1000, len({m["message_id"] for m in found}))
        await self.until(lambda: transport.progress.done == transport.progress.total > 0)

    async def test_going_on(self) -> None:
        """Who starts again goes on where the last one stopped; a new name reads all again."""
        self.say("a", "b")
        transport = await self.file()
        self.assertEqual(["a", "b"], await self.contents(2))
        await transport.stop_worker(5)
        self.say("c")
        transport = await self.file()
        self.assertEqual(["c"], await self.contents(1))
        await transport.stop_worker(5)
        await self.file(position="once more")
        self.assertEqual(["a", "b", "c"], await self.contents(3))

    async def test_following(self) -> None:
        """What is appended later is published soon; also behind a half line, and a truncation."""
        await self.file(follow=True)
        self.say("a")
        self.assertEqual(["a"], await self.contents(1))
        self.append(b'{"content": ')
        await deferLater(self.reactor, 0.1)
        self.append(b'"b"}\n')
        self.assertEqual(["b"], await self.contents(1))
        os.truncate(self.path, 0)
        await deferLater(self.reactor, 0.1)
        self.say("c")
        self.assertEqual(["c"], await self.contents(1))

    async def test_rotation(self) -> None:
        """A file that is moved away is read to its end, then the next."""
        self.patch(Tail.__module__ and __import__(Tail.__module__, fromlist=["x"]), "QUIET", 0.1)
        await self.file(follow=True)
        self.say("a")
        self.assertEqual(["a"], await self.contents(1))
        old = self.path.with_name("said.jsonl.1")
        with open(self.path, "ab") as writer:
            self.path.rename(old)
            self.path.write_bytes(b"")
            self.say("c")
            writer.write(b'{"content": "b"}\n')
        self.assertEqual(["b", "c"], await self.contents(2))

    async def test_room(self) -> None:
        """No more is published than the queue may hold."""
        self.say(*map(str, range(200)), users=1)
        transport = await self.file(max_depth=10, batch=50)
        await self.until(lambda: transport.statistics.counts["messages_in"] >= 10)
        await deferLater(self.reactor, 0.3)
        depth = await transport.broker.depth("web.inbound")
        # Both partitions count together.
        self.assertLessEqual(depth.waiting, 2 * 10)
        self.assertEqual(sorted(map(str, range(200))), await self.contents(200))

    async def test_no_file(self) -> None:
        """A file that isn't there is waited for."""
        self.path.unlink()
        await self.file(follow=True)
        await deferLater(self.reactor, 0.1)
        self.say("a")
        self.assertEqual(["a"], await self.contents(1))


class Malformed(FileCase):
    """What can't be published is kept, and holds nothing up."""

    async def test_dead_letters(self) -> None:
        """What is no message is a dead letter, with its place, once; the others are published."""
        self.append(b'{"content": "a"}\nnonsense\n\xff\xfe\n\n')
        self.append(b'{"content": "' + b"x" * 500 + b'"}\n{"content": "b"}\n{"half')
        transport = await self.file(max_line=100)
        self.assertEqual(["a", "b"], await self.contents(2))
        await self.until(lambda: transport.statistics.counts["malformed"] == 5)
        letters = await self.letters()
        self.assertEqual(
            [b"nonsense", b"\xff\xfe", b"", b'{"content": "' + b"x" * 87, b'{"half'],
            [letter["payload"] for letter in letters],
        )
        self.assertEqual({b"undecodable"}, {letter["reason"] for letter in letters})
        self.assertEqual(f"{self.path}, byte 17".encode(), letters[0]["where"])
        self.assertIn(b"a line may have 100 bytes", letters[3]["error"])

    async def test_middleware(self) -> None:
        """What middleware breaks on is a dead letter, too; what it drops is dropped."""
        self.say("a", "break", "late break", "drop", "b", users=1)
        await self.file(middleware=[{"odd": f"{__name__}.Odd"}])
        self.assertEqual(["a", "b"], await self.contents(2))
        letters = await self.letters()
        self.assertEqual(
            [b"ZeroDivisionError: 1", b"ZeroDivisionError: 2"], [each["error"] for each in letters]
        )


class Odd(TransportMiddleware):
    """Drops some, breaks at others."""

    async def handle_inbound(self, message: Any, connector_name: str) -> Any:
        from pipeline.errors import Drop

        if message.content == "drop":
            raise Drop("not wanted")
        if message.content == "break":
            raise ZeroDivisionError(1)
        await deferLater(self.worker.clock, 0)
        if message.content == "late break":
            raise ZeroDivisionError(2)
        return message


class Together(FileCase):
    """Several processes, of which one reads."""

    async def test_stopped_and_killed(self) -> None:
        """Each line once, though readers come and go, stop, and are cut off."""
        lines = [f"{n:05}" for n in range(4000)]
        self.say(*lines)
        random.seed(7)
        running = [await self.file(batch=20) for _ in range(2)]
        found: list[Any] = []
        for _ in range(6):
            found += await self.published(100)
            leaver = running.pop(random.randrange(2))
            if random.random() < 0.5:
                await leaver.stop_worker(0)
            else:  # as in a crash: it settles nothing more
                leaver._rest.end()
                await leaver.stop_worker(0)
            running.append(await self.file(batch=20))
        found += await self.published(len(lines) - len(found))
        self.assertEqual(lines, sorted(message["content"] for message in found))
        depth = await running[0].broker.depth("web.inbound")
        self.assertEqual(0, depth.waiting)

    async def test_two_turns(self) -> None:
        """Two turns for one file: who comes too late publishes nothing, and one turn is left."""
        first = await self.file(follow=True, batch=1)
        second = await self.file(follow=True, batch=1)
        from pipeline.delivery import Post

        broker = await self.broker()
        await broker.publish([Post("web.turn", b"{}")])
        await self.until(lambda: all(s._sources[0]._consumer.in_hand for s in (first, second)))
        self.say(*(f"{n:03}" for n in range(100)))
        self.assertEqual([f"{n:03}" for n in range(100)], await self.contents(100))
        depth = await broker.depth("web.turn")
        self.assertEqual(1, depth.waiting + depth.in_hand)

    async def test_refused(self) -> None:
        """What the server refuses is tried again, and nothing is lost."""
        self.say("a", "b", users=1)
        transport = await self.file(follow=True)
        source = transport._sources[0]
        settle, refused = source._consumer.settle, []

        async def refuse(deliveries: Any) -> Any:
            if refused:
                return await settle(deliveries)
            refused.append(True)
            deliveries[0].refusal = "for a test"
            return [Settled.REFUSED]

        source._consumer.settle = refuse
        self.say("c", users=1)
        self.assertEqual(["a", "b", "c"], await self.contents(3))


class Outage(FileCase):
    """The server goes away for a while."""

    def server_address(self) -> Any:
        from pipeline.testing.server import own_server

        self.redis = own_server(self.mktemp(), options=["--appendonly", "yes"])
        self.addCleanup(self.redis.stop_now)
        return self.redis.address

    async def test_outage(self) -> None:
        """It goes on afterwards, with each line once."""
        lines = [f"{n:04}" for n in range(3000)]
        self.say(*lines)
        transport = await self.file(batch=10)
        await self.until(lambda: transport.statistics.counts["messages_in"] > 200)
        self.redis.kill_now()
        await deferLater(self.reactor, 0.3)
        self.redis.start_now()
        self.assertEqual(lines, await self.contents(3000))
