"""Tests of pipeline.transports.websocket.limits."""

from __future__ import annotations

from twisted.trial.unittest import TestCase
from wsproto.frame_protocol import CloseReason

from pipeline.transports.websocket.limits import Close


class Codes(TestCase):
    """Closes have the numbers that the standard gives them."""

    def test_numbers(self) -> None:
        """Each is what wsproto, which knows the standard, calls alike."""
        for name, known in {
            "NORMAL": CloseReason.NORMAL_CLOSURE,
            "GOING_AWAY": CloseReason.GOING_AWAY,
            "UNSUPPORTED": CloseReason.UNSUPPORTED_DATA,
            "POLICY": CloseReason.POLICY_VIOLATION,
            "TOO_BIG": CloseReason.MESSAGE_TOO_BIG,
            "ERROR": CloseReason.INTERNAL_ERROR,
            "TRY_LATER": CloseReason.TRY_AGAIN_LATER,
        }.items():
            self.assertEqual(known, getattr(Close, name), name)
