"""docs/requests.md is true, with the views in other processes than the transports."""

from __future__ import annotations

import http.client
import shlex
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, TestCase

from pipeline.config.pages import with_tables
from pipeline.testing.server import own_server
from tests.quick import SKIP
from tests.service.support import PATIENCE, ROOT, Process, command
from tests.test_tutorial import blocks, steps
from tests.test_two_processes import free_port

PAGE = "docs/requests.md"


class Page(TestCase):
    """Somebody who does what the page says."""

    skip = SKIP

    timeout = 180

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "pages").mkdir(parents=True)
        self.ports = {name: free_port() for name in ("8080", "8023")}
        for block in blocks(PAGE):
            if block.file:
                text = self.moved(block.text, "tcp:")
                (self.folder / block.file).write_text(text, encoding="utf-8")

    def moved(self, text: str, before: str) -> str:
        """The same with ports that are free."""
        for port, free in self.ports.items():
            text = text.replace(f"{before}{port}", f"{before}{free}")
        return text

    def start(self) -> None:
        """One process for the views, one for the transports, and a server for both."""
        server = own_server(self.mktemp())
        self.addCleanup(server.stop_now)
        for workers in (("site", "talk"), ("web", "lines")):
            self.run_workers(workers, str(server.address))

    def run_workers(self, workers: tuple[str, ...], address: str) -> Process:
        """A process with these workers."""
        chosen = [arg for each in workers for arg in ("--worker", each)]
        file = str(self.folder / "shop.yaml")
        process = command(self, "run", file, *chosen, PIPELINE_REDIS=address)
        for each in workers:
            process.wait_for_error(f"worker {each!r} is ready")
        return process

    def test_every_block(self) -> None:
        """Every block is a file or commands, and so is tried."""
        for block in blocks(PAGE):
            self.assertTrue(block.file or block.language == "console", block.text)

    def test_commands(self) -> None:
        """Every command of the page, by curl, says what the page says."""
        if shutil.which("curl") is None:
            raise SkipTest("no curl")
        self.start()
        count = 0
        for block in blocks(PAGE):
            for said, expected in steps(block.text) if block.language == "console" else ():
                count += 1
                done = subprocess.run(
                    shlex.split(self.moved(said, "127.0.0.1:")),
                    cwd=self.folder,
                    capture_output=True,
                    text=True,
                    timeout=PATIENCE,
                    check=False,
                )
                self.assertEqual(0, done.returncode, done.stderr)
                for line in expected:
                    self.assertIn(line, done.stdout, said)
        self.assertGreater(count, 8)

    def test_clients(self) -> None:
        """By http.client and by lines: files of any bytes, long headers, cookies, HEAD, text."""
        self.start()
        data = bytes(range(256)) * 400
        body = (
            b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a.bin"\r\n'
            b"Content-Type: image/png\r\n\r\n" + data + b"\r\n--x--\r\n"
        )
        headers = {"Content-Type": "multipart/form-data; boundary=x", "X-Long": "y" * 8000}
        self.assertEqual(
            b"a.bin has 102400 bytes", self.ask("POST", "/pictures", body, headers).body
        )
        ordered = self.ask("POST", "/orders", b"number=2", FORM)
        self.assertEqual(302, ordered.status)
        self.assertEqual("last=2; HttpOnly; Path=/; SameSite=Lax", ordered.headers["Set-Cookie"])
        thanked = self.ask("GET", "/thanks", b"", {"Cookie": "last=2"})
        self.assertEqual(b"Thank you for the mat. Orders so far: 1", thanked.body)
        head = self.ask("HEAD", "/thanks", b"", {"Cookie": "last=2"})
        self.assertEqual((200, b""), (head.status, head.body))
        self.assertEqual(str(len(thanked.body)), head.headers["Content-Length"])
        self.assertEqual(400, self.ask("POST", "/orders", b"number=9", FORM).status)
        with socket.create_connection(("127.0.0.1", self.ports["8023"]), PATIENCE) as lines:
            lines.settimeout(PATIENCE)
            heard = lines.makefile("rb")
            lines.sendall(b"price lamp\n")
            self.assertEqual(b"A lamp? Ten shillings.", heard.readline().strip())
            lines.sendall(b"i want a mat\n")
            self.assertIn(b"One mat for ", heard.readline())

    def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Any:
        """A response, with its body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["8080"], timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request(method, path, body or None, headers)
        response: Any = connection.getresponse()
        response.body = response.read()
        return response


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Told(TestCase):
    """What the page lists."""

    def test_options(self) -> None:
        """The table of options is as the class has them (python -m pipeline.config.pages)."""
        text = (ROOT / PAGE).read_text(encoding="utf-8")
        self.assertEqual(with_tables(text), text)

    def test_linked(self) -> None:
        """The README leads there."""
        self.assertIn(PAGE, (ROOT / "README.md").read_text(encoding="utf-8"))
