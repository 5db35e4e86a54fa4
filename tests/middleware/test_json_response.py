"""Tests of pipeline.middleware.json_response."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from pipeline.requests import Response
from tests.middleware.requesting import Counting, RequestsCase

JSON = {"json": "json_response.JsonResponseMiddleware"}


@dataclass
class Point:
    """Data."""

    x: int


class Named(msgspec.Struct):
    """Data."""

    name: str


class Header:
    """Sets a header, as other middleware does: of a dict that would be a key."""

    async def process_response(self, request: Any, response: Any) -> Any:
        response["X-Seen"] = "1"
        return response


class Json(RequestsCase):
    """Views that return data."""

    def test_data(self) -> None:
        """Dicts, lists, tuples, Structs and dataclasses become JSON."""
        for data, expected in (
            ({"a": 1}, {"a": 1}),
            ([1, None], [1, None]),
            ((1, "ä"), [1, "ä"]),
            (Point(3), {"x": 3}),
            (Named("Ada"), {"name": "Ada"}),
            ([Point(3), Named("Ada")], [{"x": 3}, {"name": "Ada"}]),
        ):
            self.begin(Counting(lambda data=data: data), JSON)
            response = self.ask()
            told = (response.status, response["Content-Type"], json.loads(response.content))
            self.assertEqual((200, "application/json", expected), told)

    def test_anywhere(self) -> None:
        """Wherever it stands, others see a response and no data."""
        other = f"{__name__}.Header"
        for listed in ([JSON, other], [other, JSON]):
            self.begin(Counting(lambda: {"a": 1}), *listed)
            response = self.ask()
            self.assertEqual(('{"a":1}', "1"), (response.text, response["X-Seen"]))

    def test_response(self) -> None:
        """A response stays as it is."""
        self.begin(Counting(lambda: Response("hi", 201)), JSON)
        response = self.ask()
        self.assertEqual((201, "hi"), (response.status, response.text))

    def test_indent(self) -> None:
        """By option it is written for people."""
        self.begin(Counting(lambda: {"a": [1]}), JSON, json={"indent": 2})
        self.assertEqual('{\n  "a": [\n    1\n  ]\n}', self.ask().text)

    def test_no_json(self) -> None:
        """What can't be JSON is the view's error: a 500, and reported."""
        self.begin(Counting(lambda: {"a": object()}), JSON)
        self.assertEqual(500, self.ask().status)
        [error] = self.flushLoggedErrors(TypeError)
        self.assertIn("object", str(error.value))

    def test_message(self) -> None:
        """A plain message is answered with the text of it."""
        self.begin(Counting(lambda: {"a": 1}), JSON)
        self.assertEqual(['{"a":1}'], self.say("hi"))
