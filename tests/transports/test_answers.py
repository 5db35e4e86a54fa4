"""Tests of pipeline.transports.answers."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.transports.answers import Answer, Page, refusal, unavailable


class Answers(TestCase):
    """Every answer has a JSON body."""

    def test_body(self) -> None:
        """The body is one line of JSON."""
        self.assertEqual(b'{"a":[1]}\n', Answer(200, {"a": [1]}).body())

    def test_refusal(self) -> None:
        """An error has a code for programs, a message for people, and details."""
        answer = refusal(404, "no such thing", near=["a"]).answer
        expected = {"error": {"code": "not_found", "message": "no such thing", "near": ["a"]}}
        self.assertEqual((404, expected), (answer.status, answer.content))

    def test_unavailable(self) -> None:
        """What is over soon says when to come again."""
        self.assertEqual((("Retry-After", "7"),), unavailable("later", 7).answer.headers)

    def test_head(self) -> None:
        """JSON says what it is, how long, and that nobody keeps it; a page has its own headers."""
        head = dict(Answer(200, 1, (("Allow", "GET"),)).head(2))
        self.assertEqual(("2", "no-store", "GET"), tuple(head.values())[1:])
        page = Page(200, b"hi", (("A", "b"),))
        self.assertEqual(((("A", "b"),), b"hi"), (page.head(2), page.body()))
