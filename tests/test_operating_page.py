"""The page for operators names commands, options and pages that there are."""

from __future__ import annotations

import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.cli.main import _parser
from pipeline.service.build import build, load, probes
from tests.service.support import written
from tests.test_running_pages import DOCS, examples, page

#: Spans of code, and lines typed at a prompt.
COMMAND = re.compile(r"`pipeline\s([^`]+)`|^\$ pipeline (.+)$", re.MULTILINE)
LINK = re.compile(r"\]\(([\w/-]+\.md)(?:#([\w-]+))?\)")


def commands() -> list[list[str]]:
    """The command lines of the page."""
    found = [" ".join(pair) for pair in COMMAND.findall(page("operating"))]
    return [shlex.split(words) for words in found]


def anchors(name: str) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


class Page(TestCase):
    def test_commands(self) -> None:
        """Each command line is understood; one that is only named is there."""
        self.assertGreater(len(commands()), 12)
        for words in commands():
            whole = words if "shop.yaml" in words else [*words, "--help"]
            with redirect_stdout(StringIO()) as said, redirect_stderr(said):
                try:
                    _parser(whole).parse_args(whole)
                except SystemExit as ending:
                    self.assertEqual(0, ending.code, (words, said.getvalue()))

    def test_example(self) -> None:
        """The configuration is whole, and every option in it known."""
        [example] = examples("operating")
        config = load(written(self, example))
        self.assertEqual(2, len(probes(config, config.workers)))
        build(config, Clock())
        self.assertEqual(2, config.supervisor.processes)

    def test_links(self) -> None:
        """Each page that it names is there, and so is each part of one."""
        links = LINK.findall(page("operating"))
        self.assertGreater(len(links), 15)
        for name, anchor in links:
            self.assertTrue((DOCS / name).is_file(), name)
            if anchor:
                self.assertIn(anchor, anchors(name), name)

    def test_benchmarks(self) -> None:
        """The benchmarks that it names are there."""
        named = set(re.findall(r"benchmarks\.(\w+)", page("operating")))
        self.assertEqual({"hops", "tasks", "http", "rest"}, named)
        for name in named:
            self.assertTrue((DOCS.parent / "benchmarks" / f"{name}.py").is_file(), name)
