"""How a webhook is signed, so that who gets it knows that it is ours, and new."""

from __future__ import annotations

import hashlib
import hmac

__all__ = ["signature"]


def signature(secret: bytes, at: int, body: bytes) -> str:
    """The value of ``Pipeline-Signature``.

    :param at: now, in seconds since the epoch.
    :return: ``t=<at>,v1=<hexadecimal HMAC-SHA256 of at, a dot, and the body>``.
    """
    signed = f"{at}.".encode() + body
    return f"t={at},v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"
