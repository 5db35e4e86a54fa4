"""``pipeline dead``: real commands against a real server, together, and killed in their midst."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, TestCase

from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.message.user import UserMessage
from pipeline.testing.server import shared_server, unique_namespace
from tests.quick import SKIP
from tests.service.support import PIPELINE, Process, command, written

QUEUE = "shop.inbound"
_MEASURED = f"""
import atexit, sys
# Not getrusage: its largest size is also that of who started the process.
peak = lambda: next(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmHWM"))
atexit.register(lambda: print("kilobytes", peak(), file=sys.stderr))
{PIPELINE}
"""


def message(content: str) -> bytes:
    """A message on the wire."""
    fields = {"from_addr": "a", "to_addr": "b", "transport_name": "shop", "transport_type": "x"}
    return Codec().encode(UserMessage(content=content, **fields))


class Dead(TestCase):
    """What an operator types."""

    skip = SKIP

    timeout = 180

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        namespace, address = unique_namespace(), shared_server()
        self.file = written(
            self,
            f"namespace: {namespace}\nredis: {address}\nworkers:\n"
            "  work: {class: tests.service.support.Plain, transport_name: shop}\n",
        )
        self.broker = RedisBroker(address, reactor, namespace=namespace)
        await self.broker.start()
        self.addCleanup(self.broker.stop)

    async def bury(self, *payloads: bytes, reason: bytes = b"exhausted") -> list[str]:
        """More dead letters: the ids of the first hundred."""
        fields = (b"reason", reason, b"error", b"ValueError: no milk", b"attempts", b"3")
        for at in range(0, len(payloads), 500):
            posts = [Post(f"!{QUEUE}", p, fields) for p in payloads[at : at + 500]]
            await self.broker.publish(posts)
        return [letter.id for letter in await self.broker.dead(QUEUE)]

    async def dead(self, action: str, *words: str, **environ: str) -> tuple[int, str, str]:
        """Status, output and errors of a command."""
        return await self.ended(command(self, "dead", action, self.file, *words, **environ))

    async def ended(self, process: Process) -> tuple[int, str, str]:
        """The same, of a process."""
        found: tuple[int, str, str] = await deferToThread(process.end)
        return found

    async def payloads(self, count: int) -> list[bytes]:
        """What a worker gets."""
        consumer, seen = self.broker.consumer(QUEUE), []
        await consumer.open()
        while len(seen) < count:
            taken = await consumer.take(500)
            seen += [delivery.payload for delivery in taken]
            await consumer.settle(taken)
        await consumer.close()
        return seen

    # What is asked -----------------------------------------------------------------------------

    async def test_a_day(self) -> None:
        """Look, look closer, mend, put back, throw away."""
        ids = await self.bury(message("one"), message("two"))
        await self.bury(b"\x00\x1bjunk", reason=b"undecodable")
        status, out, err = await self.dead("list", "--reason", "exhausted")
        self.assertEqual((0, ""), (status, err))
        self.assertRegex(out, rf"(?m)^{ids[0]}  {QUEUE}  exhausted  3      \d+s   ValueError: no")
        self.assertIn("2 dead letters", out)
        found = json.loads((await self.dead("show", ids[0], "--json"))[1])
        self.assertEqual("one", found["message"]["content"])
        words = ("--set", "content=three", ids[0], "--requeue")
        status, out, _ = await self.dead("edit", *words)
        self.assertEqual((0, f"{ids[0]}: edited and put back\n"), (status, out))
        _, out, _ = await self.dead("requeue", "--text", "TWO")
        self.assertEqual("1 dead letter put back\n", out)
        contents = [Codec().decode(payload).content for payload in await self.payloads(2)]  # type: ignore[union-attr]
        self.assertEqual(["three", "two"], contents)
        _, out, _ = await self.dead("counts", "--json")
        self.assertEqual({QUEUE: {"undecodable": 1}}, json.loads(out))
        status, out, _ = await self.dead("purge", "--all", "--yes")
        self.assertEqual((0, "1 dead letter thrown away\n"), (status, out))
        self.assertEqual((0, "there is no such dead letter\n", ""), await self.dead("list"))

    async def test_editor(self) -> None:
        """``$EDITOR`` gets the message as JSON."""
        [id] = await self.bury(message("old"))
        status, out, err = await self.dead("edit", id, EDITOR='sed -i "s/old/new/"', VISUAL="")
        self.assertEqual((0, ""), (status, err))
        self.assertRegex(out, rf"^{id}: edited, and is \d+-\d+ now\n$")
        [letter] = await self.broker.dead(QUEUE)
        self.assertIn(b'"new"', letter.fields["payload"])

    async def test_statuses(self) -> None:
        """2 for a wrong line, 1 for what failed, without a traceback."""
        wrong = [
            ("requeue",),
            ("purge", "not-an-id"),
            ("purge", "1-1", "--all"),
            ("list", "--older", "soon"),
            ("list", "--limit", "-1"),
            ("burn",),
        ]
        for action, *words in wrong:
            status, out, err = await self.dead(action, *words)
            self.assertEqual((2, ""), (status, out), err)
            self.assertIn("usage:", err)
        status, out, err = await self.dead("requeue", "1-1")
        self.assertEqual((1, "not there: 1-1\n"), (status, err))

    async def test_no_server(self) -> None:
        """What can't be reached, or seen, is said in a line."""
        for url, said in (
            ("memory://", "nothing to be seen from outside"),
            ("redis://nobody:x@127.0.0.1:1", "the broker|no connection"),
        ):
            file = written(self, f"redis: {url}\nworkers: {{w: {{class: a.B}}}}\n")
            status, out, err = await self.ended(command(self, "dead", "list", file))
            self.assertEqual((1, ""), (status, out))
            self.assertRegex(err, said)
            self.assertNotIn("Traceback", err)

    async def test_help(self) -> None:
        """The help has examples."""
        for words in (("dead", "--help"), ("dead", "requeue", "--help")):
            status, out, _ = await self.ended(command(self, *words))
            self.assertEqual(0, status)
            self.assertIn("examples:\n  pipeline dead list shop.yaml", out)

    # What must hold ----------------------------------------------------------------------------

    async def test_ten_thousand(self) -> None:
        """Two commands at once and a worker: each letter is put back and handled exactly once."""
        await self.bury(*(message(str(n)) for n in range(10_000)))
        both = [command(self, "dead", "requeue", self.file, "--all", "--json") for _ in range(2)]
        working = Deferred.fromCoroutine(self.payloads(10_000))
        told = [json.loads((await self.ended(process))[1]) for process in both]
        contents = [Codec().decode(payload).content for payload in await working]  # type: ignore[union-attr]
        self.assertEqual(10_000, sum(each["requeued"] for each in told))
        self.assertEqual({str(n): 1 for n in range(10_000)}, Counter(contents))
        self.assertEqual((0, 0, 0, 0), tuple(await self.broker.depth(QUEUE)))

    async def test_killed(self) -> None:
        """A command that is killed in its midst loses nothing and doubles nothing."""
        count = 30_000
        await self.bury(*(b"%d" % n for n in range(count)))
        process = command(self, "dead", "requeue", self.file, "--all")
        while not (await self.broker.depth(QUEUE)).waiting:
            await deferLater(self.reactor, 0.005)
        process.signal(signal.SIGKILL)
        self.assertEqual(-signal.SIGKILL, (await self.ended(process))[0])
        depth = await self.broker.depth(QUEUE)
        self.assertEqual(count, depth.waiting + depth.dead)
        self.assertTrue(0 < depth.dead < count, depth)
        status, out, _ = await self.dead("requeue", "--all")
        self.assertEqual((0, f"{depth.dead} dead letters put back\n"), (status, out))
        self.assertEqual({b"%d" % n: 1 for n in range(count)}, Counter(await self.payloads(count)))

    async def test_memory(self) -> None:
        """A hundred times as many letters take no more memory."""
        if not Path("/proc/self/status").exists():
            raise SkipTest("the peak is told by Linux alone")
        sizes = []
        for count in (12, 1188):
            await self.bury(*(b"x" * 50_000 for _ in range(count)))
            process = Process(
                _MEASURED, "dead", "list", self.file, "--json", "--limit", "0", cwd="."
            )
            self.addCleanup(process.kill)
            status, out, err = await self.ended(process)
            self.assertEqual(0, status, err)
            sizes.append(int(err.split()[-1]))
        self.assertEqual(1200, json.loads(out)["count"])
        self.assertLess(sizes[1] - sizes[0], 25_000)
        await self.dead("purge", "--all", "--yes")

    async def test_progress(self) -> None:
        """On a terminal a bar shows how far it is, and is gone at the end."""
        await self.bury(*(b"%d" % n for n in range(20_000)))
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-c", PIPELINE, "dead", "requeue", self.file, "--all"],
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        os.close(theirs)
        out, _ = await deferToThread(process.communicate)
        drawn = os.read(ours, 1_000_000).decode()
        os.close(ours)
        self.assertEqual(b"20000 dead letters put back\n", out)
        self.assertTrue(re.search(r"#+\.* +\d+% \d+/20000  \d+/s", drawn), drawn)
        self.assertTrue(drawn.endswith("\r\033[K"), drawn)
