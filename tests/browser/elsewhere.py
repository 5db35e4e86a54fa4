"""A site of somebody else, whose page has a form that is sent to another."""

from __future__ import annotations

from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from twisted.trial.unittest import TestCase


class Elsewhere:
    """One page with one form, until the test ends.

    :param case: the test.
    :param target: where the form is sent to.
    :param fields: what is in it, hidden.
    :ivar cookies: the names of those that the browser has sent here.
    """

    def __init__(self, case: TestCase, target: str, fields: dict[str, str]) -> None:
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items()
        )
        form = f'<form method="post" action="{target}">{inputs}<button>Win!</button></form>'
        page = f"<!doctype html><title>Elsewhere</title>{form}".encode()
        self.cookies: list[str] = []
        told = self.cookies

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the library's name
                if self.path == "/":
                    told.extend(SimpleCookie(self.headers.get("Cookie", "")))
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *args: Any) -> None:
                """Nobody asked."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        case.addCleanup(thread.join)
        case.addCleanup(server.server_close)
        case.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}/"
