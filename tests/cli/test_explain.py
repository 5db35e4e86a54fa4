"""``pipeline explain``: what passes what."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout

from twisted.trial.unittest import TestCase

from tests.explain.systems import MEMBERS, pair
from tests.service.support import PIPELINE, ROOT, Process, written

DEMO = str(ROOT / "config" / "demo.yaml")


def explain(*args: str) -> tuple[int, str, str]:
    """Run the command here: status, output, errors."""
    from pipeline.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(["explain", *args])
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("it did not end")


class Explained(TestCase):
    """A configuration on standard output."""

    def test_chain(self) -> None:
        """Worker, direction, kind, then the hooks in order, each with all that is known of it."""
        status, out, err = explain(DEMO, "--worker", "work", "--kind", "inbound")
        self.assertEqual((0, ""), (status, err))
        lines = out.splitlines()
        self.assertEqual("work  pipeline.demo.application.DemoApplication", lines[0])
        at = lines.index("  consume inbound  (web.inbound)")
        number, name, way, may, where, called = lines[at + 1].split()
        self.assertEqual(("1", "stamp", "sync", "change"), (number, name, way, may))
        self.assertTrue(where.startswith("pipeline/demo/middleware.py:"), where)
        self.assertEqual("pipeline.demo.middleware.StampMiddleware.handle_consume_inbound", called)
        self.assertNotIn("outbound  (", out)

    def test_where(self) -> None:
        """The line that is named is the one with the handler."""
        _, out, _ = explain(DEMO, "--json")
        system = json.loads(out)
        for worker in system["workers"]:
            for hook in (hook for chain in worker["chains"] for hook in chain["hooks"]):
                file, _, line = hook["where"].rpartition(":")
                text = (ROOT / file).read_text(encoding="utf-8").splitlines()[int(line) - 1]
                self.assertIn("def handle_", text)

    def test_json(self) -> None:
        """The same for programs, with every chain of every worker, and every queue."""
        status, out, _ = explain(DEMO, "--json")
        system = json.loads(out)
        self.assertEqual((0, "demo"), (status, system["namespace"]))
        work, web = system["workers"]
        self.assertEqual(10, len(work["chains"]))
        [tidy] = web["skipped"]
        self.assertEqual("tidy", tidy["name"])
        self.assertIn("web.inbound", [queue["name"] for queue in system["queues"]])

    def test_verbose(self) -> None:
        """Also the chains that no message passes."""
        plain, verbose = explain(DEMO)[1], explain(DEMO, "--verbose")[1]
        self.assertNotIn("no message is that here", plain)
        self.assertIn("consume inbound  (no message is that here)", verbose)

    def test_findings(self) -> None:
        """Mistakes stand below; they don't change the status."""
        file = written(self, pair(f"quiet: {MEMBERS}.Quiet"))
        status, out, _ = explain(file)
        self.assertEqual(0, status)
        self.assertIn("[retry-at-the-edge]", out)
        found = json.loads(explain(file, "--json")[1])["findings"]
        self.assertEqual(["retry-at-the-edge"], [each["rule"] for each in found])

    def test_picture(self) -> None:
        """It begins with a picture, which can be had alone, in plain characters, and in others."""
        out = explain(DEMO)[1]
        self.assertIn("──[check, stamp]─▶ web.inbound  ──[stamp, tidy]─▶│ work ", out)
        alone = explain(DEMO, "--picture")[1]
        self.assertTrue(out.startswith(alone))
        plain = explain(DEMO, "--picture", "--ascii")[1]
        self.assertTrue(plain.isascii())
        self.assertIn("--[check, stamp]-> web.inbound", plain)
        self.assertNotIn("─", explain(DEMO, "--worker", "work")[1])

    def test_encoding(self) -> None:
        """Where box characters can't be written, plain ones are."""
        process = Process(
            PIPELINE, "explain", DEMO, "--picture", cwd=ROOT, PYTHONIOENCODING="latin-1"
        )
        status, out, err = process.end()
        self.assertEqual((0, ""), (status, err))
        self.assertIn("--[check, stamp]-> web.inbound", out)

    def test_drawings(self) -> None:
        """For Graphviz and for browsers; of two forms only one is written at a time."""
        self.assertIn('"worker web" -> "queue web.inbound"', explain(DEMO, "--dot")[1])
        file = self.mktemp()
        self.assertEqual((0, "", ""), explain(DEMO, "--svg", file))
        with open(file, encoding="utf-8") as written_file:
            drawn = written_file.read()
        self.assertEqual(drawn, explain(DEMO, "--svg", "-")[1])
        self.assertTrue(drawn.startswith("<svg "))
        self.assertEqual(2, explain(DEMO, "--dot", "--json")[0])
        status, _, err = explain(DEMO, "--svg", "/no/such/folder/a.svg")
        self.assertEqual(1, status)
        self.assertIn("No such file or directory", err)

    def test_rules(self) -> None:
        """What is looked for, as a table or in JSON; without a file it is that or nothing."""
        status, out, _ = explain("--rules")
        self.assertEqual(0, status)
        names = [rule["name"] for rule in json.loads(explain("--rules", "--json")[1])]
        self.assertEqual(names, [line.split()[0] for line in out.splitlines()[1:]])
        status, _, err = explain()
        self.assertEqual(2, status)
        self.assertIn("name a FILE, or --rules", err)

    def test_wrong_use(self) -> None:
        """An unknown worker is said with the known ones; an unknown kind is a wrong command."""
        status, _, err = explain(DEMO, "--worker", "wrok")
        self.assertEqual(1, status)
        self.assertIn("did you mean 'work'?", err)
        self.assertEqual(2, explain(DEMO, "--kind", "inbuond")[0])

    def test_wrong_file(self) -> None:
        """What is wrong with the configuration is said as by check."""
        file = written(self, pair(f"child: {MEMBERS}.Child", sections="child: {colour: red}\n"))
        status, out, err = explain(file)
        self.assertEqual((1, ""), (status, out))
        self.assertIn("there is no option 'colour'", err)

    def test_process(self) -> None:
        """As a program of its own, somewhere else."""
        process = Process(PIPELINE, "explain", DEMO, cwd=self.mktemp_folder())
        status, out, err = process.end()
        self.assertEqual((0, ""), (status, err))
        self.assertIn("consume inbound  (web.inbound)", out)

    def mktemp_folder(self) -> str:
        import os

        folder = self.mktemp()
        os.makedirs(folder)
        return folder
