"""``pipeline check``: what is wrong with a configuration, without starting it."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout

from twisted.trial.unittest import TestCase

from tests.explain.lint.systems import KEYS, SIGN, STAMP
from tests.explain.systems import pair
from tests.service.support import ROOT, written

WRONG = """\
redis: memory://
workers:
  one: {class: tests.service.support.Plian, transport_name: a}
  two: {class: tests.service.support.Plain, transport_name: b, greting: hi}
"""


def check(*args: str) -> tuple[int, str, str]:
    """Run the command here: status, output, errors."""
    from pipeline.cli.main import main

    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(["check", *args])
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("it did not end")


class Right(TestCase):
    """A configuration with nothing wrong."""

    def test_table(self) -> None:
        """OK, and which worker reads and writes which queues."""
        status, out, err = check(str(ROOT / "config" / "demo.yaml"))
        self.assertEqual((0, ""), (status, err))
        first, head, *rows = out.splitlines()
        self.assertTrue(first.startswith("OK"), first)
        self.assertEqual(["worker", "class", "reads", "writes"], head.split())
        self.assertEqual(["work", "web"], [row.split()[0] for row in rows])
        self.assertIn("web.inbound, web.event", rows[0])

    def test_json(self) -> None:
        """The same for programs."""
        status, out, _ = check(str(ROOT / "config" / "demo.yaml"), "--json")
        found = json.loads(out)
        self.assertEqual((0, True, "demo"), (status, found["ok"], found["namespace"]))
        work, web = found["workers"]
        self.assertEqual(["stamp", "tidy", "check"], work["middleware"])
        self.assertIn("web.inbound", work["reads"])
        self.assertIn("web.inbound", web["writes"])

    def test_set_option(self) -> None:
        """What --set-option says is checked too."""
        file = str(ROOT / "config" / "demo.yaml")
        status, _, err = check(file, "--set-option", "workers.web.wiat:1s")
        self.assertEqual(1, status)
        self.assertIn("did you mean 'wait'?", err)


class Mistaken(TestCase):
    """A configuration that runs, and has mistakes."""

    UNREAD = pair().replace("web, listen", "web, publish_failures: true, listen")

    def test_warning(self) -> None:
        """Warnings are shown with their place, the rule, why and what to do; the status is 0."""
        file = written(self, self.UNREAD)
        status, out, err = check(file)
        self.assertEqual((0, ""), (status, err))
        self.assertTrue(out.startswith("OK"), out)
        self.assertIn(f"{file}:5:", out)
        self.assertIn(": warning: 'web' writes to web.failures", out)
        self.assertIn("[unread-queue]", out)
        self.assertIn("    why: what is written there waits for ever", out)
        self.assertTrue(out.endswith("1 warning\n"), out)

    def test_strict(self) -> None:
        """With --strict they fail it."""
        status, out, _ = check(written(self, self.UNREAD), "--strict")
        self.assertEqual(1, status)
        self.assertTrue(out.startswith("NOT OK"), out)

    def test_error(self) -> None:
        """Errors always do."""
        keys = KEYS[: KEYS.index("seal")]
        status, out, _ = check(written(self, pair(STAMP, SIGN, sections=keys)))
        self.assertEqual(1, status)
        self.assertTrue(out.endswith("2 errors\n"), out)

    def test_json(self) -> None:
        """For programs each finding has its parts."""
        status, out, _ = check(written(self, self.UNREAD), "--json")
        found = json.loads(out)
        self.assertEqual((0, True), (status, found["ok"]))
        [finding] = found["findings"]
        told = tuple(finding[part] for part in ("rule", "level", "worker"))
        self.assertEqual(("unread-queue", "warning", "web"), told)
        strict = check(written(self, self.UNREAD), "--json", "--strict")[1]
        self.assertFalse(json.loads(strict)["ok"])


class Wrong(TestCase):
    """A configuration with faults."""

    def test_lines(self) -> None:
        """All of it is said, a line each, with file, line, column and a hint."""
        file = written(self, WRONG)
        status, out, err = check(file)
        self.assertEqual((1, ""), (status, out))
        first, second = err.splitlines()
        self.assertTrue(first.startswith(f"pipeline: {file}:3:16: "), first)
        self.assertTrue(second.startswith(f"pipeline: {file}:4:64: "), second)
        self.assertIn("did you mean 'greeting'?", second)

    def test_json(self) -> None:
        """The same for programs."""
        status, out, err = check(written(self, WRONG), "--json")
        self.assertEqual((1, ""), (status, err))
        found = json.loads(out)
        self.assertFalse(found["ok"])
        self.assertEqual({"rule", "at", "what", "hint"}, set(found["errors"][0]))
        self.assertEqual(2, len(found["errors"]))

    def test_processes(self) -> None:
        """So is what can't be in several processes, if the file asks for them."""
        text = WRONG.replace("Plian", "Plain").replace(", greting: hi", "")
        self.assertEqual(0, check(written(self, text))[0])
        status, _, err = check(written(self, text + "supervisor: {processes: 2, single: [on]}\n"))
        self.assertEqual((1, 2), (status, len(err.splitlines())))
        self.assertIn("memory:// is within one process, and a supervisor runs several", err)
        self.assertIn("did you mean 'one'?", err)

    def test_order(self) -> None:
        """So is request middleware in the wrong order, as a cache below what it must not miss."""
        for early, late in (
            ("csrf.CsrfMiddleware", "session.SessionMiddleware"),
            ("session.SessionMiddleware", "cache.UpdateCacheMiddleware"),
        ):
            names = f"[{{a: pipeline.middleware.{early}}}, {{b: pipeline.middleware.{late}}}]"
            file = written(
                self,
                "redis: memory://\nclass: pipeline.applications.requests.RequestApplication\n"
                f"transport_name: t\nroutes: pipeline.demo.views.routes\nmiddleware: {names}\n",
            )
            status, out, _ = check(file, "--json")
            errors = json.loads(out)["errors"]
            self.assertEqual((1, {"configuration"}), (status, {each["rule"] for each in errors}))
            self.assertIn("move it", " ".join(str(each["hint"]) for each in errors))
            self.assertTrue(all(f"{file}:5:" in each["at"] for each in errors), errors)

    def test_tasks(self) -> None:
        """Tasks that aren't there are found as well."""
        file = written(
            self,
            "redis: memory://\nclass: pipeline.applications.tasks.TaskApplication\n"
            "transport_name: t\ntasks: [no_such_module]\n",
        )
        status, _, err = check(file)
        self.assertEqual(1, status)
        self.assertIn(f"{file}:4:9: there is no module 'no_such_module'", err)

    def test_address(self) -> None:
        """So is a server's address."""
        status, _, err = check(
            written(
                self, "redis: redis://h:0\nclass: tests.service.support.Plain\ntransport_name: t\n"
            )
        )
        self.assertEqual(1, status)
        self.assertIn("port", err)
