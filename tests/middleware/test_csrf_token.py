"""Tests of pipeline.middleware.csrf_token."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.middleware.csrf_token import Input, Secret, Token, csrf_token, rotate_token
from pipeline.middleware.session_mapping import Session
from pipeline.requests import Request


def visited(session: Session | None = None) -> Request:
    """A request with a session and a secret."""
    request = Request()
    request.session = Session() if session is None else session
    request.csrf = Secret(request, None)
    return request


class Secrets(TestCase):
    """One browser's secret, and tokens of it."""

    def test_made_late(self) -> None:
        """Nothing is made, nor touched, before a token is wanted."""
        request = visited()
        Input(request, "f"), Token(request)
        self.assertFalse(request.session.is_accessed)
        self.assertTrue(request.csrf.matches(str(Token(request))))

    def test_kept(self) -> None:
        """Another request with the same session knows its tokens; one with another doesn't."""
        request = visited()
        token = csrf_token(request)
        again = visited(Session(request.session.encoded()))
        self.assertTrue(again.csrf.matches(token))
        self.assertFalse(visited().csrf.matches(token))

    def test_rotated(self) -> None:
        """After a rotation old tokens are worth nothing, new ones are."""
        request = visited()
        token = csrf_token(request)
        rotate_token(request)
        self.assertFalse(request.csrf.matches(token))
        self.assertTrue(request.csrf.matches(csrf_token(request)))

    def test_bad_secret(self) -> None:
        """What is no secret counts as none: another is made."""
        for kept in ("", "short", 7, None, "\u00e4" * 43):
            request = visited()
            request.session["_csrf"] = kept
            self.assertIsNone(request.csrf.known)
            self.assertTrue(request.csrf.matches(csrf_token(request)))

    def test_no_middleware(self) -> None:
        """Without the middleware it is said so; to rotate is no matter then."""
        self.assertRaises(ConfigError, csrf_token, Request())
        rotate_token(Request())
