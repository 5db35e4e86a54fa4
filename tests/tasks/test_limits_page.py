"""docs/task-limits.md is true: its files are checked and run, its numbers are the code's."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.applications.tasks import TaskApplication
from pipeline.errors import ConfigError
from pipeline.tasks import lanes, registry, unique
from pipeline.tasks.chain import LONGEST
from pipeline.tasks.client import Client
from pipeline.tasks.sender import bind, unbind
from tests.cli.test_check import check
from tests.service.support import ROOT
from tests.test_tutorial import blocks
from tests.workers import WorkerCase

PAGE = "docs/task-limits.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


class Page(WorkerCase):
    """Somebody does what the page says."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        for block in blocks(PAGE):
            if block.file:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")
        self.patch(sys, "path", [str(self.folder), *sys.path])
        self.patch(registry, "_known", dict(registry._known))
        self.addCleanup(sys.modules.pop, "shop", None)
        self.shop: Any = importlib.import_module("shop")
        self.client = Client(self.runtime)
        self.addCleanup(lambda: self.helper.now(self.client.stop()))
        self.addCleanup(unbind, bind(self.client))

    def start(self) -> None:
        """The worker of the page."""
        self.running(TaskApplication, transport_name="shop", tasks=["shop"])
        self.helper.advance()

    def result(self, handle: Any) -> Any:
        """What a call has returned."""
        return self.helper.now(handle.result())

    def test_check(self) -> None:
        """The configuration is right."""
        self.assertEqual((0, ""), check(str(self.folder / "shop.yaml"))[::2])

    def test_queues(self) -> None:
        """The queues are called as the page says."""
        for task, queue in ((self.shop.confirm, "high"), (self.shop.fetch, "task.shop.fetch")):
            self.helper.now(task.send("1"))
            self.assertEqual(1, self.depth(f"shop.{queue}.inbound").waiting)
            self.assertIn(f"`shop.{queue}.inbound`", TEXT)

    def test_rate(self) -> None:
        """Ten calls at once, and no more in a second."""
        handles = [self.helper.now(self.shop.fetch.send("x" * n)) for n in range(25)]
        self.start()
        for seconds, done in ((0, 10), (0.9, 10), (0.2, 20), (1, 25)):
            self.clock.advance(seconds)
            self.assertEqual(done, sum(handle.done for handle in handles))

    def test_unique(self) -> None:
        """The example of a unique call, and a key."""
        [example] = [block.text for block in blocks(PAGE) if "second.is_new" in block.text]
        body = "\n".join(f"    {line}" for line in example.splitlines())
        scope: dict[str, Any] = {"rebuild": self.shop.rebuild}
        exec(f"async def run():\n{body}", scope)
        self.helper.now(scope["run"]())
        for reason, is_new in (("a", True), ("b", False)):
            self.assertIs(is_new, self.helper.now(self.shop.remind.send("ann", reason)).is_new)

    def test_chain(self) -> None:
        """The chain."""
        self.start()
        done = Deferred.fromCoroutine(self.shop.fetch_and_store("http://x", "top"))
        self.helper.advance()
        self.assertEqual("8 on top", self.successResultOf(done))

    def test_strict(self) -> None:
        """A worker that is strict refuses limits."""
        options = {"transport_name": "shop", "tasks": ["shop"], "ordering": "strict"}
        worker = TaskApplication("shop", options, self.runtime)
        self.failureResultOf(worker.start_worker(), ConfigError)

    def test_numbers(self) -> None:
        """Numbers in the text."""
        self.assertEqual((4, 100, 24 * 3600), (lanes.HIGH, LONGEST, unique.LONGEST))
        self.assertEqual(15.0, self.runtime.broker.dead_after)
        for rate in re.findall(r"`\"(\d+/\w+)\"`", TEXT):
            lanes.rate_of(rate)
