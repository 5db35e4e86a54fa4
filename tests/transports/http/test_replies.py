"""Tests of pipeline.transports.http.replies."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.message import TaskMessage
from pipeline.requests import Response
from pipeline.transports.answers import HttpError
from pipeline.transports.http.replies import page_of, reply_answer
from tests.workers import inbound


class Told(TestCase):
    """What a client is told."""

    def test_message(self) -> None:
        """A reply's fields, and the client's own id."""
        reply = inbound("hi").reply("HI", colour="blue")
        answer = reply_answer(reply, "order-1", False)
        said = answer.content
        self.assertEqual(
            (200, "HI", "order-1"), (answer.status, said["content"], said["in_reply_to"])
        )
        self.assertEqual(({"colour": "blue"}, reply.message_id), (said["extra"], said["id"]))

    def test_results(self) -> None:
        """How a task ended; the traceback in debug only."""
        call = TaskMessage(task="x")
        answer = reply_answer(call.result(7), "1", True)
        self.assertEqual((200, {"id": "1", "status": "finished", "value": 7}), answer[:2])
        failed = call.failed("KeyError: 'x'", "in broken")
        error = {"id": "1", "status": "failed", "error": "KeyError: 'x'"}
        self.assertEqual((500, error), reply_answer(failed, "1", False)[:2])
        shown = {**error, "traceback": "in broken"}
        self.assertEqual((500, shown), reply_answer(failed, "1", True)[:2])


class Pages(TestCase):
    """Replies to requests for views."""

    def page(self, method: str = "GET", **extra: Any) -> Any:
        """What is answered to a reply."""
        return page_of(inbound("x").reply("text", **extra), method, False)

    def test_response(self) -> None:
        """Status, headers and body are the response's; its length is the body's."""
        fields = Response(b"\xff!", 201, {"ETag": "x", "Content-Length": "9"}).to_fields()
        page = self.page(http=fields)
        self.assertEqual((201, b"\xff!"), (page.status, page.body()))
        self.assertEqual({"ETag": "x", "Content-Length": "2"}, _but_type(page))

    def test_text(self) -> None:
        """A reply without one is its text."""
        self.assertEqual((200, b"text"), self.page()[:2])

    def test_no_response(self) -> None:
        """What is none is a 502, and logged, whatever is wrong with it."""
        for wrong in (
            7,
            [],
            {},
            {"status": "200"},
            {"status": 200, "headers": 7},
            {"status": 200, "headers": [["a", "b\r\nc: d"]]},
            {"status": 200, "body64": "!"},
            {"status": 200, "body": 7},
            {"status": 100},
        ):
            error = self.assertRaises(HttpError, self.page, http=wrong)
            self.assertEqual(502, error.answer.status, wrong)

    def test_bare(self) -> None:
        """What has no body has no length either."""
        for status in (204, 304):
            page = self.page(http=Response("said", status).to_fields())
            self.assertEqual((b"", {}), (page.body(), _but_type(page)))


def _but_type(page: Any) -> dict[str, str]:
    return {name: value for name, value in page.headers if name != "Content-Type"}
