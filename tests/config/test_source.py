"""A document is what a file says, with positions."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from pipeline.config.problems import ConfigErrors
from pipeline.config.source import load_document, parse_document, parse_scalar
from pipeline.errors import ConfigError
from tests.properties import given

#: What JSON writes and YAML allows (no control characters, no surrogates), without variables.
LETTERS = st.characters(exclude_categories=["Cc", "Cs", "Cn"], exclude_characters="$")
TEXTS = st.text(LETTERS, max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(10**50), 10**50) | TEXTS
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


class Loading(TestCase):
    """load_document and parse_document."""

    def test_file(self) -> None:
        """A file's document knows its name as given and its folder in full."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.yaml").write_text("workers:\n  web:\n    listen: ${X}\n")
        document = load_document(folder / "a.yaml", {"X": "tcp:0"})
        name = os.fspath(folder / "a.yaml")
        self.assertEqual((name, folder.absolute()), (document.name, document.folder))
        self.assertEqual("tcp:0", document.get(("workers", "web", "listen")))
        self.assertEqual(f"{name}:3:13", document.at(("workers", "web", "listen")))
        self.assertEqual(f"{name}:3:5", document.key_at(("workers", "web", "listen")))

    def test_absent(self) -> None:
        """What isn't there is None, at the nearest thing around it."""
        document = parse_document("a:\n  b: [1]\n", "a.yaml")
        for path in (("x",), ("a", "x", "y"), ("a", "b", 7), ("a", "b", 0, "z")):
            self.assertIsNone(document.get(path))
        self.assertEqual("a.yaml:1:1", document.at(("a", "x")))
        self.assertEqual("a.yaml:1:1", document.key_at(()))
        self.assertEqual("a.yaml:1:1", document.key_at(("x", "y")))

    def test_empty(self) -> None:
        """An empty file is an empty mapping."""
        document = parse_document("# nothing\n", "a.yaml")
        self.assertEqual(({}, "a.yaml:1:1"), (document.data, document.at(())))

    def test_environment(self) -> None:
        """Without another environment, it is the process' own."""
        self.patch(os, "environ", {"PIPELINE_TEST": "yes"})
        self.assertEqual({"a": "yes"}, parse_document("a: ${PIPELINE_TEST}").data)

    def test_wrong(self) -> None:
        """Missing files, tops that are no mapping, and several faults are told."""
        error = self.assertRaises(ConfigError, load_document, "no/such.yaml")
        self.assertEqual("there is no file 'no/such.yaml'", str(error))
        error = self.assertRaises(ConfigError, parse_document, "- a\n", "a.yaml")
        self.assertEqual("a.yaml:1:1: expected a mapping, as 'name: value' lines", str(error))
        error = self.assertRaises(
            ConfigErrors, parse_document, "a: ${}\na: ${N}\n", "a.yaml", ".", {}
        )
        self.assertEqual(3, len(error.errors))

    @given(TREES)
    def test_json_returns(self, tree: Any) -> None:
        """Every tree written as JSON is read as the same tree."""
        text = json.dumps({"tree": tree}, ensure_ascii=False)
        self.assertEqual({"tree": tree}, parse_document(text, environment={}).data)


class Scalar(TestCase):
    """parse_scalar."""

    def test_scalars(self) -> None:
        """Plain words are as in a file, quotes make text, brackets make YAML, the rest is text."""
        cases: dict[str, Any] = {
            "5": 5,
            "'5'": "5",
            "true": True,
            "": None,
            "tcp:0": "tcp:0",
            "a: b": "a: b",
            "*123#": "*123#",
            "${X}": "${X}",
            "[a, 1]": ["a", 1],
            "{a: 1}": {"a": 1},
        }
        for text, value in cases.items():
            self.assertEqual(value, parse_scalar(text))

    def test_wrong(self) -> None:
        """What begins like YAML must be YAML."""
        error = self.assertRaises(ConfigError, parse_scalar, "[a", "--set-option x")
        self.assertEqual("--set-option x: not a YAML value: '[a'", str(error))
