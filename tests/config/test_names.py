"""Dotted names are resolved, and each way to fail is told apart."""

from __future__ import annotations

import collections
import os.path
import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.config.names import resolve
from pipeline.errors import ConfigError


class Resolving(TestCase):
    """resolve() on names that exist and that don't."""

    def setUp(self) -> None:
        """Make a package beside nothing, importable for one test."""
        folder = Path(self.mktemp())
        self.package = f"sample_{id(self)}"
        inside = folder / self.package
        inside.mkdir(parents=True)
        (inside / "__init__.py").write_text(
            "def __getattr__(name):\n"
            "    if name == 'lazy': raise OSError('too lazy')\n"
            "    raise AttributeError(name)\n"
        )
        (inside / "works.py").write_text("class Thing:\n    inner = 5\n")
        (inside / "needs.py").write_text("import no_such_module_at_all\n")
        (inside / "ends.py").write_text("raise SystemExit(0)\n")
        (inside / "fails.py").write_text("1 / 0\n")
        self.patch(sys, "path", [str(folder), *sys.path])

    def tearDown(self) -> None:
        """Forget the package."""
        for name in [name for name in sys.modules if name.startswith(self.package)]:
            del sys.modules[name]

    def fails(self, dotted: str) -> ConfigError:
        """Assert that a name doesn't resolve, and give the error."""
        error = self.assertRaises(ConfigError, resolve, dotted, "a.yaml:1:1")
        self.assertEqual("a.yaml:1:1", error.at)
        return error

    def test_found(self) -> None:
        """Modules, submodules, attributes and attributes of attributes are found."""
        self.assertIs(collections, resolve("collections"))
        self.assertIs(os.path.join, resolve("os.path.join"))
        self.assertEqual(5, resolve(f"{self.package}.works.Thing.inner"))

    def test_no_module(self) -> None:
        """A missing first module is named, with advice."""
        error = self.fails("no_such_package.x.Y")
        self.assertEqual(
            "there is no module 'no_such_package', for 'no_such_package.x.Y'", error.what
        )
        self.assertEqual("is it installed, or beside the configuration file?", error.hint)
        hint = "give the whole dotted name, as package.module.HttpTransport"
        self.assertEqual(hint, self.fails("HttpTransport").hint)

    def test_no_submodule(self) -> None:
        """A missing submodule is answered with the nearest one."""
        error = self.fails(f"{self.package}.work.Thing")
        what = f"module '{self.package}' has no 'work', for '{self.package}.work.Thing'"
        self.assertEqual((what, "did you mean 'works'?"), (error.what, error.hint))

    def test_no_attribute(self) -> None:
        """A missing attribute is answered with the nearest one."""
        self.assertEqual("did you mean 'Thing'?", self.fails(f"{self.package}.works.Thin").hint)
        error = self.fails(f"{self.package}.works.Thing.outer")
        self.assertIn("object", error.what)

    def test_import_fails(self) -> None:
        """An error while importing is told as such, with the inner error."""
        name = f"{self.package}.needs"
        inner = "ModuleNotFoundError: No module named 'no_such_module_at_all'"
        what = f"importing {name!r} (for '{name}.X') failed: {inner}"
        self.assertEqual(what, self.fails(f"{name}.X").what)
        error = self.fails(f"{self.package}.fails")
        self.assertEqual(
            f"importing '{self.package}.fails' failed: ZeroDivisionError: division by zero",
            error.what,
        )
        self.assertIsInstance(error.__cause__, ZeroDivisionError)
        self.assertIn("SystemExit: 0", self.fails(f"{self.package}.ends").what)
        self.assertIn("OSError: too lazy", self.fails(f"{self.package}.lazy").what)

    def test_no_name(self) -> None:
        """What can't be a dotted name is refused before anything is imported."""
        for bad in ("", "a..b", ".a", "a-b.c", "a b"):
            self.assertIn("expected a dotted name", self.fails(bad).what)
