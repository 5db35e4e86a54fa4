"""config/http.yaml in real processes, with curl."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest

from pipeline.testing.server import own_server
from tests.brokers.redis.certificates import write_certificate
from tests.service.support import ROOT, Process, command
from tests.test_two_processes import free_port
from tests.transports.http.clients import WireCase
from tests.transports.http.receivers import Receiver
from tests.transports.http.test_webhooks import is_signed

CONFIG = str(ROOT / "config" / "http.yaml")
PASSWORD = "only-for-trying"
TOKEN = SECRET = "only-for-trying-too"


class Sample(WireCase):
    """A system of several processes, talked to with a program that isn't ours."""

    timeout = 120

    def setUp(self) -> None:
        super().setUp()
        if shutil.which("curl") is None:
            raise SkipTest("no curl")
        self.port = free_port()
        self.receiver = Receiver().start(self)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PIPELINE_PORT": str(self.port),
            "PIPELINE_HOOKS": self.receiver.url("/hooks/"),
        }

    def run_worker(self, *workers: str, **environment: str) -> Process:
        """A process with these workers; all of them if none is named."""
        chosen = [arg for each in workers for arg in ("--worker", each)]
        given = {**self.environment, **environment}
        process = command(self, "run", CONFIG, *chosen, **given)
        for each in workers or ("work", "web"):
            process.wait_for_error(f"worker {each!r} is ready")
        return process

    async def curl(self, *args: str, said: str = "") -> tuple[int, Any]:
        """The status and the JSON that curl got."""
        given = ["curl", "-sS", "--max-time", "30", "-w", "\n%{http_code}", *args]
        done = await deferToThread(
            subprocess.run, given, input=said, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(0, done.returncode, done.stderr)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body)

    async def post(self, path: str, body: Any, *args: str) -> tuple[int, Any]:
        """What is answered to JSON."""
        given = ("-H", "Content-Type: application/json", "--data-binary", "@-")
        return await self.curl(*args, *given, f"{self.url}{path}", said=json.dumps(body))

    async def test_clients(self) -> None:
        """Users with a password or a token are answered, others are not; all may see the health."""
        process = await deferToThread(self.run_worker)
        self.assertEqual(200, (await self.curl(f"{self.url}/health"))[0])
        hi = {"content": "Hi", "from_addr": "Ada"}
        status, answer = await self.post("/messages", hi, "-u", f"ada:{PASSWORD}")
        self.assertEqual((200, "Hello Ada, you said: Hi"), (status, answer["content"]))
        bearer = ("-H", f"Authorization: Bearer {TOKEN}")
        self.assertEqual((200, 3), _value(await self.post("/tasks/add", [1, 2], *bearer)))
        shaky = await self.curl("-X", "POST", *bearer, f"{self.url}/tasks/shaky")
        self.assertEqual((200, "mail sent to Ada"), _value(shaky))
        for wrong in ((), ("-u", "ada:wrong-one"), ("-H", "Authorization: Bearer nobody")):
            status, answer = await self.post("/messages", hi, *wrong)
            self.assertEqual((401, "unauthorized"), (status, answer["error"]["code"]))
        status, _ = await self.post("/messages", {"content": "x" * 300_000}, *bearer)
        self.assertEqual(413, status)
        self.assertEqual(0, (await deferToThread(process.terminate))[0])

    async def test_webhook(self) -> None:
        """A process takes a request and is killed; the reply is delivered, signed, by another."""
        server = own_server(self.mktemp())
        self.addCleanup(server.stop_now)
        self.environment["PIPELINE_REDIS"] = str(server.address)
        taker = await deferToThread(self.run_worker, "web")
        bearer = ("-H", f"Authorization: Bearer {TOKEN}")
        callback = self.receiver.url("/hooks/mail")
        # Nobody works yet, so it is known that the taker dies before there is a reply.
        path = f"/messages?callback={callback}"
        status, answer = await self.post(path, {"content": "Hi"}, *bearer)
        self.assertEqual(202, status)
        os.kill(taker.pid, 9)
        self.receiver.statuses = [503, 200]
        await deferToThread(self.run_worker, "web")
        await deferToThread(self.run_worker, "work")
        await self.until(lambda: len(self.receiver.got) == 2)
        got = self.receiver.got[-1]
        said = json.loads(got.body)
        self.assertEqual(answer["id"], said["in_reply_to"])
        self.assertEqual("Hello stranger, you said: Hi", said["content"])
        self.assertTrue(is_signed(got, SECRET))

    async def test_certificate(self) -> None:
        """Over TLS, curl trusts the certificate, and the one that replaces it while all runs."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, key = write_certificate(folder, "localhost")
        self.environment.update(PIPELINE_CERTIFICATE=certificate, PIPELINE_KEY=key)
        await deferToThread(self.run_worker)
        self.url = f"https://localhost:{self.port}"
        args = ("--cacert", certificate, "-u", f"ada:{PASSWORD}")
        first = Path(certificate).read_bytes()
        self.assertEqual(200, (await self.post("/messages", {"content": "Hi"}, *args))[0])
        write_certificate(folder, "localhost")
        self.assertNotEqual(first, Path(certificate).read_bytes())
        await self.until_renewed(certificate)
        self.assertEqual(200, (await self.post("/messages", {"content": "Hi"}, *args))[0])

    async def until_renewed(self, certificate: str) -> None:
        """Ask until the new certificate is shown: it is looked for once a second."""
        args = ["curl", "-sS", "--cacert", certificate, f"{self.url}/health"]
        while True:
            done = await deferToThread(subprocess.run, args, capture_output=True, check=False)
            if done.returncode == 0:
                return


def _value(answered: tuple[int, Any]) -> tuple[int, Any]:
    status, answer = answered
    return status, answer.get("value", answer)
