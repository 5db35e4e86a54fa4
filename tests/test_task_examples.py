"""The examples of tasks at work: real processes, a real mail server, a real web server."""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline import connect
from pipeline.service.build import load
from pipeline.tasks import registry
from pipeline.testing.times import RealTime
from tests.middleware.mailbox import Mailbox
from tests.service.support import PATIENCE, ROOT, Process, command
from tests.test_examples import post
from tests.test_two_processes import free_port


class ExampleCase(TestCase):
    """Has an example that runs, with a server in a folder of its own."""

    timeout = 180

    def begin(self, name: str, worker: str, *options: str, **environment: str) -> Process:
        """Run an example."""
        self.port = free_port()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        self.file = ROOT / "examples" / f"{name}.yaml"
        self.redis = f"embedded://{self.folder}/data"
        process = command(
            self,
            "run",
            str(self.file),
            *(part for each in options for part in ("--set-option", each)),
            PIPELINE_PORT=str(self.port),
            PIPELINE_REDIS=self.redis,
            **environment,
        )
        process.wait_for_error(f"worker {worker!r} is ready")
        process.wait_for_error("worker 'web' is ready")
        self.addCleanup(lambda: self.assertEqual(0, process.terminate()[0]))
        return process

    def begin_two(self, name: str, **environment: str) -> Process:
        """Run an example in two processes, under a supervisor."""
        self.port = free_port()
        process = command(
            self,
            "run",
            str(ROOT / "examples" / f"{name}.yaml"),
            "--processes",
            "2",
            PIPELINE_PORT=str(self.port),
            **environment,
        )
        process.wait_for_error("all 2 processes are ready")
        self.addCleanup(lambda: self.assertEqual(0, process.terminate()[0]))
        return process

    def ask(self, task: str, *args: Any) -> Any:
        """What a call of a task returns."""
        status, answer = post(self.port, f"/tasks/{task}", list(args))
        self.assertEqual(200, status, answer)
        return answer["value"]

    async def until(self, claim: Callable[[], Any]) -> None:
        """Wait until something is so."""
        from twisted.internet import reactor

        await RealTime(reactor, PATIENCE).until(claim)


class Thumbnails(ExampleCase):
    """examples/thumbnails.py"""

    def setUp(self) -> None:
        self.pictures = Path(self.mktemp()).absolute()
        self.pictures.mkdir(parents=True)
        for number in range(12):
            picture = Image.effect_noise((1600, 900 + number), 60)
            picture.save(self.pictures / f"{number:02}.jpg")
        (self.pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
        (self.pictures / "notes.txt").write_text("no picture")

    async def test_all(self) -> None:
        """Each picture has its thumbnail, a broken one is told, and its progress is kept."""
        from twisted.internet import reactor

        self.begin("thumbnails", "pictures", PIPELINE_PICTURES=str(self.pictures))
        self.patch(os, "environ", {**os.environ, "PIPELINE_REDIS": self.redis})
        self.patch(sys, "path", list(sys.path))
        self.patch(registry, "_known", dict(registry._known))
        self.addCleanup(sys.modules.pop, "thumbnails", None)
        async with await connect(load(self.file)):
            handle = await importlib.import_module("thumbnails").thumbnails.send(120)
            state = await handle.status()
            while not state.is_final:
                await deferLater(reactor, 0.1)
                state = await handle.status()
            result = await handle.result(timeout=PATIENCE)
        self.assertEqual(12, len(result["made"]))
        [problem] = result["broken"]
        self.assertIn("broken.png: ", problem)
        self.assertEqual(("finished", 13), (state.state, state.progress.done))
        self.assertEqual((13, "done"), (state.progress.total, state.progress.note))
        made = sorted((self.pictures / "thumbnails").iterdir())
        self.assertEqual([f"{number:02}.jpg.webp" for number in range(12)], [m.name for m in made])
        for each in made:
            with Image.open(each) as image:
                self.assertEqual(("WEBP", 120), (image.format, max(image.size)))

    def test_two_processes(self) -> None:
        """Under a supervisor all pictures are made, whichever of two processes does it."""
        self.begin_two("thumbnails", PIPELINE_PICTURES=str(self.pictures))
        for number in range(12):
            self.assertEqual(f"{number:02}.jpg.webp", self.ask("thumbnail", f"{number:02}.jpg"))

    def test_one(self) -> None:
        """One picture; a broken one, a path and an absurd size are refused in words."""
        self.begin("thumbnails", "pictures", PIPELINE_PICTURES=str(self.pictures))
        self.assertEqual("03.jpg.webp", self.ask("thumbnail", "03.jpg"))
        for args, problem in (
            (["broken.png"], "broken.png: "),
            (["../secret.png"], "there is no picture '../secret.png'"),
            (["03.jpg", 100_000], "16 to 2000 pixels"),
        ):
            status, answer = post(self.port, "/tasks/thumbnail", args)
            self.assertEqual(500, status)
            self.assertIn(problem, answer["error"])


class Report(ExampleCase):
    """examples/report.py"""

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.box = Mailbox()
        await self.box.open(reactor)
        self.addCleanup(self.box.close)
        self.smtp = self.box.address.description.removeprefix("tcp:")

    def texts(self) -> list[str]:
        """What was mailed."""
        return [str(each.get_payload()).strip() for each in self.box.letters]

    async def test_scheduled(self) -> None:
        """The schedule mails what was sold, each piece once; what fails for good is refused."""
        soon = "workers.reports.schedule.soon"
        options = (f"{soon}.task:report", f"{soon}.every:1s", f"{soon}.args:[all@example.org]")
        self.begin("report", "reports", *options, REPORT_SMTP=self.smtp)
        for article, amount in (("tea", 3), ("coffee", 1), ("tea", 2)):
            self.ask("sell", article, amount)
        await self.until(lambda: self.sold() == {"tea": 5, "coffee": 1})
        await self.until(lambda: "Nothing." in self.texts())
        letter = self.box.letters[0]
        self.assertEqual(("all@example.org", "What was sold"), (letter["To"], letter["Subject"]))
        ids = [each["Message-ID"] for each in self.box.letters]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual({"tea": 5, "coffee": 1}, self.sold())

    async def test_server_away(self) -> None:
        """While the mail server is away the mail is tried again, and arrives once."""
        from twisted.internet import reactor

        await self.box.close()
        self.begin("report", "reports", REPORT_SMTP=self.smtp)
        self.ask("sell", "tea", 4)
        self.assertEqual(4, self.ask("report", "boss@example.org"))
        self.assertEqual(0, self.ask("report", "other@example.org"))
        await self.box.open(reactor, int(self.smtp.rpartition(":")[2]))
        await self.until(lambda: len(self.box.letters) == 2)
        self.assertEqual(["4 tea", "Nothing."], sorted(self.texts()))

    def sold(self) -> dict[str, int]:
        """The sum of all mails."""
        counts: dict[str, int] = {}
        for line in "\n".join(self.texts()).splitlines():
            if line != "Nothing.":
                number, name = line.split()
                counts[name] = counts.get(name, 0) + int(number)
        return counts

    def test_each_night(self) -> None:
        """The configuration's own entry comes once a day, at five past four in Berlin."""
        self.patch(sys, "path", list(sys.path))
        config = load(ROOT / "examples" / "report.yaml")
        [worker] = [each for each in config.workers if each.name == "reports"]
        entry = worker.config["schedule"]["nightly"]
        self.assertEqual(("report", "4:05"), (entry["task"], entry["once_per_day"]))


class Site(BaseHTTPRequestHandler):
    """A site of pages that link to the next two and to the first, and counts who asks."""

    PAGES: ClassVar[int] = 21
    lock: ClassVar[Any] = threading.Lock()
    asked: ClassVar[list[tuple[str, float]]] = []
    now: ClassVar[int] = 0
    most: ClassVar[int] = 0

    def do_GET(self) -> None:
        with self.lock:
            Site.now += 1
            Site.most = max(Site.most, Site.now)
            self.asked.append((self.path, time.monotonic()))
        time.sleep(0.1)
        number = int(self.path.strip("/") or 0)
        links = [each for each in (0, 2 * number + 1, 2 * number + 2) if each < self.PAGES]
        page = f"<title>Page {number}</title>" + "".join(f'<a href="/{n or ""}#x">' for n in links)
        with self.lock:  # before the answer, which may be followed by the next request
            Site.now -= 1
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f'{page}<a href="http://elsewhere.invalid/">'.encode())

    def log_message(self, format: str, *args: Any) -> None: ...


class Crawler(ExampleCase):
    """examples/crawler.py"""

    def setUp(self) -> None:
        Site.asked.clear()
        Site.now = Site.most = 0
        site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(site.server_close)
        self.addCleanup(site.shutdown)
        self.url = f"http://127.0.0.1:{site.server_port}/"

    async def test_polite(self) -> None:
        """Each page is asked for once, never more than two at a time, never more than five in the
        first second, ten in two, and so on, by the workers of two processes together."""
        self.begin("crawler", "crawler")
        other = command(
            self, "run", str(self.file), "--worker", "crawler", PIPELINE_REDIS=self.redis
        )
        other.wait_for_error("worker 'crawler' is ready")
        began = time.monotonic()
        self.assertEqual(1, self.ask("visit", [self.url], 9))
        await self.until(lambda: len(self.ask("pages")) == Site.PAGES)
        paths = sorted(int(path.strip("/") or 0) for path, _ in Site.asked)
        self.assertEqual(list(range(Site.PAGES)), paths)
        self.assertLessEqual(Site.most, 2)
        for number, (_, at) in enumerate(Site.asked):
            # Delays may put requests close together, but never before their time.
            self.assertGreaterEqual(at - began, number // 5 - 0.1)
        titles = self.ask("pages")
        self.assertEqual("Page 0", titles[self.url])
        self.assertEqual(0, self.ask("visit", [self.url]))
        self.assertEqual(0, other.terminate()[0])

    def test_wrong(self) -> None:
        """What is not of the web is refused."""
        self.begin("crawler", "crawler")
        status, answer = post(self.port, "/tasks/crawl", ["file:///etc/passwd", 1])
        self.assertEqual(500, status)
        self.assertIn("is not of the web", json.dumps(answer))
