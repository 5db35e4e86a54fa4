"""``pipeline trace``: its command line. What it does is tested beside what does it."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout

from twisted.trial.unittest import TestCase

from tests.explain.trace.samples import SYSTEM
from tests.service.support import PIPELINE, Process, written


def refused(*args: str) -> str:
    """What is said of a wrong command line, or a help."""
    from pipeline.cli.main import main

    out = io.StringIO()
    with redirect_stderr(out), redirect_stdout(out):
        try:
            main(["trace", *args])
        except SystemExit as ended:
            return f"{ended.code} {out.getvalue()}"
    raise AssertionError("it did not end")


class CommandLine(TestCase):
    """What can be said, and what comes of it."""

    timeout = 120

    def test_wrong(self) -> None:
        """A wrong command line is status 2, and says what would be right."""
        self.assertTrue(refused("shop.yaml").startswith("2 "))
        self.assertIn("--message", refused("shop.yaml"))
        said = refused("shop.yaml", "--message", "{}", "--kind", "letter")
        self.assertIn("'inbound'", said)
        self.assertIn("a span of time", refused("shop.yaml", "--message", "{}", "--wait", "long"))

    def test_help(self) -> None:
        """The help has examples, and says what a trace can't hold back."""
        said = refused("--help")
        self.assertIn("""--message '{"content": "hi"}'""", said)
        self.assertIn("what your middleware does outside, it does", said)

    def test_missing_file(self) -> None:
        """A message's file that isn't there is an error in a line."""
        said = refused("shop.yaml", "--message", "@missing.json")
        self.assertIn("1 pipeline: missing.json: No such file or directory", said)
        self.assertNotIn("Traceback", said)

    def test_standard_input(self) -> None:
        """The message comes from standard input; only the worker that is named is made, an option
        is set over the file."""
        text = '{"content": "hi", "from_addr": "ada"}'
        words = ("--message", "-", "--worker", "phone", "--json", "--set-option", "namespace:other")
        program = f"import io, sys; sys.stdin = io.TextIOWrapper(io.BytesIO({text.encode()!r}))"
        program = f"{program}\n{PIPELINE}"
        process = Process(program, "trace", written(self, SYSTEM), *words, cwd=os.getcwd())
        self.addCleanup(process.kill)
        status, said, errors = process.end()
        found = json.loads(said)
        self.assertEqual((0, "ada", ""), (status, found["message"]["from_addr"], errors))
        self.assertEqual({"phone.inbound": {"waiting": 1}}, found["left"])
