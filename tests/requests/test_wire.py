"""Tests of pipeline.requests.wire."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import SuspiciousOperation
from pipeline.requests.wire import body_fields, body_in, without_secrets


class Bodies(TestCase):
    """Bodies travel as text where they are, else in base64."""

    def test_round_trip(self) -> None:
        """Every body arrives as it was; text stays readable on the way."""
        for body in (b"", "é".encode(), b"\xff\x00", b"{}"):
            self.assertEqual(body, body_in(body_fields(body)))
        self.assertEqual({"body": "{}"}, body_fields(b"{}"))
        self.assertEqual({"body64": "/wA="}, body_fields(b"\xff\x00"))

    def test_refused(self) -> None:
        """What carries no body is suspicious, and no error of Python's."""
        wrong: list[dict[str, Any]] = [{"body64": "!"}, {"body64": 7}, {"body": 7}, {"body": None}]
        for fields in wrong:
            with self.assertRaises(SuspiciousOperation):
                body_in(fields)


class Logs(TestCase):
    """What is shown of a request or a response where people read it."""

    def test_secrets(self) -> None:
        """Secrets are left out, and bodies; what makes no sense is shown as it is."""
        fields = {
            "method": "GET",
            "headers": [["cookie", "a=b"], ("Host", "x"), ["SET-COOKIE", "a"], "odd", []],
            "body64": "AAAA",
        }
        expected = {
            "method": "GET",
            "headers": [["cookie", "..."], ("Host", "x"), ["SET-COOKIE", "..."], "odd", []],
            "body": "<4 characters>",
        }
        self.assertEqual(expected, without_secrets(fields))
        self.assertEqual(7, without_secrets(7))
        self.assertEqual({}, without_secrets({"headers": 7, "body": 7}))
