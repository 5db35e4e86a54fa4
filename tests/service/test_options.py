"""``twistd pipeline``, as people and supervisors run it: real processes."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.python.usage import UsageError
from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.service.options import Options, makeService, worker_help
from tests.service.support import twistd, written

SYSTEM = """
redis: {redis}
workers:
  one: {{class: tests.service.support.{cls}, transport_name: a}}
  two: {{class: tests.service.support.Plain, transport_name: b}}
"""

MULTI_WORKER = """
redis: memory://
workers:
  first: tests.service.support.Telling
  second: tests.service.support.Telling
  third: tests.service.support.Telling
defaults: {greeting: common}
first: {transport_name: a}
second: {transport_name: b, greeting: its own}
third: !include third.yaml
"""


def system(redis: str, cls: str = "Plain") -> str:
    return SYSTEM.format(redis=redis, cls=cls)


class Parsing(TestCase):
    """The options themselves."""

    def test_repeated(self) -> None:
        """--worker and --set-option may be given several times."""
        options = Options()
        options.parseOptions(
            ["--config=a", "--worker=x", "--worker=y", "--set-option=k:v", "--set-option=l:w:z"]
        )
        self.assertEqual(["x", "y"], options["worker"])
        self.assertEqual(["k:v", "l:w:z"], options["set-option"])

    def test_wrong(self) -> None:
        """What can't be meant is refused in words."""
        for line, words in (
            ("", "--config FILE is needed"),
            ("--config a --set-option k", "key:value"),
            ("--config a --maxthreads 0", "1 or more"),
            ("--worker-help", "--worker-help wants --worker-class CLASS"),
            ("--config a --maxthreads many", "maxthreads"),
            ("--worker-class no.such.Thing --worker-help", "no module 'no'"),
        ):
            with self.assertRaises(UsageError) as caught:
                Options().parseOptions(line.split())
            self.assertIn(words, str(caught.exception))

    def test_worker_help(self) -> None:
        """A class explains itself and its options."""
        text = worker_help("tests.service.support.Plain")
        self.assertIn("A worker that reads and does nothing.", text)
        self.assertIn("``greeting`` (text, default hello, static)", text)
        with self.assertRaises(ConfigError):
            worker_help("pathlib.Path")

    def test_wrong_configuration(self) -> None:
        """The process ends with every error on a line of its own."""
        options = Options()
        options.parseOptions(["--config", written(self, "redis: [1]\nnamespace: a b\n")])
        with self.assertRaises(SystemExit) as caught:
            makeService(options)
        lines = str(caught.exception.code).splitlines()
        self.assertGreater(len(lines), 1)
        for line in lines:
            self.assertTrue(line.startswith("pipeline: "), line)


class Twistd(TestCase):
    """Processes that start, serve, stop and fail."""

    timeout = 120

    def test_memory(self) -> None:
        """A system in memory starts, and SIGTERM ends it with status 0."""
        process = twistd(self, "pipeline", "--config", written(self, system("memory://")))
        process.wait_for("worker 'two' is ready")
        status, out, err = process.terminate()
        self.assertEqual((0, ""), (status, err), out)
        self.assertNotIn("Traceback", out)

    def test_embedded(self) -> None:
        """So does one with a server of its own, which is gone afterwards."""
        folder = Path(self.mktemp()).absolute()
        file = written(self, system(f"embedded://{folder}"))
        process = twistd(self, "pipeline", "--config", file)
        process.wait_for("worker 'two' is ready")
        self.assertTrue((folder / "socket.path").exists())
        status, out, err = process.terminate()
        self.assertEqual((0, ""), (status, err), out)
        socket = (folder / "socket.path").read_text()
        self.assertFalse(os.path.exists(socket), "the server's socket is still there")

    def test_some_workers(self) -> None:
        """--worker leaves the others out."""
        file = written(self, system("memory://"))
        process = twistd(self, "pipeline", "--config", file, "--worker", "two")
        process.wait_for("worker 'two' is ready")
        _, out, _ = process.terminate()
        self.assertNotIn("'one'", out)

    def test_vumi_form(self) -> None:
        """A single worker with its class on the command line, as in Vumi."""
        file = written(self, "redis: memory://\ntransport_name: sms\ngreeting: hi\n")
        process = twistd(
            self,
            "pipeline",
            "--worker-class=tests.service.support.Plain",
            f"--config={file}",
            "--set-option=greeting:servus",
            "--maxthreads=3",
        )
        process.wait_for("worker 'sms' is ready")
        self.assertEqual(0, process.terminate()[0])

    def test_wrong_configuration(self) -> None:
        """What is wrong is said with its place, without a traceback; the status is 1."""
        file = written(self, system("memory://", "Plian"))
        status, out, err = twistd(self, "pipeline", "--config", file).end()
        self.assertEqual(1, status)
        self.assertIn(f"pipeline: {file}:4:16: ", err)
        self.assertIn("did you mean 'Plain'?", err)
        self.assertNotIn("Traceback", out + err)

    def test_failed_start(self) -> None:
        """A worker that can't start ends it; the last line says why, the log has the traceback."""
        process = twistd(self, "pipeline", "--config", written(self, system("memory://", "Broken")))
        status, out, err = process.end()
        self.assertEqual(1, status)
        self.assertEqual("pipeline: worker 'one' could not start: RuntimeError: no coffee\n", err)
        self.assertIn("Server Shut Down", out)

    def test_taken_port(self) -> None:
        """A port that is taken is named, without a traceback."""
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            file = written(
                self,
                "redis: memory://\nclass: pipeline.transports.http.HttpTransport\n"
                f"transport_name: web\nlisten: tcp:{port}\n",
            )
            status, out, err = twistd(self, "pipeline", "--config", file).end()
        self.assertEqual(1, status)
        self.assertIn(f"worker 'web' could not start: cannot listen on 127.0.0.1:{port}: ", err)
        self.assertNotIn("Traceback", out + err)

    def test_help(self) -> None:
        """--worker-help prints and ends with status 0, wherever it stands."""
        for order in (1, -1):
            words = ["--worker-class=tests.service.support.Plain", "--worker-help"][::order]
            status, out, err = twistd(self, "pipeline", *words).end()
            self.assertEqual((0, ""), (status, err))
            self.assertIn("A worker that reads and does nothing.", out)
            self.assertIn("``transport_name`` (text, required, static)", out)
            self.assertIn("``stop_timeout`` (duration, default 30, static)", out)

    def test_help_of_nothing(self) -> None:
        """A class that isn't there is said in a line, without a traceback."""
        process = twistd(self, "pipeline", "--worker-class=tests.no.Such", "--worker-help")
        status, out, err = process.end()
        self.assertEqual(1, status)
        self.assertIn("no 'no'", out + err)
        self.assertNotIn("Traceback", out + err)

    def test_multi_worker(self) -> None:
        """Vumi's file of several workers: common options, a section each, included files."""
        written_file = written(self, MULTI_WORKER)
        Path(written_file).with_name("third.yaml").write_text(
            "transport_name: c\ngreeting: included\n", encoding="utf-8"
        )
        process = twistd(
            self,
            "pipeline",
            f"--config={written_file}",
            "--set-option=second.greeting:from: the line",
            "--maxthreads=7",
        )
        told = sorted(process.wait_for("I am").split("I am ")[1].strip() for _ in range(3))
        self.assertEqual(["a/common/7", "b/from: the line/7", "c/included/7"], told)
        self.assertEqual(0, process.terminate()[0])
