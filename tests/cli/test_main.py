"""The command line as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.cli import main

ROOT = Path(__file__).resolve().parents[2]


def command(*args: str) -> subprocess.CompletedProcess[str]:
    """Run the command ``pipeline`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from pipeline.cli.main import main; main()", *args],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


class Main(TestCase):
    """What every subcommand shares."""

    def test_version(self) -> None:
        """--version says which one this is."""
        done = command("--version")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertRegex(done.stdout, r"^pipeline \d+\.\d+")

    def test_help(self) -> None:
        """--help lists the subcommands and has examples."""
        done = command("--help")
        self.assertEqual(0, done.returncode)
        for text in ("demo", "run", "check", "examples:"):
            self.assertIn(text, done.stdout)

    def test_nothing(self) -> None:
        """Without a subcommand it shows the help, and fails."""
        done = command()
        self.assertEqual(2, done.returncode)
        self.assertIn("examples:", done.stdout)

    def test_interrupted_early(self) -> None:
        """Ctrl-C while a subcommand is still being loaded ends it as later, with status 130."""

        def loading(name: str) -> Any:
            raise KeyboardInterrupt

        self.patch(main, "import_module", loading)
        self.assertEqual(130, self.assertRaises(SystemExit, main.main, ["demo"]).code)

    def test_burst_wait(self) -> None:
        """An option that would do nothing is a wrong command line."""
        done = command("run", "config/demo.yaml", "--burst-wait", "5s")
        self.assertEqual(
            (2, "pipeline: --burst-wait is for --burst\n"), (done.returncode, done.stderr)
        )

    def test_unknown(self) -> None:
        """An unknown subcommand is named, and the known ones are listed."""
        done = command("dmeo")
        self.assertEqual(2, done.returncode)
        self.assertIn("dmeo", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def test_help_of_each(self) -> None:
        """Every subcommand explains itself with examples."""
        for name in ("demo", "run", "check"):
            done = command(name, "--help")
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("examples:", done.stdout)

    def test_lean(self) -> None:
        """The help installs no reactor and loads no Redis client."""
        program = (
            "import sys; from pipeline.cli.main import main\n"
            "try: main(['--help'])\n"
            "except SystemExit: pass\n"
            "print({'twisted', 'txredisapi', 'yaml', 'pipeline.cli.run'} & set(sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True
        )
        self.assertEqual("set()", done.stdout.splitlines()[-1])

    def test_no_traceback(self) -> None:
        """An error is one line to standard error; --debug brings the traceback."""
        done = command("run", "no-such-file.yaml")
        self.assertEqual(1, done.returncode)
        self.assertEqual("pipeline: there is no file 'no-such-file.yaml'\n", done.stderr)
        self.assertIn("Traceback", command("run", "--debug", "no-such-file.yaml").stderr)

    def test_closed(self) -> None:
        """With standard output and errors closed it does the same, and says nothing."""
        program = [sys.executable, "-c", "from pipeline.cli.main import main; main()"]
        closed = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *program]
        for file, status in (("config/demo.yaml", 0), ("no-such-file.yaml", 1)):
            done = subprocess.run([*closed, "check", file], cwd=ROOT, timeout=60, check=False)
            self.assertEqual(status, done.returncode)
