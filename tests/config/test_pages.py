"""Tables of options in pages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from pipeline.config.base import Config, ConfigSection
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigDict, ConfigList, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.pages import main, options_table, with_tables
from pipeline.errors import ConfigError

HERE = __name__
ROOT = Path(__file__).resolve().parents[2]


class Inner(Config):
    part = ConfigText("A part.", required=True)


class Base(Config):
    common = ConfigInt("Of everybody.", default=3)


class Options(Base):
    name = ConfigText("A name | a title,\n    in two lines.", default="")
    mode = ConfigChoice("Which.", default="a", values=("a", "b", "c"))
    parts = ConfigSection("Parts.", Inner)
    flag = ConfigBool("A flag.", default=False)
    some = ConfigList("Some.", default=["x", 1])
    more = ConfigDict("More.", default={"k": True})
    rest = ConfigText("The `<rest>` or <none>.")


class Worker:
    CONFIG_CLASS: ClassVar[type[Config]] = Options


TABLE = """\
| Option | Form | Default | |
| --- | --- | --- | --- |
| `name` | text | `''` | A name \\| a title, in two lines. |
| `mode` | a, b or c | `a` | Which. |
| `parts` | section | its parts' | Parts. |
| `parts.part` | text | required | A part. |
| `flag` | true or false | `false` | A flag. |
| `some` | list | `[x, 1]` | Some. |
| `more` | mapping | `{k: true}` | More. |
| `rest` | text | none | The `<rest>` or &lt;none>. |
"""


class Tables(SynchronousTestCase):
    def test_rows(self) -> None:
        """Each option has a row: its form, its default as YAML has it, what it is for."""
        self.assertEqual(TABLE, options_table(Options, besides=Base))

    def test_inherited(self) -> None:
        """Inherited options come first, unless they are told elsewhere."""
        row = "| `common` | whole number | `3` | Of everybody. |\n"
        self.assertEqual(row, options_table(Options).splitlines(keepends=True)[2])

    def test_page(self) -> None:
        """What follows a mark is replaced by the table, as often as one likes."""
        mark = f"<!-- options of {HERE}.Worker besides {HERE}.Base -->\n"
        page = f"# Page\n\n{mark}| old |\n| older |\n\nText | text\n\n{mark}"
        made = with_tables(page)
        self.assertEqual(f"# Page\n\n{mark}{TABLE}\nText | text\n\n{mark}{TABLE}", made)
        self.assertEqual(made, with_tables(made))

    def test_code(self) -> None:
        """A mark in a block of code is an example, and stays as it is."""
        page = "```markdown\n<!-- options of nothing.There -->\n```\n"
        self.assertEqual(page, with_tables(page))
        mark = f"<!-- options of {HERE}.Worker besides {HERE}.Base -->\n"
        self.assertEqual(f"{page}{mark}{TABLE}{page}", with_tables(f"{page}{mark}{page}"))

    def test_ours(self) -> None:
        """Every table in the project's own pages is as its class is."""
        for page in ROOT.glob("docs/**/*.md"):
            text = page.read_text(encoding="utf-8")
            told = f"{page}: to make it anew: python -m pipeline.config.pages PAGE"
            self.assertEqual(with_tables(text), text, told)

    def test_no_options(self) -> None:
        """A mark that names something else is refused."""
        for name in (f"{HERE}.Tables", f"{HERE}.HERE", f"{HERE}.Nothing"):
            with self.assertRaises(ConfigError):
                with_tables(f"<!-- options of {name} -->\n")


class Command(SynchronousTestCase):
    def setUp(self) -> None:
        self.page = Path(self.mktemp())
        self.page.write_text(f"<!-- options of {HERE}.Options besides {HERE}.Base -->\n")
        patched = patch.object(sys, "path", list(sys.path))
        patched.start()
        self.addCleanup(patched.stop)

    def run_it(self, *arguments: str) -> tuple[int, str, str]:
        with patch("sys.stdout") as out, patch("sys.stderr") as err:
            status = main([*arguments, str(self.page)])
        told: list[Any] = [
            "".join(c.args[0] for c in each.write.call_args_list) for each in (out, err)
        ]
        return (status, *told)

    def test_check(self) -> None:
        """--check changes nothing, and its status says what would be."""
        before = self.page.read_text()
        self.assertEqual((1, f"would change: {self.page}\n", ""), self.run_it("--check"))
        self.assertEqual(before, self.page.read_text())

    def test_write(self) -> None:
        """A page is rewritten once."""
        self.assertEqual((0, f"changed: {self.page}\n", ""), self.run_it())
        self.assertTrue(self.page.read_text().endswith(TABLE))
        self.assertEqual((0, "", ""), self.run_it())
        self.assertEqual((0, "", ""), self.run_it("--check"))

    def test_wrong(self) -> None:
        """What can't be made is told without a traceback."""
        self.page.write_text("<!-- options of no_such_module.X -->\n")
        status, _, error = self.run_it()
        self.assertEqual(2, status)
        self.assertIn("no_such_module", error)

    def test_as_a_command(self) -> None:
        """It runs as it is written in the documentation, and finds the classes beside it."""
        folder = self.page.with_suffix(".d")
        folder.mkdir()
        (folder / "mine.py").write_text(
            "from pipeline.config import Config, ConfigText\n"
            "class Mine(Config):\n    a = ConfigText('Mine.')\n"
        )
        (folder / "page.md").write_text("<!-- options of mine.Mine -->\n")
        command = [sys.executable, "-m", "pipeline.config.pages", "page.md"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(("changed: page.md\n", "", 0), (done.stdout, done.stderr, done.returncode))
        self.assertIn("| `a` | text | none | Mine. |", (folder / "page.md").read_text())
