"""config/requests.yaml in real processes, and the views that it serves."""

from __future__ import annotations

import http.client
import json
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.testing.server import own_server
from tests.service.support import PATIENCE, ROOT, command
from tests.test_two_processes import free_port

CONFIG = str(ROOT / "config" / "requests.yaml")


class Sample(TestCase):
    """Somebody comes again, to another process."""

    timeout = 120

    def start(self, *workers: str) -> None:
        """A process with these workers."""
        chosen = [arg for each in workers for arg in ("--worker", each)]
        process = command(self, "run", CONFIG, *chosen, **self.environment)
        for each in workers:
            process.wait_for_error(f"worker {each!r} is ready")

    def ask(self, path: str, **headers: str) -> Any:
        """A response, with its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", path, headers=headers)
        response: Any = connection.getresponse()
        response.body = response.read().decode()
        return response

    def test_sample(self) -> None:
        """Visits are counted by the cookie, whichever process answers; the api is beside."""
        server = own_server(self.mktemp())
        self.addCleanup(server.stop_now)
        self.port = free_port()
        self.environment = {
            "PIPELINE_PORT": str(self.port),
            "PIPELINE_REDIS": str(server.address),
        }
        for workers in (("site",), ("site",), ("web",)):
            self.start(*workers)
        first = self.ask("/")
        self.assertEqual("Hello! You have been here 1 times.\n", first.body)
        cookie = first.headers["Set-Cookie"].partition(";")[0]
        for visits in range(2, 8):
            said = self.ask("/", Cookie=cookie).body
            self.assertEqual(f"Hello! You have been here {visits} times.\n", said)
        missing = self.ask("/no/such")
        self.assertEqual((404, "there is no page no/such; try /"), (missing.status, missing.body))
        self.assertEqual("ok", json.loads(self.ask("/api/health").body)["status"])
