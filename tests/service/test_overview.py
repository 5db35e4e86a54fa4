"""What a configuration would run."""

from __future__ import annotations

import sys
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.problems import flattened
from pipeline.errors import ConfigError
from pipeline.service.build import load
from pipeline.service.overview import overview
from tests.service.support import Plain, written


class Twice(Plain):
    """A worker that makes a connector twice."""

    def setup_connectors(self) -> None:
        super().setup_connectors()
        super().setup_connectors()


class Slow(Plain):
    """A worker whose connectors take their time."""

    async def setup_connectors(self) -> None:  # type: ignore[override]  # a hook may be async
        from twisted.internet.defer import Deferred

        super().setup_connectors()
        await Deferred()


def one(cls: str) -> str:
    return f"redis: memory://\nclass: {cls}\ntransport_name: t\n"


class Overview(TestCase):
    """Workers with their queues, or what is wrong."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def found(self, text: str) -> dict[str, Any]:
        return overview(load(written(self, text)))

    def test_queues(self) -> None:
        """The queues are those of the connectors that a worker makes."""
        (worker,) = self.found(one("tests.service.support.Plain"))["workers"]
        self.assertEqual(["t.inbound", "t.event"], worker["reads"])
        self.assertEqual(["t.outbound"], worker["writes"])
        self.assertEqual(
            ("t", [], "tests.service.support.Plain"),
            (worker["name"], worker["middleware"], worker["class"]),
        )

    def test_slow(self) -> None:
        """A worker that waits is seen as far as it comes."""
        (worker,) = self.found(one("tests.service.test_overview.Slow"))["workers"]
        self.assertEqual(["t.inbound", "t.event"], worker["reads"])

    def test_wrong_connectors(self) -> None:
        """A connector made twice is found."""
        with self.assertRaises(ConfigError) as caught:
            self.found(one("tests.service.test_overview.Twice"))
        self.assertIn("has a connector 't' already", str(caught.exception))

    def test_all_at_once(self) -> None:
        """What is wrong with several workers is said together."""
        with self.assertRaises(ConfigError) as caught:
            self.found(
                "redis: memory://\nworkers:\n"
                "  a: {class: no.such}\n  b: {class: tests.service.support.Plain}\n"
            )
        self.assertEqual(2, len(flattened(caught.exception)))
