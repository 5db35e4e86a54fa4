"""docs/tasks.md is true: its files are written, its commands are run, its tables are the code's."""

from __future__ import annotations

import inspect
import re

from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.config.settings import RetryConfig
from pipeline.tasks import registry
from tests.service.support import PIPELINE, ROOT, Process
from tests.test_tutorial import Block, Reader, blocks

PAGE = "docs/tasks.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")


class Member(Reader):
    """Somebody who has the library at work while programs ask it."""

    def write(self, block: Block) -> None:
        """Save a file; programs and other configurations change nothing of what runs."""
        if block.file in ("library.py", "library.yaml"):
            super().write(block)
            return
        (self.folder / block.file).write_text(block.text, encoding="utf-8")

    def do(self, command: str, status: int = 0) -> str:
        """Run a command, a program while the library is at work."""
        if command.startswith("python"):
            self.start()
        return super().do(command, status)


class Guide(TestCase):
    """Somebody does what the page says."""

    timeout = 180

    def test_followed(self) -> None:
        """Every file works, and every command says what it should."""
        self.assertEqual(5, Member(self).follow(PAGE))

    def test_middleware(self) -> None:
        """The middleware is around calls in the reactor, in threads and in processes."""
        reader = Member(self)
        for block in blocks(PAGE):
            if block.file:
                reader.write(block)
        process = Process(PIPELINE, "run", "noted.yaml", cwd=reader.folder, PYTHONUNBUFFERED="1")
        self.addCleanup(process.kill)
        process.wait_for_error("worker 'work' is ready")
        reader.running = process  # what is asked is answered by this one
        self.assertIn("360.0 grams", reader.do("python ask.py"))
        reader.running = None
        said = self.all_said(process)
        for line in (
            "begins: library.reserve('Ulysses', ",
            "returns: library.reserve",
            "ends: library.reserve well",
            "begins: library.weigh(18)",
            "ends: library.weigh well",
        ):
            self.assertIn(line, said)
        self.assertEqual(1, said.count("ends: library.reserve"))
        self.assertEqual(2, said.count("begins: library.reserve"))

    def all_said(self, process: Process) -> str:
        """What a process has said until its end, on both streams."""
        status, out, err = process.terminate()
        self.assertEqual(0, status, out + err)
        return out + err


class Tables(SynchronousTestCase):
    """What the page lists is what there is."""

    def test_options(self) -> None:
        """Every option of a task is in the table, in its order, and no other."""
        source = inspect.getsource(registry)
        signature = source.split("def task(\n    *,\n")[1].split(") ->")[0]
        options = re.findall(r"^    (\w+): ", signature, re.MULTILINE)
        table = TEXT.split("## Options")[1].split("##")[0]
        self.assertEqual(options, re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
        for option, default in re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", table, re.MULTILINE):
            self.assertIn(f" = {default}", re.findall(rf"{option}: .*", signature)[0])

    def test_attempts(self) -> None:
        """Ten attempts, if nobody says otherwise."""
        self.assertIn("ten attempts", TEXT)
        [attempts] = [each for each in RetryConfig.fields() if each.name == "attempts"]
        self.assertEqual(10, attempts.default)

    def test_every_block(self) -> None:
        """Every block of Python and YAML is a file, and so is tried."""
        for block in blocks(PAGE):
            self.assertTrue(block.file or block.language == "console", block.text)
