"""Tests of pipeline.supervisor.output."""

from __future__ import annotations

import json
import os
from io import TextIOWrapper

from twisted.trial.unittest import TestCase

from pipeline.supervisor.output import Output, told_json, told_text


class Writing(TestCase):
    """Lines reach the stream, and who writes never waits."""

    def pipe(self, is_blocking: bool = True) -> tuple[int, TextIOWrapper]:
        ours, theirs = os.pipe()
        os.set_blocking(theirs, is_blocking)
        stream = os.fdopen(theirs, "w")
        self.addCleanup(os.close, ours)
        self.addCleanup(stream.close)
        return ours, stream

    def test_order(self) -> None:
        """All is written, in its order, before it is closed."""
        ours, stream = self.pipe()
        output = Output(stream)
        for number in range(100):
            output.write(f"{number}\n")
        output.flush()
        output.close(30)
        self.assertFalse(output.isatty())
        expected = "".join(f"{number}\n" for number in range(100))
        self.assertEqual(expected, os.read(ours, 10_000).decode())

    def test_stalled(self) -> None:
        """When nobody reads, so much is kept; what was left out is counted, and all goes on."""
        for is_blocking in (True, False):
            ours, stream = self.pipe(is_blocking)
            output = Output(stream, room=200_000)
            for _ in range(10_000):
                output.write("x" * 99 + "\n")
            output.close(0)
            read = b""
            while not read.endswith(b"left out\n"):
                read += os.read(ours, 65536)
            left_out = int(read.split(b"\n")[-2].split()[1].replace(b",", b""))
            self.assertEqual(10_000, read.count(b"\n") - 1 + left_out)
            self.assertLessEqual(len(read), 400_000)

    def test_gone(self) -> None:
        """A reader that has gone is no error."""
        ours, theirs = os.pipe()
        os.close(ours)
        with os.fdopen(theirs, "w") as stream:
            output = Output(stream)
            output.write("hello\n")
            output.close(30)
            self.assertFalse(output._thread.is_alive())


class Telling(TestCase):
    """It is told which process has said what."""

    def test_text(self) -> None:
        """A number before the line; bytes that are no text are no error."""
        self.assertEqual("[2] 12:00:00 hel\ufffdlo\n", told_text(2, b"12:00:00 hel\xfflo"))

    def test_json(self) -> None:
        """A field in an object; what is none becomes one, quotes and all."""
        line = b'{"level":"warn","message":"a"}'
        expected = {"process": 2, "level": "warn", "message": "a"}
        self.assertEqual(expected, json.loads(told_json(2, line)))
        for printed in (b'{"half', b'say "hi"', b""):
            told = json.loads(told_json(1, printed))
            self.assertEqual((1, printed.decode()), (told["process"], told["message"]))
