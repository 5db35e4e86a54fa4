"""docs/trace.md is true."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.explain.trace.given import KINDS
from pipeline.explain.trace.traced import Wishes
from pipeline.worker import Runtime
from tests.service.support import PIPELINE, ROOT, Process
from tests.test_tutorial import blocks

PAGE = "docs/trace.md"


class Page(TestCase):
    """The page's files and commands, as processes."""

    timeout = 120

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        for block in blocks(PAGE):
            if block.file:
                (self.folder / block.file).write_text(block.text, encoding="utf-8")

    def run_command(self, words: list[str], given: str = "") -> tuple[int, str, str]:
        process = Process(PIPELINE, *words, cwd=self.folder)
        self.addCleanup(process.kill)
        return process.end()

    def test_commands(self) -> None:
        """Each command says what the page says, but for ids, times and lines of this package."""
        text = (ROOT / PAGE).read_text(encoding="utf-8")
        commands = re.findall(r"^\$ pipeline (.*)\n((?:(?!\$|```).*\n)*)", text, re.MULTILINE)
        self.assertEqual(3, len(commands))
        for words, printed in commands:
            status, said, errors = self.run_command(shlex.split(words))
            self.assertEqual((0, ""), (status, errors))
            self.assertEqual(_shape(printed), _shape(said))

    def test_json(self) -> None:
        """For programs there is all of it; a message from a file is one, too; a failure is 1."""
        (self.folder / "message.json").write_text('{"content": null}', encoding="utf-8")
        words = ["trace", "shop.yaml", "--message", "@message.json", "--json"]
        status, said, errors = self.run_command(words)
        found = json.loads(said)
        self.assertEqual((1, False, ""), (status, found["ok"], errors))
        tidy = next(each for each in found["steps"] if each.get("name") == "tidy")
        self.assertEqual(("error", "shop.py:9"), (tidy["result"], tidy["where"].split()[0]))
        self.assertEqual({"web.inbound": {"delayed": 1}}, found["left"])

    def test_wrong(self) -> None:
        """What is wrong is said in a line, without a traceback."""
        status, _, errors = self.run_command(["trace", "shop.yaml", "--message", "hi"])
        self.assertEqual(1, status)
        self.assertRegex(errors, r"^pipeline: --message: no JSON.*\n$")

    def test_claims(self) -> None:
        """The kinds and limits are those that there are, and no worker that runs is a rehearsal."""
        text = (ROOT / PAGE).read_text(encoding="utf-8")
        self.assertEqual([], [kind for kind in KINDS if f"`{kind}`" not in text])
        wishes = Wishes()
        limits = (f"({wishes.wait:g} s)", f"up to {wishes.patience:g} s", f"{wishes.most} steps")
        self.assertEqual([], [limit for limit in limits if limit not in text])
        self.assertFalse(Runtime(None, None, None).dry_run)  # type: ignore[arg-type]  # none runs
        self.assertNotIn("shop", sys.modules)


def _shape(text: str) -> list[str]:
    """Lines with ids, times, and lines of the package alike."""
    text = re.sub(r"\b[0-9a-f]{32}\b", "ID", text)
    text = re.sub(r"\b\d+\.\d\d ms\b", "TIME", text)
    text = re.sub(r"\S*(pipeline/\S+\.py):\d+", r"\1", text)
    text = re.sub(r"(session:cookie:)\S+", r"\1KEY", text)
    return text.rstrip().split("\n")
