"""Tokens that show that a form comes from a page of this site."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from typing import Any

from pipeline.errors import ConfigError
from pipeline.middleware.cookie import Cookie

__all__ = ["Input", "Secret", "Token", "csrf_token", "rotate_token"]

#: Bytes of a secret; a token has twice as many.
BYTES = 32

#: The key of the session.
SECRET = "_csrf"


class Secret:
    """The secret of the browser that asks, wherever it is kept; made when it is first needed.

    :ivar is_used: the response depends on it.
    :ivar is_new: the browser doesn't have it yet.
    """

    def __init__(self, request: Any, cookie: Cookie | None) -> None:
        self._request = request
        self._cookie = cookie
        self._made: bytes | None = None
        self.is_used = self.is_new = False

    @property
    def known(self) -> bytes | None:
        """What the browser has; None if it has none, or no good one."""
        if self._made is not None:
            return self._made
        if self._cookie is None:
            said = self._request.session.get(SECRET)
        else:
            self.is_used = True
            said = self._cookie.of(self._request)
        found = _decoded(said) if isinstance(said, str) else None
        return found if found is not None and len(found) == BYTES else None

    def had(self) -> bytes:
        """The secret; a new one if the browser has none."""
        self._made = self.known
        return self._make() if self._made is None else self._made

    def matches(self, token: str) -> bool:
        """Whether a token was made of this secret."""
        found, known = _unmasked(token), self.known
        return found is not None and known is not None and hmac.compare_digest(found, known)

    def token(self) -> str:
        """One more token of this secret, with other letters than all before."""
        mask = secrets.token_bytes(BYTES)
        return _encoded(mask + _xor(mask, self.had()))

    def renew(self) -> None:
        """Have all tokens that were made so far be worth nothing."""
        if self._cookie is None:
            self._request.session.pop(SECRET, None)
            self._made = None
        else:
            self._make()

    def _make(self) -> bytes:
        self.is_used = self.is_new = True
        self._made = secrets.token_bytes(BYTES)
        if self._cookie is None:
            self._request.session[SECRET] = self.text
        return self._made

    @property
    def text(self) -> str:
        """As it is kept."""
        return _encoded(self._made or b"")


def csrf_token(request: Any) -> str:
    """The token for a form on the page that is made for this request.

    Other letters each time, so that a compressed page doesn't give it away (BREACH).

    :raise ConfigError: there is no CsrfMiddleware.
    """
    if getattr(request, "csrf", None) is None:
        raise ConfigError("there is no CsrfMiddleware in the middleware list")
    token: str = request.csrf.token()
    return token


def rotate_token(request: Any) -> None:
    """Have all tokens given out so far be worth nothing, as at a log-in."""
    if getattr(request, "csrf", None) is not None:
        request.csrf.renew()


class Token:
    """The token, made when a template wants it."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __str__(self) -> str:
        return csrf_token(self._request)


class Input:
    """A hidden field of a form with the token."""

    def __init__(self, request: Any, field: str) -> None:
        self._request = request
        self._field = field

    def __html__(self) -> str:
        token = csrf_token(self._request)  # letters, digits, - and _ only
        return f'<input type="hidden" name="{self._field}" value="{token}">'

    __str__ = __html__


def _unmasked(token: str) -> bytes | None:
    found = _decoded(token)
    if found is None or len(found) != 2 * BYTES:
        return None
    return _xor(found[:BYTES], found[BYTES:])


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
