"""Tests of pipeline.transports.http.signature."""

from __future__ import annotations

import hashlib
import hmac

from twisted.trial.unittest import TestCase

from pipeline.transports.http.signature import signature


class Signed(TestCase):
    """The signature is what the page says."""

    def test_form(self) -> None:
        """Time, a dot and the body, with the secret."""
        expected = hmac.new(b"secret", b"1700000000.hello", hashlib.sha256).hexdigest()
        self.assertEqual(f"t=1700000000,v1={expected}", signature(b"secret", 1700000000, b"hello"))
