"""Every benchmark runs, in a tiny size, so that none rots. No figure is judged here."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, TestCase

from benchmarks.processes import Child
from benchmarks.systems.known import SYSTEMS
from tests.quick import SKIP

ROOT = Path(__file__).parent.parent
#: What is no benchmark but a part of one.
PARTS = {"__init__", "bare", "measuring", "processes"}
NAMES = sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - PARTS)


class Benchmarks(TestCase):
    """benchmarks/ holds what runs."""

    skip = SKIP

    def ran(self, name: str, *more: str) -> str:
        """What a benchmark prints."""
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}", *more],
            cwd=ROOT,
            # How much of the package is covered is for its own tests to say; these are slow enough.
            env={k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        self.assertEqual(0, done.returncode, done.stderr)
        return done.stdout

    def figures(self, name: str, *more: str) -> Any:
        """What a benchmark writes to its file, having printed something."""
        file = Path(self.mktemp()).absolute()
        self.assertNotEqual("", self.ran(name, "--tiny", "--json", str(file), *more))
        return json.loads(file.read_text(encoding="utf-8"))

    def test_page(self) -> None:
        """The list of benchmarks has a line for each, and for nothing else."""
        page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
        self.assertEqual(NAMES, sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)))

    def test_docs(self) -> None:
        """Pages name benchmarks that exist, and the page about performance has the main ones."""
        named = {
            page: set(re.findall(r"-m benchmarks\.(\w+)", page.read_text(encoding="utf-8")))
            for page in (ROOT / "docs").rglob("*.md")
        }
        self.assertEqual(set(), set().union(*named.values()) - set(NAMES))
        main = {"hops", "middleware", "tasks", "peers", "growth", "http", "rest"}
        self.assertEqual(set(), main - named[ROOT / "docs" / "performance.md"])

    def test_help(self) -> None:
        """Each says what it is for and how it is called, as this one does."""
        said = self.ran("hops", "--help")
        for part in ("One hop", "--messages", "--json", "python -m benchmarks.hops --tiny"):
            self.assertIn(part, said)

    def test_wrong_amount(self) -> None:
        """An amount that makes no sense is refused, with status 2."""
        words = [sys.executable, "-m", "benchmarks.signals", "--sends", "0"]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(2, done.returncode)
        self.assertIn("must be 1 or more", done.stderr)

    def test_hops(self) -> None:
        """Publishing and consuming are compared with the bare loop, in every way."""
        rows = self.figures("hops")
        self.assertEqual(
            [
                "publish, one by one",
                "publish, 500 at a time",
                "acknowledge only",
                "with a reply",
                "with a reply and a write",
            ],
            [row["what"] for row in rows],
        )
        self.assertTrue(all(row["ratio"] > 0 and row["bare CPU us"] > 0 for row in rows))

    def test_middleware(self) -> None:
        """Every kind of middleware is compared with plain calls and with Vumi's manner."""
        rows = {row["middlewares"]: row for row in self.figures("middleware")}
        for kind in ("none", "sync", "deferred", "async"):
            for length in (1, 5, 10):
                row = rows[f"{length} {kind}"]
                self.assertGreater(min(row["stack ns"], row["bare ns"], row["vumi ns"]), 0)

    def test_metrics(self) -> None:
        """Messages that are counted are compared with those that aren't."""
        rows = self.figures("metrics")
        self.assertEqual(["off", "on", "each"], [row["metrics"] for row in rows])
        self.assertTrue(all(row["CPU us"] > 0 for row in rows))

    def test_lateness(self) -> None:
        """It says how late messages were."""
        self.assertIn("latest_ms", self.figures("lateness"))

    def test_replay(self) -> None:
        """Reading is told apart from a pipe, and from the whole way."""
        rows = self.figures("replay")
        self.assertEqual(3, len([row for row in rows if row["lines_per_second"]]))

    def test_task_states(self) -> None:
        """Calls with states and without are told apart."""
        self.assertEqual(["off", "on"], [row["states"] for row in self.figures("task_states")])

    def test_tasks(self) -> None:
        """Calls are sent, worked off by one process and by two, and their way is timed."""
        (row,) = self.figures("tasks")
        self.assertEqual("async", row["tasks"])
        # What it took of the processor is too little for the system's clock to tell.
        figures = [figure for name, figure in row.items() if name not in {"tasks", "CPU us"}]
        self.assertGreater(min(figures), 0)

    def test_peers(self) -> None:
        """Every system that is installed runs beside ours, and says when it acknowledges."""
        figures = self.figures("peers")
        there = [name for name, system in SYSTEMS.items() if system.is_there]
        self.assertEqual(there, [row["system"] for row in figures["figures"]])
        self.assertGreater(min(row["drained /s"] for row in figures["figures"]), 0)
        self.assertTrue(all(row["acknowledges"] for row in figures["systems"]))
        if absent := sorted(SYSTEMS.keys() - set(there)):
            raise SkipTest(f"not installed: {', '.join(absent)} (the extra 'bench')")

    def test_growth(self) -> None:
        """Each thing that may grow is measured with little and with much of it, and drawn."""
        plot = Path(self.mktemp()).absolute()
        draws = find_spec("matplotlib") is not None
        rows = self.figures("growth", *(["--plot", str(plot)] if draws else []))
        whats = ["queues", "waiting", "delayed", "middlewares", "payload"]
        self.assertEqual(whats, list(dict.fromkeys(row["what"] for row in rows)))
        self.assertGreater(min(row["us"] for row in rows), 0)
        if not draws:
            raise SkipTest("the plot: matplotlib is not installed (the extra 'bench')")
        self.assertEqual(b"\x89PNG", plot.read_bytes()[:4])

    def test_http(self) -> None:
        """Requests are answered by one process and by two."""
        if shutil.which("wrk") is None:
            raise SkipTest("there is no wrk")
        rows = self.figures("http")
        self.assertEqual({"one process", "two processes"}, {row["system"] for row in rows})
        self.assertGreater(min(row["per second"] for row in rows), 0)

    def test_rest(self) -> None:
        """It says what each kind of worker takes at rest, and how long a start takes."""
        figures = self.figures("rest")
        kinds = ["tasks", "application", "http transport"]
        self.assertEqual(kinds, [row["worker"] for row in figures["idle"]])
        self.assertGreater(min(row["MB"] for row in figures["idle"]), 0)
        self.assertGreater(min(figures["ready_s"], figures["python_ms"]), 0)

    def test_signals(self) -> None:
        """It says what a signal costs that nobody listens to."""
        self.assertEqual("nobody listens", self.figures("signals")[0]["what"])

    def test_first_answer(self) -> None:
        """It says how long the first answer took."""
        self.assertIn("median_s", self.figures("first_answer"))

    def test_redis_transport(self) -> None:
        """Every entry of a stream and of a list is stored."""
        rows = self.figures("redis_transport")
        self.assertEqual(
            [("stream", 300), ("stream", 300), ("list", 300)],
            [(r["what"], r["stored"]) for r in rows],
        )

    def test_process_ended(self) -> None:
        """A process that ends between two looks has still brought about what is waited for."""
        with Child("-c", "pass") as child:

            def is_so() -> bool:
                was_there = child.process.poll() is None
                child.process.wait()
                return not was_there

            self.assertTrue(child.until(is_so))
            with self.assertRaises(SystemExit):
                child.until(lambda: False)

    def test_others(self) -> None:
        """The others print their tables, and write what they have found."""
        others = [name for name in NAMES if not hasattr(self, f"test_{name}")]
        self.assertTrue(all(self.figures(name) for name in others))
