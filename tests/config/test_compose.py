"""Files are read and parsed within limits, and syntax errors say where they are."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.config import compose
from pipeline.config.compose import MAX_DEPTH, composed, mark_of, read
from pipeline.errors import ConfigError
from tests.properties import given


class Parsing(TestCase):
    """composed()."""

    def test_nothing(self) -> None:
        """Text with nothing in it has no node."""
        self.assertIsNone(composed("# only a comment\n", "a.yaml"))

    def test_syntax(self) -> None:
        """A syntax error says file, line and column."""
        error = self.assertRaises(ConfigError, composed, "a: 1\nb: [1, 2\nc: 3\n", "a.yaml")
        self.assertEqual("a.yaml:3:2", error.at)
        self.assertIn("not YAML: while parsing a flow sequence: expected ',' or ']'", error.what)

    def test_odd_characters(self) -> None:
        """A character that YAML forbids is an error like another."""
        error = self.assertRaises(ConfigError, composed, "a: \x00", "a.yaml")
        self.assertIn("not YAML: unacceptable character", error.what)
        self.assertEqual("a.yaml", error.at)

    def test_escapes(self) -> None:
        """An escape for what is no character is an error with its position."""
        for text in ('a: "\\UFFFFFFFF"', 'a: "\\U00200000"'):
            error = self.assertRaises(ConfigError, composed, text, "a.yaml")
            self.assertIn("not YAML: ", error.what)
            self.assertEqual("a.yaml:1:7", error.at)
        error = self.assertRaises(ConfigError, composed, 'a: "\\ud800"', "a.yaml")
        text = "a.yaml:1:4: half of a character, which nothing can encode"
        self.assertEqual(text, str(error))

    @given(st.text(st.sampled_from("a: -[]{},&*!%|>'\"\\U\n#?<x0~") | st.characters(), max_size=30))
    def test_any_text(self, text: str) -> None:
        """Whatever the text, it is YAML or a ConfigError."""
        with contextlib.suppress(ConfigError):
            composed(text, "a.yaml")

    def test_two_documents(self) -> None:
        """A file holds one document."""
        error = self.assertRaises(ConfigError, composed, "a: 1\n---\nb: 2\n", "a.yaml")
        self.assertIn("expected a single document", error.what)

    def test_depth(self) -> None:
        """Nesting too deep is an error, however deep, not a crash."""
        composed("[" * MAX_DEPTH + "]" * MAX_DEPTH, "a.yaml")
        error = self.assertRaises(ConfigError, composed, "[" * 100_000, "a.yaml")
        self.assertEqual(f"nested more than {MAX_DEPTH} deep", error.what)

    def test_mark(self) -> None:
        """A position counts lines and columns from one; without a mark it is the file."""
        node = composed("a: 1", "a.yaml")
        self.assertEqual("a.yaml:1:1", mark_of(node))
        self.assertEqual("b.yaml", mark_of(None, "b.yaml"))


class Files(TestCase):
    """read()."""

    def fails(self, content: bytes) -> str:
        """Assert that a file of this content can't be read, and give the error's text."""
        path = Path(self.mktemp())
        path.write_bytes(content)
        return str(self.assertRaises(ConfigError, read, path, "a.yaml", "b.yaml:1:1"))

    def test_missing(self) -> None:
        """A missing file is said to be missing."""
        error = self.assertRaises(ConfigError, read, Path(self.mktemp()), "a.yaml")
        self.assertEqual("there is no file 'a.yaml'", str(error))

    def test_unreadable(self) -> None:
        """A folder, or a file that can't be opened, is told with the system's reason."""
        error = self.assertRaises(ConfigError, read, Path(os.curdir), "a.yaml")
        self.assertEqual("can't read 'a.yaml': Is a directory", str(error))

    def test_encoding(self) -> None:
        """A file is UTF-8, with or without a mark of it; anything else is told with its line."""
        path = Path(self.mktemp())
        path.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9")
        self.assertEqual("a: é", read(path, "a.yaml"))
        self.assertEqual("a.yaml:2: not UTF-8 text", self.fails(b"a: 1\nb: \xff\n"))

    def test_size(self) -> None:
        """A file too large is refused without being parsed."""
        self.patch(compose, "MAX_SIZE", 10)
        text = "b.yaml:1:1: 'a.yaml' is larger than 10 bytes"
        self.assertEqual(text, self.fails(b"a" * 11))
