"""The log of a service: a real process, with a real server that wants a password."""

from __future__ import annotations

import base64
import json
import os
import signal
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from twisted.internet.threads import deferToThread
from twisted.logger import ILogObserver
from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.wire import Wire
from pipeline.config.schemas import SystemConfig
from pipeline.observe.logs import stdlib
from pipeline.service import twistd_log
from pipeline.service.twistd_log import log_observer
from pipeline.testing.server import own_server
from tests.service.leaking import SECRETS
from tests.service.support import twistd, written
from tests.test_two_processes import free_port

SYSTEM = """
redis: unix://app:${REDIS_PASSWORD}@%s
log_level: debug
log_format: json
middleware:
  - log: pipeline.middleware.logging.LoggingMiddleware
  - sign: pipeline.middleware.signing.SigningMiddleware
  - seal: pipeline.middleware.encryption.EncryptionMiddleware
sign: {keys: {k1: "${SIGNING_KEY}"}}
seal: {keys: {k1: "${SEAL_KEY}"}}
log: {log_level: debug}
workers:
  app:
    class: tests.service.leaking.Leaking
    transport_name: web
    retry: {attempts: 2, base: 0s}
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: web
    listen: "tcp:%d:interface=127.0.0.1"
    authentication: {bearer: {ada: "${TOKEN}"}}
"""

ENVIRONMENT = {
    "REDIS_PASSWORD": "a-password-of-redis",
    "SIGNING_KEY": "a-key-to-sign-with-x",
    "SEAL_KEY": base64.b64encode(b"0123456789abcdef").decode(),
    "TOKEN": "a-token-of-ada-and-nobody-else",
}


def post(port: int, token: str) -> int:
    """Say who we are, with a newline that would like to be a line: the status."""
    body = json.dumps({"content": 'ada\n{"level":"info","message":"forged"}\x1b[2J'}).encode()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    headers["Cookie"] = "session=a-cookie-of-ada"
    url = f"http://127.0.0.1:{port}/messages"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as got:
            return int(got.status)
    except HTTPError as error:
        return error.code


class Service(TestCase):
    """All is told, but no secret."""

    timeout = 120

    async def test_service(self) -> None:
        """Every line is JSON with what was in hand, nothing in it is a secret or forged."""
        server = own_server()
        self.addCleanup(server.stop_now)
        wire = Wire(server.address)
        self.addCleanup(wire.close)
        password = f">{ENVIRONMENT['REDIS_PASSWORD']}"
        wire.call("ACL", "SETUSER", "app", "on", password, "~*", "&*", "+@all")
        port = free_port()
        system = written(self, SYSTEM % (server.address.path, port))
        process = twistd(self, "pipeline", "--config", system, **ENVIRONMENT)
        process.wait_for("worker 'web' is ready")
        status = await deferToThread(post, port, ENVIRONMENT["TOKEN"])
        self.assertEqual(500, status)
        self.assertEqual(401, await deferToThread(post, port, "a-token-of-nobody-at-all"))
        code, output, errors = process.terminate()
        self.assertEqual((0, ""), (code, errors))
        self._nothing_secret(output)
        records = [json.loads(line) for line in output.splitlines()]
        self._all_told(records)
        self.assertEqual([], [r for r in records if r["message"] == "forged"])

    def _nothing_secret(self, output: str) -> None:
        self.assertEqual(set(SECRETS), set(ENVIRONMENT))
        for secret in (*ENVIRONMENT.values(), "a-cookie-of-ada", "YWRhOnNlc2FtZQ", ":pw@"):
            self.assertNotIn(secret, output)
        self.assertIn("***", output)

    def _all_told(self, records: list[dict[str, Any]]) -> None:
        said = [r for r in records if r["message"].startswith("from ada\n")]
        self.assertEqual([1, 2], [r["attempt"] for r in said])
        self.assertEqual(1, len({r["message_id"] for r in said}))
        told = {(r["logger"], r["queue"], r["kind"], r["worker"]) for r in said}
        self.assertEqual({("pipeline.worker.app", "web.inbound", "inbound", "app")}, told)
        library = [r for r in records if r["logger"] == "library"]
        self.assertEqual([1, 2], [r["attempt"] for r in library])
        failures = [r["exception"] for r in records if r["message"] == "oh"]
        self.assertEqual({"ValueError"}, {each["type"] for each in failures})
        [dead] = [r for r in records if "is a dead letter" in r["message"]]
        self.assertEqual(said[0]["message_id"], dead["message_id"])
        way = [
            r["message"].partition(":")[0] for r in records if "Processed inbound" in r["message"]
        ]
        self.assertIn("Processed inbound message for web, published by web", way)
        self.assertIn("Processed inbound message for web, consumed by app", way)


class Where(TestCase):
    """Where a service logs to."""

    def setUp(self) -> None:
        self.patch(twistd_log, "take_over", lambda level: None)
        self.old = signal.getsignal(signal.SIGUSR1)
        self.addCleanup(signal.signal, signal.SIGUSR1, self.old)

    def test_file(self) -> None:
        """The file that twistd's options name has the lines, and can be rotated."""
        path = Path(self.mktemp())
        observer: Any = log_observer({"logfile": str(path)}, SystemConfig())
        self.assertTrue(ILogObserver.providedBy(observer))
        stdlib.Logger("shop", observer=observer).info("sold")
        self.assertIn("[shop#info] sold\n", path.read_text())

    def test_theirs(self) -> None:
        """Who names a logger, or syslog, has that; a daemon has no standard output."""
        for options in ({"logger": "x.y"}, {"syslog": True}):
            self.assertIsNone(log_observer(options, SystemConfig()))
        with self.assertRaises(SystemExit):
            log_observer({"logfile": "-"}, SystemConfig())
        self.assertIsNotNone(log_observer({"nodaemon": True}, SystemConfig()))
        self.assertFalse(os.path.exists("twistd.log"))
