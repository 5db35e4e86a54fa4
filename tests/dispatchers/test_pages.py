"""docs/dispatchers.md is true: its examples are right, and two of them run."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline import dispatchers
from pipeline.config.names import resolve
from pipeline.dispatchers import Dispatcher
from pipeline.service.build import load
from pipeline.service.overview import overview
from tests.dispatchers.systems import DispatcherCase, said
from tests.service.support import ROOT, command
from tests.test_examples import post
from tests.test_tutorial import Block, blocks
from tests.test_two_processes import free_port

PAGE = "docs/dispatchers.md"


def saved(case: TestCase, *chosen: Block) -> Path:
    """A folder with these files."""
    folder = Path(case.mktemp()).absolute()
    folder.mkdir(parents=True)
    for block in chosen:
        (folder / block.file).write_text(block.text, encoding="utf-8")
    return folder


def files() -> list[Block]:
    """The blocks that are files."""
    return [block for block in blocks(PAGE) if block.file]


class Examples(TestCase):
    """What the page shows is accepted."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def test_each(self) -> None:
        """Every example of a router is a right configuration, and there is one of each router."""
        seen: set[str] = set()
        for block in blocks(PAGE):
            if block.language != "yaml" or block.file:
                continue
            text = indent(block.text, "    ")
            text = f"redis: memory://\nworkers:\n  one:\n{text}"
            folder = saved(self, block._replace(file="s.yaml", text=text), *files())
            (worker,) = overview(load(folder / "s.yaml"))["workers"]
            seen.add(worker["class"])
            self.assertEqual([], worker["middleware"])
        routers = {
            f"pipeline.dispatchers.{name}"
            for name in dispatchers.__all__
            if name != "Dispatcher"
            and issubclass(resolve(f"pipeline.dispatchers.{name}"), Dispatcher)
        }
        self.assertEqual({*routers, "night.NightRouter"}, seen)


class Switchboard(TestCase):
    """The first example, as a process of its own, with a server of its own."""

    timeout = 120

    def test_runs(self) -> None:
        """The first word chooses who answers, over either transport."""
        folder = saved(self, *files())
        web, sms = free_port(), free_port()
        process = command(
            self,
            "run",
            str(folder / "switchboard.yaml"),
            PIPELINE_PORT=str(web),
            PIPELINE_SMS_PORT=str(sms),
        )
        for name in ("web", "sms"):
            process.wait_for_error(f"worker {name!r} is ready")
        self.addCleanup(lambda: self.assertEqual(0, process.terminate()[0]))
        for port in (web, sms):
            for content, expected in (
                ("news today", "nothing new"),
                ("hello", "soup or salad?"),
            ):
                said = {"from_addr": "ada", "content": content}
                status, answer = post(port, "/messages", said)
                self.assertEqual((200, expected), (status, answer["content"]))

    def test_sample(self) -> None:
        """config/dispatcher.yaml runs, too."""
        web = free_port()
        process = command(
            self,
            "run",
            str(ROOT / "config" / "dispatcher.yaml"),
            PIPELINE_PORT=str(web),
            PIPELINE_SMS_PORT=str(free_port()),
        )
        for name in ("web", "sms"):
            process.wait_for_error(f"worker {name!r} is ready")
        self.addCleanup(lambda: self.assertEqual(0, process.terminate()[0]))
        status, answer = post(web, "/messages", {"from_addr": "ada", "content": "news"})
        self.assertEqual((200, "Hello ada, you said: news"), (status, answer["content"]))


class OwnRouter(DispatcherCase):
    """The page's own router."""

    OPTIONS = {"receive_outbound_connectors": ["day", "night"]}

    def test_night(self) -> None:
        """It counts messages in the store, and routes by the count; replies go back."""
        (block,) = (block for block in files() if block.file == "night.py")
        module: dict[str, Any] = {}
        exec(block.text, module)
        router = module["NightRouter"]
        self.dispatcher(router)
        messages = [said(str(n)) for n in range(6)]
        self.put("web.inbound", *messages)
        self.assertEqual(["2", "5"], self.contents("night.inbound"))
        self.assertEqual(["0", "1", "3", "4"], self.contents("day.inbound"))
        self.put("day.outbound", messages[0].reply("re"))
        self.assertEqual(["re"], self.contents("web.outbound"))
