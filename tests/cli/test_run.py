"""``pipeline run``: a configuration in the foreground; real processes."""

from __future__ import annotations

import signal
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.service.connect_sync import connect_sync
from tests.cli import bursting
from tests.service.support import command, written

SYSTEM = """
redis: memory://
workers:
  one: {class: tests.service.support.%s, transport_name: a}
  two: {class: tests.service.support.Plain, transport_name: b}
"""


TASKS = """
namespace: burst
redis: embedded://data
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [tests.cli.bursting]
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

    def test_burst(self) -> None:
        """--burst does what is there, retries too if they are waited for, says it, and ends."""
        file = written(self, TASKS)
        self.send(file)
        process = command(self, "run", file, "--burst", "--burst-wait", "30s")
        status, out, err = process.end()
        self.assertEqual((0, "4 messages handled\n"), (status, out), err)

    def test_burst_fails(self) -> None:
        """What failed for good is told, and is the status; what is delayed is left alone."""
        file = written(self, TASKS)
        self.send(file, "hopeless")
        status, out, err = command(self, "run", file, "--burst").end()
        self.assertEqual(1, status, err)
        self.assertEqual("4 messages handled, 1 of them are dead letters now\n", out)
        # Only the retry is left.
        status, out, err = command(self, "run", file, "--burst", "--burst-wait", "30s").end()
        self.assertEqual((0, "1 message handled\n"), (status, out), err)

    def test_burst_wait_wrong(self) -> None:
        """A span that is none is refused."""
        status, _, err = command(self, "run", "x.yaml", "--burst-wait", "soon").end()
        self.assertEqual(2, status)
        self.assertIn("expected a span of time", err)

    def send(self, file: str, *more: str) -> None:
        """Let calls of tasks wait in their queue: two that succeed, one at its second try."""
        server = EmbeddedServer(str(Path(file).parent / "data"))
        server.start_now()
        try:
            with connect_sync(file):
                for number in range(2):
                    bursting.add.send_sync(number)
                bursting.flaky.send_sync()
                for name in more:
                    getattr(bursting, name).send_sync()
        finally:
            server.stop_now()

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
