"""The public front: every name there, none loaded before it is asked for."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import TestCase

import pipeline

ROOT = Path(__file__).resolve().parent.parent


class Front(TestCase):
    """``import pipeline``."""

    def test_version(self) -> None:
        """The version is the distribution's."""
        setup = (ROOT / "setup.py").read_text(encoding="utf-8")
        found = re.search(r'version="([^"]+)"', setup)
        assert found is not None
        self.assertEqual(found[1], pipeline.__version__)

    def test_names(self) -> None:
        """Every name is the one of its module."""
        for name, home in pipeline._HOMES.items():
            module = import_module(f"pipeline.{home}")
            self.assertIs(getattr(module, name), getattr(pipeline, name), name)

    def test_for_type_checkers(self) -> None:
        """What type checkers see is what is there."""
        source = (ROOT / "pipeline" / "__init__.py").read_text(encoding="utf-8")
        seen = {
            alias.asname: (node.module or "").removeprefix("pipeline.")
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.asname
        }
        self.assertEqual(pipeline._HOMES, seen)

    def test_listed(self) -> None:
        """dir() shows all names, loaded or not."""
        self.assertEqual(set(), set(pipeline.__all__) - set(dir(pipeline)))

    def test_unknown(self) -> None:
        """Another name is an AttributeError."""
        with self.assertRaises(AttributeError):
            pipeline.no_such_name  # noqa: B018  # reading it is the test
