"""Sending tasks from a program that is no worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.schemas import SystemConfig
from pipeline.demo.tasks import add
from pipeline.errors import ConfigError, EmbeddedServerError
from pipeline.service.connect import connect
from tests.service.support import twistd, written

SYSTEM = """
namespace: sums
redis: embedded://{folder}
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [pipeline.demo.tasks]
"""

SIGNED = """
redis: memory://
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [pipeline.demo.tasks]
    middleware: [{sign: pipeline.middleware.signing.SigningMiddleware}]
    sign: {keys: {k1: "a secret for no more than a test"}}
"""


class Connecting(TestCase):
    """A program, a worker in another process, and a server."""

    timeout = 120

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.folder = Path(self.mktemp()).absolute()

    async def test_result(self) -> None:
        """A call is sent, run over there, and its result comes back."""
        file = written(self, SYSTEM.format(folder=self.folder))
        work = twistd(self, "pipeline", "--config", file)
        work.wait_for("worker 'work' is ready")
        async with await connect(file):
            handle = await add.send(2, 40)
            self.assertEqual(42, await handle.result(timeout=30))
        self.assertEqual(0, work.terminate()[0])

    async def test_settings(self) -> None:
        """Settings do instead of a file; after the end nothing is bound."""
        made = await connect(SystemConfig(redis="memory://"))
        self.assertTrue(made.broker.available)
        await add.send(1, 2)
        await made.close()
        self.assertFalse(made.broker.available)
        with self.assertRaises(RuntimeError):
            await add.send(1, 2)

    async def test_sends_as(self) -> None:
        """Calls pass the middleware of the worker that is named; an unknown one is an error."""
        file = written(self, SIGNED)
        made = await connect(file, sends_as="work")
        await add.send(1, 2)
        consumer = made.broker.consumer("tasks.inbound")
        [delivery] = await consumer.take(1)
        self.assertIn(b'"signature":{"key":"k1"', delivery.payload)
        await consumer.settle([delivery])
        await made.close()
        with self.assertRaises(ConfigError):
            await connect(file, sends_as="wrok")

    async def test_wrong(self) -> None:
        """A wrong configuration is a ConfigError."""
        with self.assertRaises(ConfigError):
            await connect(written(self, "redis: [1]"))

    async def test_no_server(self) -> None:
        """A server that can't be started is told, and nothing is left over."""

        def refuse(binary: Any = None) -> str:
            raise EmbeddedServerError("no server to run")

        self.patch(sys.modules["pipeline.brokers.embedded"], "find_binary", refuse)
        with self.assertRaises(EmbeddedServerError):
            await connect(SystemConfig(redis="embedded://"))
