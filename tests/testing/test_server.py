"""Servers for tests: one for the whole process, and those that a test may hurt."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.wire import Wire
from pipeline.testing.server import own_server, shared_server, unique_namespace

PROGRAM = """\
import sys
from pipeline.brokers.redis.wire import Wire
from pipeline.testing.server import shared_server
print(shared_server().path)
assert "twisted.trial" not in sys.modules
assert "twisted.internet.reactor" not in sys.modules
"""


class Servers(TestCase):
    def test_shared(self) -> None:
        """Every test of a process gets the same server."""
        self.assertIs(True, shared_server() == shared_server())
        self.assertEqual(b"PONG", Wire(shared_server()).call("PING"))

    def test_ends_with_the_process(self) -> None:
        """The shared server ends, and its folder with it; neither trial nor a reactor is needed."""
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
        )
        self.assertFalse(os.path.exists(os.path.dirname(done.stdout.strip())))

    def test_own(self) -> None:
        """A server of one's own is another one."""
        server = own_server()
        self.addCleanup(server.stop_now)
        self.assertNotEqual(shared_server(), server.address)
        server.kill_now()
        self.assertEqual(b"PONG", Wire(server.start_now()).call("PING"))

    def test_namespaces(self) -> None:
        """A namespace is never given twice."""
        self.assertEqual(100, len({unique_namespace() for _ in range(100)}))
