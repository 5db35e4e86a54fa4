"""What the clerk does and says, over a broker in memory."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.cli.letters import ACTIONS, Clerk
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.errors import PipelineError
from pipeline.message.user import UserMessage
from pipeline.observe.dead import DeadLetterOffice, Selection

START = 1_700_000_000


def message(content: str) -> bytes:
    """A message on the wire."""
    fields = {"from_addr": "a", "to_addr": "b", "transport_name": "t", "transport_type": "x"}
    return Codec().encode(UserMessage(content=content, **fields))


class ClerkTests(TestCase):
    """One clerk for each command."""

    async def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(START)
        self.broker = MemoryBroker(self.clock)
        await self.broker.start()
        self.addCleanup(self.broker.stop)
        self.office = DeadLetterOffice(self.broker, self.clock.seconds)
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)

    async def bury(self, *payloads: bytes, queue: str = "a.inbound") -> list[str]:
        """More dead letters: the ids of all."""
        fields = (b"reason", b"poison", b"error", b"E: no", b"attempts", b"2")
        await self.broker.publish([Post(f"!{queue}", payload, fields) for payload in payloads])
        return [letter.id for letter in await self.broker.dead(queue)]

    def clerk(self, selection: Selection | None = None, **args: Any) -> Clerk:
        """One with a command line."""
        plain = {"ids": [], "limit": 0, "json": False, "dry_run": False, "all": False, "yes": False}
        plain |= {"set": [], "requeue": False, **args}
        named = argparse.Namespace(**plain)
        return Clerk(self.office, Codec(), selection or Selection(), named, self.clock)

    async def do(self, action: str, **args: Any) -> tuple[int, str]:
        """The status of a command, and what it printed."""
        self.out.seek(self.out.truncate(0))
        status = await ACTIONS[action](self.clerk(args.pop("selection", None), **args))
        return status, self.out.getvalue()

    async def test_list(self) -> None:
        """A line each and their number; with a limit whether there are more."""
        self.assertEqual((0, "there is no such dead letter\n"), await self.do("list"))
        await self.bury(b"1", b"2", b"3")
        status, out = await self.do("list")
        self.assertEqual((0, 5), (status, out.count("\n")))
        self.assertIn("a.inbound  poison  2", out)
        self.assertTrue(out.endswith("3 dead letters\n"))
        for limit, more in ((2, True), (3, False)):
            found = json.loads((await self.do("list", limit=limit, json=True))[1])
            self.assertEqual((limit, more), (len(found["letters"]), found["more"]))
            self.assertEqual(limit, found["count"])

    async def test_list_of_queues(self) -> None:
        """Columns are as wide as the longest of all queues wants, not of the first."""
        await self.bury(b"1")
        await self.bury(b"2", queue="b.outbound@" + "f" * 32)
        _, out = await self.do("list")
        self.assertEqual(1, len({line.index("poison") for line in out.splitlines()[1:3]}), out)

    async def test_ids(self) -> None:
        """An id that is not there is named, and fails the command; the others are done."""
        first, second = await self.bury(b"1", b"2")
        status, out = await self.do("requeue", ids=[first, "1-1", first], json=True)
        self.assertEqual(1, status)
        told = {"matched": 1, "requeued": 1, "gone": 0, "missing": ["1-1"], "dry_run": False}
        self.assertEqual(told, json.loads(out))
        status, out = await self.do("purge", ids=["1-1", second])
        self.assertEqual((1, "1 dead letter thrown away\n"), (status, out))
        self.assertEqual("not there: 1-1\n", self.err.getvalue())

    async def test_ambiguous(self) -> None:
        """An id that two queues have is refused until it is said which."""
        await self.bury(b"1")
        [letter] = await self.broker.dead("a.inbound")
        graves = self.broker._shard(0).graves
        graves._count -= 1
        self.assertEqual(letter.id, graves.add("b.inbound", START * 1000, {"payload": b"2"}))
        with self.assertRaisesRegex(PipelineError, "a.inbound and b.inbound: say which"):
            await self.do("purge", ids=[letter.id])
        await self.do("purge", ids=[letter.id], selection=Selection(("b.inbound",)))
        self.assertEqual(["a.inbound"], await self.broker.dead_queues())

    async def test_limited(self) -> None:
        """So many are done and no more, the oldest first; a dry run does none."""
        await self.bury(b"1", b"2", b"3")
        _, out = await self.do("requeue", all=True, dry_run=True)
        self.assertEqual("3 dead letters would be put back\n", out)
        _, out = await self.do("requeue", all=True, limit=2)
        self.assertEqual("2 dead letters put back\n", out)
        [left] = await self.broker.dead("a.inbound")
        self.assertEqual(b"3", left.fields["payload"])

    async def test_gone(self) -> None:
        """What another was first with is told."""
        await self.bury(b"1", b"2")
        do = self.office.requeue

        async def late(letters: Any) -> list[bool]:
            await do(letters[:1])
            return await do(letters)

        self.office.requeue = late  # type: ignore[method-assign]
        _, out = await self.do("requeue", all=True)
        self.assertEqual("1 dead letter put back, 1 was gone already\n", out)

    async def test_confirm(self) -> None:
        """Everything is thrown away only when somebody says yes."""
        await self.bury(b"1", b"2")
        for answer, left in (("no\n", 2), ("", 2), ("y\n", 0)):
            read, write = os.pipe()
            os.write(write, answer.encode())
            os.close(write)
            with os.fdopen(read) as stdin:
                self.patch(sys, "stdin", stdin)
                try:
                    await self.do("purge", all=True)
                except PipelineError as error:
                    self.assertIn("--yes", str(error))
            self.assertEqual(left, (await self.broker.depth("a.inbound")).dead)
        self.assertIn("2 dead letters of a.inbound, for ever? [y/N]", self.err.getvalue())
        await self.bury(b"3")
        await self.do("purge", all=True, yes=True)
        self.assertEqual([], await self.broker.dead_queues())

    async def test_counts(self) -> None:
        """How many of each reason, as a table and as JSON."""
        await self.bury(b"1", b"2")
        _, out = await self.do("counts")
        self.assertIn("a.inbound  poison  2\n2 dead letters\n", out)
        _, out = await self.do("counts", json=True)
        self.assertEqual({"a.inbound": {"poison": 2}}, json.loads(out))

    async def test_show(self) -> None:
        """All of each letter; in JSON a line each."""
        await self.bury(message("hi"), b"\x00")
        _, out = await self.do("show", all=True, json=True)
        first, second = map(json.loads, out.splitlines())
        self.assertEqual("hi", first["message"]["content"])
        self.assertEqual("\\x00", second["text"])
        _, out = await self.do("show", all=True)
        self.assertIn('"content": "hi"', out)

    async def test_set(self) -> None:
        """Fields are set in every letter that is meant; what would be no message is refused."""
        ids = await self.bury(message("1"), message("2"))
        _, out = await self.do("edit", all=True, set=["content=new"], dry_run=True)
        self.assertEqual(f"{ids[0]}: would be edited\n{ids[1]}: would be edited\n", out)
        status, out = await self.do("edit", ids=[ids[0]], set=["content=5"])
        self.assertEqual(1, status)
        self.assertRegex(out, f"^{ids[0]}: not edited: this is no message: .*content")
        _, out = await self.do("edit", all=True, set=["content=new"], requeue=True)
        self.assertEqual(f"{ids[0]}: edited and put back\n{ids[1]}: edited and put back\n", out)
        depth = await self.broker.depth("a.inbound")
        self.assertEqual((2, 0), (depth.waiting, depth.dead))

    async def test_set_undecodable(self) -> None:
        """A letter that is JSON but no message can be made one; what is no JSON is told."""
        ids = await self.bury(message("1").replace(b'"content"', b'"Xcontent"', 1)[:-1], b"\x00")
        for id in ids:
            status, out = await self.do("edit", ids=[id], set=["a=1"])
            self.assertEqual(1, status)
            self.assertIn(f"{id}: not edited: this is no JSON", out)
        broken = json.loads(message("1"))
        [*_, last] = await self.bury(json.dumps({**broken, "to_addr": 5}).encode())
        status, out = await self.do("edit", ids=[last], set=["to_addr=b"], json=True)
        [change] = json.loads(out)["edited"]
        self.assertEqual((0, last), (status, change["was"]))
        self.assertNotEqual(last, change["id"])

    async def test_one_of_many(self) -> None:
        """A letter that can't be edited doesn't keep the others from it."""
        bad, good = await self.bury(b"\x00", message("1"))
        status, out = await self.do("edit", all=True, set=["content=x"], requeue=True, json=True)
        self.assertEqual(1, status)
        done = {change["was"]: change["done"] for change in json.loads(out)["edited"]}
        self.assertEqual({bad: False, good: True}, done)
        self.assertEqual(1, (await self.broker.depth("a.inbound")).waiting)

    async def test_lost_race(self) -> None:
        """A letter that somebody else has edited meanwhile is left as it is now."""
        [id] = await self.bury(message("1"))
        edit = self.office.edit

        async def late(letter: Any, payload: bytes) -> Any:
            await edit(letter, message("theirs"))
            return await edit(letter, payload)

        self.office.edit = late  # type: ignore[method-assign]
        status, out = await self.do("edit", ids=[id], set=["content=mine"])
        self.assertEqual((1, f"{id}: changed by somebody else meanwhile\n"), (status, out))
