"""A project is written as a whole, or not at all."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

import yaml
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.scaffold import project
from pipeline.scaffold.project import create, rendered
from pipeline.service.monitor.options import MonitorConfig
from pipeline.worker import WorkerConfig


class Rendered(SynchronousTestCase):
    """What a project consists of."""

    def setUp(self) -> None:
        self.files = rendered("my_shop")

    def test_files(self) -> None:
        """There is one of everything, under the project's name."""
        expected = {
            *(".dockerignore", ".gitignore", "Dockerfile", "README.md", "pyproject.toml"),
            *("my_shop.yaml", "deploy/my_shop.service"),
            *(f"my_shop/{name}.py" for name in ("__init__", "application", "middleware", "tasks")),
            *(f"tests/test_{name}.py" for name in ("application", "configuration")),
            *(f"tests/test_{name}.py" for name in ("middleware", "tasks")),
            "tests/__init__.py",
        }
        self.assertEqual(expected, set(self.files))

    def test_filled_in(self) -> None:
        """No place is left open, and no secret or folder of somebody is in it."""
        for path, text in self.files.items():
            self.assertNotRegex(text, r"\{\{|\}\}", path)
            self.assertTrue(text.endswith("\n"), path)
        self.assertIn("class MyShopApplication(", self.files["my_shop/application.py"])
        about = tomllib.loads(self.files["pyproject.toml"])["project"]
        self.assertEqual("my-shop", about["name"])
        # The monitor counts unless it is told otherwise.
        self.assertTrue(MonitorConfig({"listen": "tcp:0"}).metrics)
        self.assertRegex(about["dependencies"][0], r"^txpipeline\[embedded,metrics\]>=\d")

    def test_listeners(self) -> None:
        """Whatever listens does so on this machine only, unless a variable says otherwise."""
        listeners = re.findall(r"listen: (.*)", self.files["my_shop.yaml"])
        self.assertEqual(2, len(listeners))
        for each in listeners:
            self.assertIn("interface=127.0.0.1}", each)

    def test_readme(self) -> None:
        """The README tells of each variable of the configuration, with its default."""
        pairs = re.findall(r"\$\{(\w+):-([^}]*)\}", self.files["my_shop.yaml"])
        self.assertEqual(3, len(pairs))
        for name, default in pairs:
            self.assertIn(f"| `{name}` | `{default}` |", self.files["README.md"])

    def test_unit(self) -> None:
        """The service tells systemd of itself, is watched, and has longer to stop than it takes."""
        unit = dict(re.findall(r"^(\w+)=(.*)$", self.files["deploy/my_shop.service"], re.MULTILINE))
        self.assertEqual(("notify", "yes"), (unit["Type"], unit["NoNewPrivileges"]))
        self.assertGreaterEqual(int(unit["WatchdogSec"]), 10)
        config = WorkerConfig({})
        self.assertGreater(int(unit["TimeoutStopSec"]), config.stop_timeout)

    def test_container(self) -> None:
        """The container runs as a user of its own, and is healthy when it is ready."""
        docker = self.files["Dockerfile"]
        monitor = yaml.safe_load(self.files["my_shop.yaml"])["monitor"]["listen"]
        [port] = re.findall(r":-tcp:(\d+)", monitor)
        self.assertIn(f"http://127.0.0.1:{port}/ready", docker)
        self.assertLess(docker.index("USER my_shop"), docker.index("CMD ["))


class Written(SynchronousTestCase):
    """Where it is written."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)

    def test_new(self) -> None:
        """A new folder, with those above it; the files are what was rendered, and nothing else is
        left beside them."""
        target = self.folder / "work" / "shop"
        self.assertEqual(target, create("my_shop", target))
        found = {
            str(path.relative_to(target)): path.read_text(encoding="utf-8")
            for path in target.rglob("*")
            if path.is_file()
        }
        self.assertEqual(rendered("my_shop"), found)
        self.assertEqual(["shop"], os.listdir(target.parent))
        self.assertEqual(0o700, target.stat().st_mode & 0o700)

    def test_empty(self) -> None:
        """A folder that is there and empty will do."""
        self.assertTrue((create("my_shop", self.folder) / "my_shop.yaml").is_file())

    def test_never_over(self) -> None:
        """Nothing is written over what is there, be it a file, a full folder, or a link."""
        full, file, link = (self.folder / name for name in ("full", "file", "link"))
        full.mkdir()
        (full / "mine").write_text("mine")
        file.write_text("mine")
        link.symlink_to(self.folder / "nowhere")
        for target in (full, file, link):
            with self.assertRaises(ConfigError) as caught:
                create("my_shop", target)
            self.assertIn("name another --dir", str(caught.exception))
        self.assertEqual(["file", "full", "link"], sorted(os.listdir(self.folder)))
        self.assertEqual(["mine"], os.listdir(full))

    def test_all_or_nothing(self) -> None:
        """If a file can't be written, nothing is there afterwards."""
        self.patch(project, "rendered", lambda name: {"a": "x", "a/b": "y"})
        with self.assertRaises(OSError):
            create("my_shop", self.folder / "shop")
        self.assertEqual([], os.listdir(self.folder))


class Page(SynchronousTestCase):
    """docs/new.md."""

    def test_files(self) -> None:
        """It lists the files that there are."""
        page = (Path(__file__).resolve().parents[2] / "docs" / "new.md").read_text(encoding="utf-8")
        listed = page.split("made  /projects/shop\n")[1].split("Next:")[0]
        self.assertEqual(set(rendered("shop")), set(listed.split()))
