"""Tests of pipeline.requests.response."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import jinja2
from twisted.trial.unittest import TestCase

from pipeline.requests.request import Request
from pipeline.requests.response import JsonResponse, RedirectResponse, Response, TemplateResponse
from pipeline.signals import template_rendered


class Responding(TestCase):
    """What a view may answer."""

    def test_content(self) -> None:
        """Text is sent as UTF-8; bytes are as they are."""
        response = Response("é")
        self.assertEqual(
            ("é".encode(), "é", 200, "OK"),
            (response.content, response.text, response.status, response.reason),
        )
        response.content = b"\xff"
        self.assertEqual((b"\xff", "\ufffd"), (response.content, response.text))
        self.assertEqual(
            (True, False, ""),
            (Response(status=404).is_failure, response.is_failure, Response(status=799).reason),
        )

    def test_headers(self) -> None:
        """Headers are read and set as of a mapping; a type that is given stays."""
        response = Response(headers={"content-type": "text/html"})
        response["X-A"] = "1"
        self.assertEqual(
            ("text/html", "1", True), (response["Content-Type"], response["x-a"], "X-A" in response)
        )
        del response["X-A"]
        self.assertNotIn("X-A", response)
        self.assertEqual("a/b", Response(content_type="a/b")["Content-Type"])

    def test_vary(self) -> None:
        """Vary is added to, once for each name."""
        response = Response(headers={"Vary": "Cookie"})
        response.vary_on("Accept-Encoding", "cookie")
        self.assertEqual("Cookie, Accept-Encoding", response["Vary"])

    def test_cookies(self) -> None:
        """Cookies travel as headers, with all that they are given."""
        response = Response()
        response.set_cookie(
            "a",
            "1",
            max_age=60,
            secure=True,
            http_only=True,
            same_site="Lax",
            expires=datetime(2030, 1, 2, tzinfo=UTC),
        )
        response.delete_cookie("b")
        cookies = [value for name, value in response.to_fields()["headers"] if name == "Set-Cookie"]
        self.assertEqual(
            "a=1; expires=Wed, 02 Jan 2030 00:00:00 GMT; HttpOnly; Max-Age=60; Path=/; "
            "SameSite=Lax; Secure",
            cookies[0],
        )
        self.assertIn("Max-Age=0", cookies[1])
        self.assertIn("1970", cookies[1])

    def test_round_trip(self) -> None:
        """A response arrives as it was sent, also one without a type."""
        sent = Response(b"\xff", 201, [("A", "1"), ("A", "2")])
        del sent["Content-Type"]
        got = Response.from_fields(sent.to_fields())
        self.assertEqual(
            (sent.status, sent.content, sent.headers.pairs),
            (got.status, got.content, got.headers.pairs),
        )

    def test_no_response(self) -> None:
        """What is none is a ValueError."""
        wrong: list[dict[str, Any]] = [
            {},
            {"status": "x"},
            {"status": 200, "headers": [["a", "\n"]]},
        ]
        for fields in wrong:
            with self.assertRaises(ValueError):
                Response.from_fields(fields)

    def test_json(self) -> None:
        """Data becomes JSON; what can't is an error where it is made."""
        response = JsonResponse({"a": datetime(2030, 1, 2, tzinfo=UTC)}, 201)
        self.assertEqual(
            ('{"a":"2030-01-02T00:00:00Z"}', "application/json", 201),
            (response.text, response["Content-Type"], response.status),
        )
        with self.assertRaises(TypeError):
            JsonResponse(object())

    def test_redirect(self) -> None:
        """A redirection, for now or for ever; never with a line break."""
        statuses = [RedirectResponse("/a", permanent).status for permanent in (False, True)]
        self.assertEqual(([302, 301], "/a"), (statuses, RedirectResponse("/a")["Location"]))
        with self.assertRaises(ValueError):
            RedirectResponse("/a\r\nX: 1")


class Templates(TestCase):
    """Templates are rendered late, once."""

    def test_late(self) -> None:
        """What is in the context when it is rendered counts; who listens is told."""
        told: list[Any] = []

        def listener(**named: Any) -> None:
            told.append(named["context"])

        template_rendered.connect(listener)
        self.addCleanup(template_rendered.disconnect, listener)
        template = jinja2.Template("{{ request.path }} {{ who }}")
        response = TemplateResponse(Request(path="/x"), template, {"who": "Ada"})
        response.context["who"] = "Bob"
        self.assertEqual((b"", False), (response.content, response.is_rendered))
        self.assertIs(response, response.render())
        response.context["who"] = "nobody"
        self.assertEqual(("/x Bob", 1), (response.render().text, len(told)))

    def test_by_name(self) -> None:
        """A name is looked up in the templates of the application that the request came to."""
        request: Any = Request()
        with self.assertRaisesRegex(LookupError, "has no `templates:`"):
            TemplateResponse(request, "a.html").render()
        request.templates = jinja2.Environment(loader=jinja2.DictLoader({"a.html": "hi"}))
        self.assertEqual("hi", TemplateResponse(request, "a.html").render().text)
