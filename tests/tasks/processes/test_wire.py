"""Tests of pipeline.tasks.processes.wire."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import PermanentFailure
from pipeline.tasks.processes.wire import (
    LARGEST,
    BrokenFrame,
    Frames,
    FromChild,
    Problem,
    Ready,
    Returned,
    Said,
    Unready,
    check_size,
    framed,
)

MESSAGES = [
    Ready(),
    Said(1, "info", "stdout", "ü"),
    Returned(1, b"5"),
    Unready(Problem([], b"", b"", "x")),
]


class Frame(SynchronousTestCase):
    """Messages lie on a pipe one after another."""

    def test_pieces(self) -> None:
        """However the bytes are cut, the messages come out whole and in order."""
        stream = b"".join(framed(each) for each in MESSAGES)
        for size in range(1, len(stream) + 1):
            frames: Frames[Any] = Frames(FromChild)
            came: list[Any] = []
            for start in range(0, len(stream), size):
                came += frames.feed(stream[start : start + size])
            self.assertEqual(MESSAGES, came)

    def test_broken(self) -> None:
        """What is no message, or says that it is too long, is refused at once."""
        long = (LARGEST + 1).to_bytes(4, "big")
        for data in (long, b"\0\0\0\1\xc1", b"\0\0\0\0", framed(Problem([], b"", b"", ""))):
            with self.assertRaises(BrokenFrame):
                list(Frames[Any](FromChild).feed(data))

    def test_too_large(self) -> None:
        """What doesn't fit is an error that says how much would."""
        with self.assertRaisesRegex(PermanentFailure, "a message is too large"):
            framed(Returned(1, b"x" * LARGEST))
        with self.assertRaisesRegex(
            PermanentFailure, "the call of t is too large.*16,777,217 bytes"
        ):
            check_size("the call of t", LARGEST + 1)
