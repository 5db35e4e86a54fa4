"""A server that speaks the JSON of the Stack Exchange interface, and what can go wrong with it."""

from __future__ import annotations

import gzip
import json
from typing import Any

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

QUESTIONS = [
    {
        "question_id": 11,
        "score": 7,
        "title": "Why &quot;could not convert&quot; &lt;str&gt; to float?",
        "link": "https://stackoverflow.com/q/11",
    },
    {"question_id": 12, "score": 90, "title": "What is a float?", "link": "javascript:alert(1)"},
    {"question_id": 13, "score": 30, "title": "Third", "link": "https://stackoverflow.com/q/13"},
]
ANSWERS = [
    {"question_id": 11, "answer_id": 1, "score": 2, "body": "<p>no</p>"},
    {
        "question_id": 11,
        "answer_id": 2,
        "score": 9,
        "is_accepted": True,
        "body": "<p>Use <code>float()</code>:</p>\n<pre><code>x = float(&quot;1&quot;)\n"
        "if x:\n    go()\n</code></pre>\n<p>\x1b[31mred\x1b[0m</p>",
    },
    {"question_id": 12, "answer_id": 3, "score": 1, "body": "<p>A number.</p>"},
]


class Exchange(Resource):
    """Answers as told.

    :ivar asked: path and arguments of every request.
    :ivar known: a title that is searched for, and the ids of the questions that have it.
    :ivar extra: what pages have besides.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.known: dict[str, list[int]] = {}
        self.extra: dict[str, Any] = {"quota_remaining": 100}
        self.packed = True
        self.way = "answer"
        self.left = 0

    def render_GET(self, request: Any) -> Any:
        args = {name.decode(): values[0].decode() for name, values in request.args.items()}
        path = request.path.decode()
        self.asked.append((path, args))
        return getattr(self, f"_{self.way}")(request, path, args)

    @property
    def titles(self) -> list[str]:
        """What was searched for."""
        return [args["title"] for path, args in self.asked if path.endswith("/search/advanced")]

    def _answer(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        if path == "/2.3/search/advanced":
            ids = self.known.get(args["title"], [])
            items = [each for each in QUESTIONS if each["question_id"] in ids]
        else:
            asked = path.removeprefix("/2.3/questions/").removesuffix("/answers").split(";")
            items = [each for each in ANSWERS if str(each["question_id"]) in asked]
        return self._packed(request, json.dumps({"items": items, **self.extra}).encode())

    def _packed(self, request: Any, body: bytes) -> bytes:
        request.setHeader(b"Content-Type", b"application/json; charset=utf-8")
        if not self.packed:
            return body
        request.setHeader(b"Content-Encoding", b"gzip")
        return gzip.compress(body)

    def _refuse(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        request.setResponseCode(400)
        wrong = {
            "error_id": 502,
            "error_name": "throttle_violation",
            "error_message": "too many requests from this IP, more in 70 seconds\x1b[2J",
        }
        return self._packed(request, json.dumps(wrong).encode())

    def _silent(self, request: Any, path: str, args: dict[str, str]) -> Any:
        request.notifyFinish().addErrback(self._gone)
        return NOT_DONE_YET

    def _slow(self, request: Any, path: str, args: dict[str, str]) -> Any:
        request.notifyFinish().addErrback(self._gone)
        request.write(b'{"items"')
        return NOT_DONE_YET

    def _gone(self, _: Any) -> None:
        self.left += 1

    def _garbage(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        return b"<html>\xff not JSON"

    def _unlike(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        return b'{"items": [{"question_id": "x"}]}'

    def _broken(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        request.setHeader(b"Content-Encoding", b"gzip")
        return b"not gzip"

    def _bomb(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        return self._packed(request, b" " * 40_000_000)

    def _endless(self, request: Any, path: str, args: dict[str, str]) -> Any:
        """A gigabyte, as fast as it is taken."""
        request.setHeader(b"Content-Length", b"1000000000")
        request.notifyFinish().addErrback(self._gone)
        request.registerProducer(_Endless(request), False)
        return NOT_DONE_YET

    def _elsewhere(self, request: Any, path: str, args: dict[str, str]) -> bytes:
        request.redirect(b"http://127.0.0.1:1/secret")
        return b""

    def _closes(self, request: Any, path: str, args: dict[str, str]) -> Any:
        request.transport.abortConnection()
        return NOT_DONE_YET

    def _half(self, request: Any, path: str, args: dict[str, str]) -> Any:
        request.setHeader(b"Content-Length", b"1000")
        request.write(b'{"items"')
        request.transport.loseConnection()
        return NOT_DONE_YET


class _Endless:
    """Writes zeros for as long as they are asked for."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def resumeProducing(self) -> None:
        self._request.write(b"0" * 65536)

    def stopProducing(self) -> None: ...


def listening(test: Any) -> tuple[Exchange, str]:
    """A server for one test, and its URL."""
    from twisted.internet import reactor

    exchange = Exchange()
    port = reactor.listenTCP(0, Site(exchange), interface="127.0.0.1")  # type: ignore[attr-defined]
    test.addCleanup(port.stopListening)
    return exchange, f"http://127.0.0.1:{port.getHost().port}/2.3"
