"""The guest book in processes of its own, and somebody who visits it by http.client."""

from __future__ import annotations

import gzip
import http.client
import re
from http.cookies import SimpleCookie
from typing import Any, NamedTuple
from urllib.parse import urlencode

from twisted.trial.unittest import TestCase

from pipeline.testing.server import own_server
from tests.service.support import ROOT, Process, command
from tests.test_two_processes import free_port

FOLDER = ROOT / "examples" / "guestbook"
ADA = {"name": "ada", "password": "analytical-engine"}

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class Site:
    """The guest book, its transport and its views apart, with a server for both.

    :param case: ends with it.
    """

    def __init__(self, case: TestCase) -> None:
        self.case = case
        server = own_server(case.mktemp())
        case.addCleanup(server.stop_now)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            "PIPELINE_REDIS": str(server.address),
            "PIPELINE_PORT": str(self.port),
        }
        self.processes: dict[str, Process] = {}
        for worker in ("site", "web"):
            self.begin(worker)
        for worker in ("site", "web"):
            self.wait_for(worker)

    def begin(self, worker: str) -> None:
        """Start a process for this worker."""
        file = str(FOLDER / "guestbook.yaml")
        process = command(self.case, "run", file, "--worker", worker, **self.environment)
        self.processes[worker] = process

    def wait_for(self, worker: str) -> None:
        """Wait until it works."""
        self.processes[worker].wait_for_error(f"worker {worker!r} is ready")

    def kill(self, worker: str) -> None:
        """End its process as by a loss of power."""
        self.processes[worker].kill()


class Page(NamedTuple):
    """What a visitor got."""

    status: int
    headers: Any
    text: str


class Visitor:
    """A client that keeps cookies and fills in forms, as browsers do.

    :param site: whom it visits.
    :param headers: of every request.
    """

    def __init__(self, site: Site, **headers: str) -> None:
        self.site = site
        self.headers = headers
        self.cookies: dict[str, str] = {}

    def get(self, path: str, **headers: str) -> Page:
        """A page."""
        return self._ask("GET", path, None, headers)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        """The answer to a form that is as given."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return self._ask("POST", path, urlencode(fields), headers)

    def fill(self, path: str, **fields: str) -> Page:
        """The answer to the form of a page."""
        return self.post(path, {"csrf_token": self.token(path), **fields})

    def token(self, path: str) -> str:
        """The token in the form of a page."""
        found = _TOKEN.search(self.get(path).text)
        assert found is not None, path
        return found[1]

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> Page:
        sent = {name.replace("_", "-"): value for name, value in (self.headers | headers).items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.site.port, timeout=60)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        for each in response.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: got.value for name, got in SimpleCookie(each).items()}
        if response.headers["Content-Encoding"] == "gzip":
            content = gzip.decompress(content)
        return Page(response.status, response.headers, content.decode())
