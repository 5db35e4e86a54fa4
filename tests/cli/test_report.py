"""Errors and colours look the same in every command."""

from __future__ import annotations

import errno
import io
import os
from contextlib import redirect_stderr

from twisted.trial.unittest import TestCase

from pipeline.cli.report import Colours, harmless, print_error, single_errors
from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Colouring(TestCase):
    """Colours only where they are seen and wanted."""

    def setUp(self) -> None:
        self.patch(os, "environ", {**os.environ, "NO_COLOR": "", "TERM": "xterm"})

    def test_terminal(self) -> None:
        """A terminal gets colours."""
        self.assertEqual("\033[1;31mx\033[0m", Colours(Terminal())("x", "bold", "red"))

    def test_file(self) -> None:
        """A file or pipe gets none."""
        self.assertEqual("x", Colours(io.StringIO())("x", "bold"))

    def test_no_color(self) -> None:
        """NO_COLOR is respected."""
        self.patch(os, "environ", {**os.environ, "NO_COLOR": "1"})
        self.assertEqual("x", Colours(Terminal())("x", "bold"))

    def test_dumb(self) -> None:
        """A dumb terminal gets none."""
        self.patch(os, "environ", {**os.environ, "TERM": "dumb"})
        self.assertEqual("x", Colours(Terminal())("x", "bold"))

    def test_plain(self) -> None:
        """Text without a style stays as it is."""
        self.assertEqual("x", Colours(Terminal())("x"))


class Errors(TestCase):
    """What a person gets to read."""

    def said(self, error: Exception) -> str:
        stream = io.StringIO()
        with redirect_stderr(stream):
            print_error(error)
        return stream.getvalue()

    def test_one(self) -> None:
        """An error says where, what, and what to do."""
        error = ConfigError("no such option", at="a.yaml:3:5", hint="did you mean 'listen'?")
        self.assertEqual(
            "pipeline: a.yaml:3:5: no such option (did you mean 'listen'?)\n", self.said(error)
        )

    def test_several(self) -> None:
        """Each error of a configuration has its line."""
        error = ConfigErrors([ConfigError("one", at="a.yaml:1:1"), ConfigError("two")])
        self.assertEqual("pipeline: a.yaml:1:1: one\npipeline: two\n", self.said(error))
        self.assertEqual(2, len(single_errors(error)))

    def test_unexpected(self) -> None:
        """An error that is not ours is named, with the way to its traceback."""
        said = self.said(KeyError("x"))
        self.assertEqual("pipeline: KeyError: 'x'\n(--debug shows where it happened)\n", said)

    def test_of_the_system(self) -> None:
        """An error of the system says of which file, and what, without numbers."""
        error = OSError(errno.ENOENT, "No such file or directory", "out/a.svg")
        self.assertEqual("pipeline: out/a.svg: No such file or directory\n", self.said(error))
        full = OSError(errno.ENOSPC, "No space left on device")
        self.assertEqual("pipeline: No space left on device\n", self.said(full))

    def test_harmless(self) -> None:
        """Nothing in an error is an order to the terminal; its lines stay lines."""
        said = self.said(ConfigError("\x1b]0;x\x07: what\nmore\r\u202e", at="a.yaml:1:1"))
        self.assertEqual("pipeline: a.yaml:1:1: \\x1b]0;x\\x07: what\nmore\\r\\u202e\n", said)
        self.assertEqual("é a\n  b", harmless("é a\n  b"))
