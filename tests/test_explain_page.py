"""docs/explain.md is true: its files are explained, and its tables are the code's."""

from __future__ import annotations

import re

from twisted.trial.unittest import TestCase

from pipeline.explain.lint.run import RULES
from pipeline.middleware.effects import EFFECTS
from tests.cli.test_check import check
from tests.cli.test_explain import explain
from tests.service.support import ROOT
from tests.test_tutorial import blocks, steps

PAGE = "docs/explain.md"
#: Stands before the table of rules, with which the page ends.
MARK = "<!-- rules -->"


def page() -> str:
    return (ROOT / PAGE).read_text(encoding="utf-8")


class Page(TestCase):
    """What it says, is so."""

    def test_commands(self) -> None:
        """Each command says what stands below it, of the file that stands above it."""
        files: dict[str, str] = {}
        tried = 0
        for block in blocks(PAGE):
            if block.file:
                files[block.file] = self.mktemp() + ".yaml"
                with open(files[block.file], "w", encoding="utf-8") as file:
                    file.write(block.text)
            for command, expected in steps(block.text) if block.language == "console" else ():
                tried += 1
                self._check(command, expected, files, int(block.status or 0))
        self.assertGreater(tried, 0)

    def _check(self, command: str, expected: list[str], files: dict[str, str], wanted: int) -> None:
        program, subcommand, *words = command.split()
        self.assertEqual("pipeline", program)
        run = {"explain": explain, "check": check}[subcommand]
        status, out, err = run(*(files.get(word, word) for word in words))
        self.assertEqual((wanted, ""), (status, err), command)
        for name, path in files.items():
            out = out.replace(path, name)
        for line in expected:
            self.assertIn(line, out)

    def test_effects(self) -> None:
        """The table of words is the code's."""
        rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page(), re.MULTILINE))
        self.assertEqual(EFFECTS, {word: rows.get(word) for word in EFFECTS})

    def test_rules(self) -> None:
        """The table of rules is the code's."""
        _, table = page().split(f"{MARK}\n")
        self.assertEqual(rules_table(), table)


def rules_table() -> str:
    """The rules as a table of Markdown."""
    head = "| Rule | Level | Looks for | Since |\n| --- | --- | --- | --- |\n"
    return head + "".join(
        f"| `{rule.name}` | {rule.level} | {rule.about} | {rule.why} |\n" for rule in RULES
    )
