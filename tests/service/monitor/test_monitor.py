"""Real processes tell how they are: over HTTP, and to a service manager."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.service.build import build, load
from pipeline.testing.server import own_server, unique_namespace
from tests.service.monitor.test_notify import Manager
from tests.service.support import PATIENCE, Process, twistd, written

SYSTEM = """
namespace: {namespace}
redis: {redis}
monitor: {{listen: "tcp:0"}}
workers:
  one: {{class: tests.service.blocking.Blockable, transport_name: a}}
"""


class Client:
    """Asks a process how it is.

    :param line: what it logged when it listened.
    """

    def __init__(self, line: str) -> None:
        found = re.search(r"at http://127\.0\.0\.1:(\d+)/", line)
        assert found, line
        self._port = int(found[1])

    def ask(self, path: str, seconds: float = 30.0) -> tuple[int, Any]:
        """The status, and what it says.

        :raise TimeoutError: it says nothing in time.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def until(self, path: str, wanted: Callable[[int, str], bool]) -> None:
        """Ask until the answer is as it should be, given its status and its reasons."""
        end = time.monotonic() + PATIENCE
        while True:
            status, said = self.ask(path)
            if wanted(status, " ".join(said["reasons"])):
                return
            if time.monotonic() > end:
                raise AssertionError(f"{path} still says {said}")
            time.sleep(0.05)


class ARealProcess(TestCase):
    """One process on a server of its own, through all that may happen to it."""

    timeout = 240

    def setUp(self) -> None:
        self.server: EmbeddedServer = own_server()
        self.addCleanup(self.server.stop_now)
        name = f"pipeline-{unique_namespace()}"
        self.manager = Manager(f"\0{name}")
        self.addCleanup(self.manager.close)
        config = SYSTEM.format(namespace=unique_namespace(), redis=self.server.address)
        self.process: Process = twistd(
            self,
            *("pipeline", "--config", written(self, config)),
            BLOCKS="6",
            NOTIFY_SOCKET=f"@{name}",
            WATCHDOG_USEC="20000000",
        )
        self.client = Client(self.process.wait_for("/live, /ready"))

    def stop_server(self, number: signal.Signals) -> None:
        assert self.server.pid is not None
        os.kill(self.server.pid, number)

    def test_life(self) -> None:
        """It is ready when all runs; not while its server is stuck or gone, with the reason, and
        then again; it doesn't live while its reactor is blocked; it says when it stops."""
        self.client.until("/ready", lambda status, why: status == 200)
        self.manager.until("READY", "1")

        self.stop_server(signal.SIGSTOP)
        self.client.until(
            "/ready", lambda status, why: status == 503 and "has taken no beat" in why
        )
        self.assertEqual(200, self.client.ask("/live")[0])
        self.stop_server(signal.SIGCONT)
        self.client.until("/ready", lambda status, why: status == 200)

        self.server.kill_now()
        self.client.until("/ready", lambda status, why: status == 503 and "no connection" in why)
        self.manager_hears("not ready: no connection")
        self.assertEqual(200, self.client.ask("/live")[0])
        self.server.start_now()
        self.client.until("/ready", lambda status, why: status == 200)

        self.process.signal(signal.SIGUSR1)
        self.process.wait_for("blocks")
        self.assertRaises(TimeoutError, self.client.ask, "/live", 1.0)
        self.assertEqual(200, self.client.ask("/live")[0])
        self.manager.until("WATCHDOG", "1")

        status, _, _ = self.process.terminate()
        self.assertEqual(0, status)
        self.manager.until("STOPPING", "1")

    def manager_hears(self, text: str) -> None:
        while text not in self.manager.heard().get("STATUS", ""):
            pass


class Parts(TestCase):
    """What is watched begins after the monitor, and ends before it."""

    def parts(self, monitor: str = "", **environment: str) -> list[str]:
        self.patch(sys, "path", list(sys.path))
        self.patch(os, "environ", {**os.environ, **environment})
        text = f"redis: memory://\n{monitor}\nclass: tests.service.support.Plain\n"
        config = load(written(self, f"{text}transport_name: a\n"))
        return [part.name for part in build(config, Clock()).parts]

    def test_none(self) -> None:
        """Without option and environment there is nothing."""
        self.assertEqual(["the broker", "worker 'a'"], self.parts())

    def test_around(self) -> None:
        """By the option, by a supervisor, by systemd."""
        watched = ["the monitor", "the broker", "worker 'a'"]
        self.assertEqual(watched, self.parts("monitor: {listen: 'tcp:0'}"))
        self.assertEqual(watched, self.parts(PIPELINE_MONITOR="unix:/tmp/x.sock"))
        told = [*watched, "the notices to systemd"]
        self.assertEqual(told, self.parts(NOTIFY_SOCKET="@nobody"))
