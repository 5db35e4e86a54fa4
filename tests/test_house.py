"""The rules of the house that a program can hold."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SkipTest, TestCase
from zope.interface import implementedBy
from zope.interface.verify import verifyClass

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "pipeline"
LONGEST = 350

#: Modules that need no test module of their own, each with its reason.
UNTESTED: dict[str, str] = {}

#: Modules with the name of a drawer that are none, each with its reason.
NO_DRAWERS = {
    "pipeline/middleware/common.py": "what Django calls it",
}

#: The package's files that are not modules: setup.py names each of these suffixes.
DATA = {".lua", ".yaml", ".html", ".tmpl"}


def modules() -> list[Path]:
    """Every module of the package, as a path from the root of the project."""
    return sorted(path.relative_to(ROOT) for path in PACKAGE.rglob("*.py"))


def tracked() -> list[Path]:
    """Every file of the project that git knows."""
    if not (ROOT / ".git").exists():
        raise SkipTest("not a git checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = (ROOT / name for name in listed.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that a file imports, in full, with the line it stands on."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def run(program: str) -> str:
    """What a fresh interpreter prints for a program."""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout.strip()


class Layout(TestCase):
    """Files are short, named for what they hold, and have a test each."""

    def test_short_files(self) -> None:
        """No file of the package is too long to be read in one go."""
        lengths = {
            str(path): len((ROOT / path).read_text(encoding="utf-8").splitlines())
            for path in modules()
        }
        self.assertEqual({}, {name: n for name, n in lengths.items() if n > LONGEST})

    def test_nouns(self) -> None:
        """No module is a drawer for what found no place."""
        drawers = {"utils.py", "util.py", "helpers.py", "helper.py", "misc.py", "common.py"}
        found = {str(path) for path in modules() if path.name in drawers}
        self.assertEqual(set(), found - set(NO_DRAWERS))

    def test_mirrored(self) -> None:
        """Every module has a test module at the mirrored place."""
        missing = [
            str(path)
            for path in modules()
            if path.name != "__init__.py"
            and str(path) not in UNTESTED
            and not self._mirror(path).exists()
        ]
        self.assertEqual([], missing)

    def test_no_stale_exemption(self) -> None:
        """An exemption names a module that exists, has no test, and says why."""
        for name, reason in UNTESTED.items():
            self.assertTrue((ROOT / name).exists(), name)
            self.assertFalse(self._mirror(Path(name)).exists(), name)
            self.assertTrue(reason, name)

    def test_packages(self) -> None:
        """Every folder with modules is a package, and so is installed."""
        folders = {
            path.parent for base in ("pipeline", "tests") for path in ROOT.glob(f"{base}/**/*.py")
        }
        bare = [str(f.relative_to(ROOT)) for f in folders if not (f / "__init__.py").exists()]
        self.assertEqual([], sorted(bare))

    def test_data_is_installed(self) -> None:
        """setup.py installs every kind of file that the package has besides modules."""
        found = {path.suffix for path in tracked() if path.is_relative_to(PACKAGE)}
        found -= {".py", ".typed"}
        self.assertEqual(set(), found - DATA)
        setup = (ROOT / "setup.py").read_text(encoding="utf-8")
        self.assertEqual([], sorted(s for s in DATA if f'"**/*{s}"' not in setup))

    def _mirror(self, module: Path) -> Path:
        inside = module.relative_to("pipeline")
        return ROOT / "tests" / inside.with_name(f"test_{inside.name}")


class Imports(TestCase):
    """What may be imported, where, and what it may set off."""

    def test_one_door_to_redis(self) -> None:
        """Only one module imports txredisapi."""
        door = Path("pipeline/brokers/redis/client.py")
        others = [
            f"{path}:{line}"
            for path in modules()
            for line, name in imports(ROOT / path)
            if name.split(".")[0] == "txredisapi" and path != door
        ]
        self.assertEqual([], others)

    def test_from_modules(self) -> None:
        """Inside the package names come from their modules, never from the public front."""
        front = set(run("import pipeline; print(*pipeline.__all__)").split())
        inner = [
            f"{path}:{line}"
            for path in modules()
            if path != Path("pipeline/__init__.py")
            for line, name in imports(ROOT / path)
            if name == "pipeline" or (name.count(".") == 1 and name[len("pipeline.") :] in front)
        ]
        self.assertEqual([], inner)

    def test_cheap(self) -> None:
        """``import pipeline`` installs no reactor and loads no Redis client."""
        loaded = run(
            "import sys, pipeline;"
            "print(*{'twisted.internet.reactor', 'txredisapi', 'hiredis'} & set(sys.modules))"
        )
        self.assertEqual("", loaded)

    def test_public_names(self) -> None:
        """Every public name can be had, and no other lies in ``__all__``."""
        broken = run(
            "import pipeline\n"
            "for name in pipeline.__all__:\n"
            "    try:\n"
            "        getattr(pipeline, name)\n"
            "    except Exception as error:\n"
            "        print(name, repr(error))\n"
        )
        self.assertEqual("", broken)

    def test_public_names_install_no_reactor(self) -> None:
        """The reactor stays the program's own choice, even with every public name loaded."""
        loaded = run(
            "import sys, pipeline\n"
            "for name in pipeline.__all__:\n"
            "    getattr(pipeline, name)\n"
            "print('twisted.internet.reactor' in sys.modules)\n"
        )
        self.assertEqual("False", loaded)

    def test_unknown_name(self) -> None:
        """A name that isn't there is an AttributeError, as in any module."""
        said = run("import pipeline; print(hasattr(pipeline, 'no_such_name'))")
        self.assertEqual("False", said)


class Promises(TestCase):
    """What a class says that it implements, it has."""

    def test_interfaces(self) -> None:
        """Every class of the package keeps the package's interfaces that it declares."""
        for path in modules():
            if path.name == "__main__.py":
                continue
            name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            for _, kind in inspect.getmembers(importlib.import_module(name), inspect.isclass):
                if kind.__module__ == name:
                    self._verify(kind)

    def _verify(self, kind: type) -> None:
        for interface in implementedBy(kind):
            if interface.__module__ == "pipeline.interfaces":
                self.assertTrue(verifyClass(interface, kind))


class Tree(TestCase):
    """What stands in the files themselves."""

    def test_no_machine(self) -> None:
        """No file names a place on the machine where it was written."""
        place = re.compile(r"(?<![\w.])/(work|root|home|tmp/venv)/")
        named = [
            f"{path.relative_to(ROOT)}:{number}"
            for path in tracked()
            for number, line in enumerate(_lines(path), 1)
            if place.search(line)
        ]
        self.assertEqual([], named)

    def test_links(self) -> None:
        """A page that links to a file of the project links to one that exists."""
        broken = [
            f"{page.relative_to(ROOT)}: {target}"
            for page in tracked()
            if page.suffix == ".md"
            for target in re.findall(r"\]\(([^)#:\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
            if not (page.parent / target).exists()
        ]
        self.assertEqual([], broken)

    def test_two_commands(self) -> None:
        """The README has one line for the demo and one for the tests, which CI runs."""
        readme = _lines(ROOT / "README.md")
        self.assertEqual(1, sum(line.endswith("bin/tox") for line in readme))
        self.assertEqual(1, sum(line.endswith("bin/pipeline demo") for line in readme))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()
