"""``pipeline status``: a system of two processes, with traffic, and one of them killed."""

from __future__ import annotations

import argparse
import io
import json
import signal
import sys
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.brokers.redis.broker import RedisBroker
from pipeline.cli import status
from pipeline.delivery import Post
from pipeline.testing.server import own_server, shared_server, unique_namespace
from tests.service.support import Process, command, written

SYSTEM = """\
namespace: {namespace}
redis: {address}
partitions: 2
dead_after: 2s
workers:
  shop: {{class: tests.service.support.Plain, transport_name: shop}}
  mall: {{class: tests.service.support.Plain, transport_name: mall}}
"""


class WrongUse(SynchronousTestCase):
    """What can't be is said before anything is done."""

    def run_with(self, *words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        status.add_arguments(parser)
        self.patch(sys, "stderr", io.StringIO())
        return status.run(parser.parse_args(["no.yaml", *words])), sys.stderr.getvalue()

    def test_wrong(self) -> None:
        """The status is 2, and the text says what would be right."""
        said = {
            ("--fail-if", "dread>0"): "expected as dead>0, of waiting, in_hand",
            ("--watch", "--interval", "0"): "--watch wants an --interval above 0",
            ("--watch", "--fail-if", "dead>0"): "there is no --fail-if with it",
        }
        for words, text in said.items():
            code, told = self.run_with(*words)
            self.assertEqual(2, code)
            self.assertIn(text, told)


class Status(TestCase):
    """Real commands, on a real server."""

    timeout = 180

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        namespace, address = unique_namespace(), shared_server()
        self.file = written(self, SYSTEM.format(namespace=namespace, address=address))
        self.broker = RedisBroker(address, reactor, namespace=namespace, partitions=2)
        await self.broker.start()
        self.addCleanup(self.broker.stop)

    async def ended(self, *words: str) -> tuple[int, str, str]:
        """Status, output and errors of a command."""
        found: tuple[int, str, str] = await deferToThread(command(self, *words).end)
        return found

    async def told(self, *words: str) -> dict[str, Any]:
        """What ``status`` answers in JSON, without rates."""
        code, out, err = await self.ended(
            "status", self.file, "--json", "--interval", "0", "--all", *words
        )
        self.assertEqual((0, ""), (code, err))
        found: dict[str, Any] = json.loads(out)
        return found

    async def worker(self, name: str) -> Process:
        """A process that runs one of the workers, and reads."""
        process = command(self, "run", self.file, "--worker", name)
        await deferToThread(process.wait_for_error, f"worker '{name}' is ready")
        return process

    async def test_a_day(self) -> None:
        """Workers, their beats and queues are told in JSON and in tables; a worker that is killed
        is late, then dead; --watch tells of each look until it is interrupted; a queue that is
        misspelt is no empty one."""
        shop, mall = await self.worker("shop"), await self.worker("mall")
        posts = [Post("lost.inbound", b"x" * n) for n in range(5)]
        await self.broker.publish(posts, partition=1)
        found = await self.told()
        workers = {each["workers"][0]: each for each in found["workers"]}
        self.assertEqual(
            {"shop": shop.pid, "mall": mall.pid}, {n: w["pid"] for n, w in workers.items()}
        )
        self.assertEqual(["shop.event", "shop.inbound"], workers["shop"]["reads"])
        self.assertEqual({"alive"}, {each["state"] for each in workers.values()})
        queues = {each["queue"]: each for each in found["queues"]}
        self.assertEqual([workers["mall"]["id"]], queues["mall.inbound"]["readers"])
        self.assertNotIn("lost.inbound", queues)  # nobody ever read it, or says that he would

        watching = command(self, "status", self.file, "--watch", "--json", "--interval", "200ms")
        await deferToThread(watching.wait_for, "mall.inbound")
        await self.broker.publish([Post("shop.inbound", b"junk") for _ in range(50)])
        rates = {"in_per_second": False, "out_per_second": False}
        while not all(rates.values()):
            looked = json.loads(await deferToThread(watching.wait_for, "queues"))
            [seen] = [q for q in looked["queues"] if q["queue"] == "shop.inbound"]
            rates = {name: rates[name] or (seen[name] or 0) > 0 for name in rates}
        mall.signal(signal.SIGKILL)
        for state in ("late", "dead"):
            line = await deferToThread(watching.wait_for, f'"state": "{state}"')
            [killed] = [w for w in json.loads(line)["workers"] if w["state"] == state]
            self.assertEqual(mall.pid, killed["pid"])
        watching.signal(signal.SIGINT)
        code, _, err = await deferToThread(watching.end)
        self.assertEqual((0, ""), (code, err))

        alarms = ("--fail-if", "gone>0", "--fail-if", "dead>50", "--fail-if", "dead>=50")
        code, out, err = await self.ended("status", self.file, "--partitions", *alarms)
        said = "pipeline: gone>0: it is 1\npipeline: dead>=50: it is 50\n"
        self.assertEqual((1, said), (code, err))
        self.assertRegex(out, r"(?m)^mall +\S+ +\d+ +dead ")
        self.assertRegex(out, r"(?m)^shop\.inbound +0 +0 +0 +50 +- +0\.0 +0\.0 +1$")
        self.assertRegex(out, r"(?m)^  partition 1 +0")
        self.assertIn("2 processes: 1 alive, 1 dead; 1 client", out)
        misspelt = ("--fail-if", "shop.inbuond:dead>0", "--fail-if", "shop.inbound:dead>99")
        code, out, err = await self.ended("status", self.file, *misspelt)
        said = "pipeline: there is no queue 'shop.inbuond': did you mean 'shop.inbound'?\n"
        self.assertEqual((1, "", said), (code, out, err))

    async def test_server_lost(self) -> None:
        """--watch tells that the server is away, and goes on when it is back."""
        server = own_server()
        self.addCleanup(server.stop_now)
        file = written(self, SYSTEM.format(namespace="own", address=server.address))
        watching = command(self, "status", file, "--watch", "--json", "--interval", "100ms")
        await deferToThread(watching.wait_for, '"queues"')
        server.kill_now()
        line = await deferToThread(watching.wait_for, '"error"')
        self.assertIn("the server is away: ", json.loads(line)["error"])
        server.start_now()
        await deferToThread(watching.wait_for, '"queues"')
        watching.signal(signal.SIGINT)
        code, _, err = await deferToThread(watching.end)
        self.assertEqual((0, ""), (code, err))

    async def test_no_server(self) -> None:
        """A server that can't be reached is said soon, in a line; the status is 1."""
        file = written(self, "redis: redis://127.0.0.1:1\nworkers: {w: {class: no.such.Class}}\n")
        code, out, err = await self.ended("status", file)
        self.assertEqual((1, ""), (code, out))
        self.assertRegex(err, "only queues that were ever read are known")
        self.assertRegex(err, r"(?m)^pipeline: .*no connection within 3 s: ")
        self.assertNotIn("Traceback", err)
