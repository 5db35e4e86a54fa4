"""Every sample configuration and every example is right, and does what it says."""

from __future__ import annotations

import json
import re
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from twisted.trial.unittest import TestCase

from pipeline.service.build import load
from pipeline.service.overview import overview
from pipeline.testing.server import own_server
from tests.service.support import ROOT, command, twistd
from tests.test_two_processes import free_port


def post(port: int, path: str, body: Any) -> Any:
    """Post JSON: the status and what came back."""
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


class Samples(TestCase):
    """What lies in config/ and examples/."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def files(self) -> list[Path]:
        return sorted([*ROOT.glob("config/*.yaml"), *ROOT.glob("examples/**/*.yaml")])

    def test_each(self) -> None:
        """Every file is right: its workers can be made, with their middleware and tasks."""
        self.assertGreaterEqual(len(self.files()), 5)
        for file in self.files():
            self.assertTrue(overview(load(file))["workers"], file)

    def test_each_has_one(self) -> None:
        """Every example has a configuration, and a line in the README."""
        readme = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
        for module in ROOT.glob("examples/**/*.py"):
            self.assertTrue(module.with_suffix(".yaml").exists(), module)
            self.assertIn(f"`{module.stem}`", readme)

    def test_the_demo(self) -> None:
        """config/demo.yaml is what ``pipeline demo`` runs."""
        packaged = ROOT / "pipeline" / "demo" / "demo.yaml"
        self.assertEqual(packaged.read_text(), (ROOT / "config" / "demo.yaml").read_text())


class Running(TestCase):
    """The examples at work, each in a process of its own, with a server of its own."""

    timeout = 120

    def start(self, name: str) -> Any:
        port = self.running(f"examples/{name}.yaml", "web")
        return lambda path, body: post(port, path, body)

    def running(self, file: str, worker: str) -> int:
        """The port of a system that runs."""
        port = free_port()
        process = command(self, "run", str(ROOT / file), PIPELINE_PORT=str(port))
        process.wait_for_error(f"worker {worker!r} is ready")
        self.addCleanup(lambda: self.assertEqual(0, process.terminate()[0]))
        return port

    def test_greeting(self) -> None:
        """It asks a stranger's name, and remembers it."""
        ask = self.start("greeting")

        def say(text: str) -> str:
            status, answer = ask("/messages", {"from_addr": "+4179", "content": text})
            self.assertEqual(200, status)
            return str(answer["content"])

        self.assertEqual("Hello! What is your name?", say("Hi"))
        self.assertEqual("Nice to meet you, Ada.", say("Ada"))
        self.assertEqual("Hello again, Ada.", say("Hi"))
        for nobody in ({"content": "Hi"}, {"from_addr": "+4179", "content": None}):
            status, answer = ask("/messages", nobody)
            self.assertEqual(200, status)
            self.assertIn("from whom", answer["content"])

    def test_orders(self) -> None:
        """It takes orders, calculates in a thread, tries again, and refuses what it has not."""
        ask = self.start("orders")
        status, answer = ask("/tasks/order", {"article": "tea", "amount": 3})
        self.assertEqual((200, "3 x tea ordered"), (status, answer["value"]))
        self.assertEqual((200, 1350), _value(ask("/tasks/total", ["tea", 3])))
        self.assertEqual((200, "billed 520"), _value(ask("/tasks/send_bill", ["coffee", 1])))
        status, answer = ask("/tasks/order", {"article": "milk"})
        self.assertEqual((500, "PermanentFailure: we have no milk"), (status, answer["error"]))

    def test_lines(self) -> None:
        """config/lines.yaml talks with whoever has a socket."""
        port = self.running("config/lines.yaml", "lines")
        with socket.create_connection(("127.0.0.1", port), 30) as client:
            client.sendall(b"Hi\n")
            host, own = client.getsockname()
            with client.makefile("rb") as heard:
                self.assertEqual(f"Hello {host}:{own}, you said: Hi\r\n", heard.readline().decode())

    def test_single_worker(self) -> None:
        """config/single-worker.yaml works under twistd as its first lines say."""
        server = own_server()
        self.addCleanup(server.stop_now)
        redis = {"PIPELINE_REDIS": f"unix://{server.address.path}"}
        file = str(ROOT / "config" / "single-worker.yaml")
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        said = " ".join(line.strip("# \\") for line in lines if line.startswith("#"))
        [words] = re.findall(r"twistd -n (pipeline --worker-class .* max_in_flight:50)", said)
        words = words.replace("config/single-worker.yaml", file)
        process = twistd(self, *words.split(), **redis)
        process.wait_for("worker 'tasks' is ready")
        call = command(self, "tasks", "run", file, "add", "1", "b=2", **redis)
        self.assertEqual((0, "3\n", ""), call.end())
        self.assertEqual(0, process.terminate()[0])


def _value(answered: Any) -> tuple[int, Any]:
    status, answer = answered
    return status, answer.get("value", answer)
