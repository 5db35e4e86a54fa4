"""Who gets webhooks: an HTTP server of Python's own, in a thread."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase


class Got(NamedTuple):
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver(ThreadingHTTPServer):
    """Answers with one status after another; the last one again and again.

    :ivar got: the requests that came.
    :ivar extra: headers of each answer.
    :ivar content: the body of each answer.
    :ivar hold: set: answer; else wait.
    """

    daemon_threads = True

    def __init__(self, statuses: Sequence[int] = (200,)) -> None:
        self.statuses = list(statuses)
        self.got: list[Got] = []
        self.extra: dict[str, str] = {}
        self.content = b"thanks"
        self.hold = threading.Event()
        self.hold.set()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "http"
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def start(self, case: TestCase, certificate: tuple[str, str] | None = None) -> Receiver:
        """Serve until the end of the test."""
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        self._thread.start()
        case.addCleanup(self.server_close)
        case.addCleanup(deferToThread, self.shutdown)
        case.addCleanup(self.hold.set)
        return self

    @property
    def host(self) -> str:
        """A name that certificates are for."""
        return "localhost" if self.scheme == "https" else "127.0.0.1"

    def url(self, path: str = "/hooks/x") -> str:
        """An address of it."""
        return f"{self.scheme}://{self.host}:{self.server_address[1]}{path}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is none of its business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        """Keep what came, and answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        server.got.append(Got(self.path, dict(self.headers), body))
        server.hold.wait()
        status = server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
        self.send_response(status)
        for name, text in server.extra.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(server.content)))
        self.end_headers()
        self.wfile.write(server.content)

    def log_message(self, *args: Any) -> None:
        """Nothing."""
