"""The two examples of redis-tasks' documentation, written anew: one sleeps, one reports by mail.

They run in a real worker, around tasks of all kinds, and mail to a real server.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.testing.times import RealTime
from tests.middleware.mailbox import Mailbox
from tests.service.support import PATIENCE, PIPELINE, Process
from tests.test_examples import post
from tests.test_two_processes import free_port

MIDDLEWARE = '''
import os
import smtplib
import time
from email.message import EmailMessage
from pathlib import Path


def note(text):
    with open("log", "a") as log:
        log.write(f"{text}\\n")


class SleepMiddleware:
    """Sleeps before each call, until it is woken."""

    def run_task(self, task, run, args, kwargs):
        note(f"{task.func_name} sleeps")
        while not Path("woken").exists():
            time.sleep(0.05)
        run(*args, **kwargs)
        note(f"{task.func_name} is over")


class ReportMiddleware:
    """Mails how each call ended."""

    def process_outcome(self, task, *exc_info):
        mail = EmailMessage()
        mail["From"], mail["To"] = "worker@example.org", "boss@example.org"
        mail["Subject"] = f"{task.func_name}: {exc_info[1] or 'done'}"
        with smtplib.SMTP("127.0.0.1", int(os.environ["SMTP_PORT"]), timeout=30) as server:
            server.send_message(mail)
'''

TASKS = """
import os

from twisted.internet.task import deferLater

from middlewares import note
from pipeline.tasks import task


@task(name="waiting", queue="work", retries=0)
async def waiting():
    from twisted.internet import reactor

    note("waiting begins")
    await deferLater(reactor, 0.2)
    note("waiting ends")


@task(name="threaded", queue="work", retries=0)
def threaded():
    note("threaded begins")
    note("threaded ends")


@task(name="apart", queue="work", retries=0, isolation="process")
def apart():
    note("apart begins")
    note("apart ends")


@task(name="failing", queue="work", retries=0)
def failing():
    raise ValueError("no luck")


@task(name="crashing", queue="work", retries=0, isolation="process")
def crashing():
    os._exit(3)
"""

CONFIGURATION = """
redis: embedded://
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: work
    tasks: [jobs_of_old]
    processes: 1
    middleware:
      - middlewares.SleepMiddleware
      - middlewares.ReportMiddleware
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: work
    listen: "tcp:{port}:interface=127.0.0.1"
"""


class Worker(TestCase):
    """A worker with both, in a process of its own."""

    timeout = 180

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.box = Mailbox()
        await self.box.open(reactor)
        self.addCleanup(self.box.close)
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.port = free_port()
        texts = {
            "middlewares.py": MIDDLEWARE,
            "jobs_of_old.py": TASKS,
            "work.yaml": CONFIGURATION.format(port=self.port),
        }
        for name, text in texts.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        smtp = self.box.address.description.rpartition(":")[2]
        self.process = Process(PIPELINE, "run", "work.yaml", cwd=self.folder, SMTP_PORT=smtp)
        self.addCleanup(self.process.kill)
        for name in ("work", "web"):
            self.process.wait_for_error(f"worker {name!r} is ready")

    def noted(self) -> list[str]:
        """What middleware and tasks have noted."""
        log = self.folder / "log"
        return log.read_text(encoding="utf-8").splitlines() if log.exists() else []

    def wake(self) -> None:
        """Let calls go on."""
        (self.folder / "woken").touch()

    async def ask(self, name: str) -> Any:
        """Call a task: the status, and the answer. Mail is taken meanwhile."""
        return await deferToThread(post, self.port, f"/tasks/{name}", [])

    async def until(self, claim: Callable[[], Any]) -> None:
        """Wait until something is so."""
        from twisted.internet import reactor

        await RealTime(reactor, PATIENCE).until(claim)

    async def test_sleeping(self) -> None:
        """While it sleeps the worker's reactor goes on; what stands after ``run()`` runs after the
        task, be that async, in a thread, or in a process."""
        self.assertEqual(202, (await self.ask("waiting?wait=0"))[0])
        await self.until(lambda: self.noted() == ["waiting sleeps"])
        self.assertEqual(404, await deferToThread(self.nowhere))  # the same process answers
        self.assertEqual(["waiting sleeps"], self.noted())
        self.wake()
        await self.until(lambda: len(self.noted()) == 4)
        for name in ("threaded", "apart"):
            self.assertEqual(200, (await self.ask(name))[0])
        steps = ("sleeps", "begins", "ends", "is over")
        expected = [f"{name} {step}" for name in ("waiting", "threaded", "apart") for step in steps]
        self.assertEqual(expected, self.noted())
        self.assertEqual(0, (await deferToThread(self.process.terminate))[0])

    def nowhere(self) -> int:
        """The status of a page that isn't there."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/nowhere", timeout=PATIENCE) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    async def test_report(self) -> None:
        """Each end of a call is mailed once: a success, an error, a process that died, arguments
        that don't fit."""
        self.wake()
        for name in ("waiting", "apart"):
            self.assertEqual(200, (await self.ask(name))[0])
        for name in ("failing", "crashing"):
            self.assertEqual(500, (await self.ask(name))[0])
        await deferToThread(post, self.port, "/tasks/threaded", ["too", "many"])
        subjects = [str(each["Subject"]) for each in self.box.letters]
        self.assertEqual(["waiting: done", "apart: done", "failing: no luck"], subjects[:3])
        self.assertIn("crashing: its process died", subjects[3])
        self.assertIn("threaded: ", subjects[4])
        self.assertEqual(5, len(subjects))
        self.assertEqual(0, (await deferToThread(self.process.terminate))[0])
