"""``pipeline run``: a configuration in the foreground; real processes."""

from __future__ import annotations

import signal

from twisted.trial.unittest import TestCase

from tests.service.support import command, written

SYSTEM = """
redis: memory://
workers:
  one: {class: tests.service.support.%s, transport_name: a}
  two: {class: tests.service.support.Plain, transport_name: b}
"""


class Run(TestCase):
    """It starts, logs for people, and ends as it is asked to."""

    timeout = 120

    def test_term(self) -> None:
        """SIGTERM and Ctrl-C end it with status 0; the log is on standard error."""
        for number in (signal.SIGTERM, signal.SIGINT):
            process = command(self, "run", written(self, SYSTEM % "Plain"))
            process.wait_for_error("worker 'two' is ready")
            process.signal(number)
            status, out, _ = process.end()
            self.assertEqual((0, ""), (status, out))

    def test_some(self) -> None:
        """--worker and --set-option do as with twistd."""
        file = written(self, SYSTEM % "Plain")
        process = command(
            self, "run", file, "--worker", "two", "--set-option", "workers.two.greeting:hi"
        )
        line = process.wait_for_error("is ready")
        self.assertRegex(line, r"^\d\d:\d\d:\d\d the broker is ready")
        process.wait_for_error("worker 'two' is ready")
        self.assertEqual(0, process.terminate()[0])

    def test_wrong_option(self) -> None:
        """An error of --set-option names it, with what was meant."""
        file = written(self, SYSTEM % "Plain")
        process = command(self, "run", file, "--set-option", "workers.two.greting:hi")
        status, _, err = process.end()
        self.assertEqual(1, status)
        self.assertIn("--set-option workers.two.greting: there is no option 'greting'", err)
        self.assertIn("did you mean 'greeting'?", err)

    def test_failed_start(self) -> None:
        """A worker that can't start ends it with status 1, and the last line says why."""
        process = command(self, "run", written(self, SYSTEM % "Broken"))
        status, _, err = process.end()
        self.assertEqual(1, status)
        self.assertEqual(
            "pipeline: worker 'one' could not start: RuntimeError: no coffee",
            err.splitlines()[-1],
        )
