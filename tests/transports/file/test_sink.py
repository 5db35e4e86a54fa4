"""Tests of pipeline.transports.file.sink."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from pipeline.threads import Threads
from pipeline.transports.file.sink import Sink


class Sinks(TestCase):
    """Lines get into a file."""

    timeout = 60

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.threads = Threads(reactor, 1, "sinks")
        self.threads.start()
        self.addCleanup(self.threads.stop)
        self.path = Path(self.mktemp())

    def sink(self, fsync: bool = False, path: Any = None) -> Sink:
        made = Sink(str(path or self.path), fsync, self.threads)
        self.addCleanup(made.close)
        return made

    async def test_many(self) -> None:
        """Lines are appended whole, in their order, to what is there."""
        self.path.write_bytes(b"before\n")
        for fsync in (True, False):
            sink = self.sink(fsync)
            await gatherResults([sink.write(b"%04d" % n) for n in range(1000)])
        lines = self.path.read_bytes().splitlines()
        self.assertEqual(b"before", lines[0])
        self.assertEqual([b"%04d" % n for n in range(1000)] * 2, lines[1:])

    async def test_moved(self) -> None:
        """When the file is moved or removed another is made."""
        sink = self.sink()
        await sink.write(b"one")
        self.path.rename(f"{self.path}.1")
        await sink.write(b"two")
        self.path.unlink()
        await sink.write(b"three")
        self.assertEqual(b"one\n", Path(f"{self.path}.1").read_bytes())
        self.assertEqual(b"three\n", self.path.read_bytes())

    async def test_half_line(self) -> None:
        """What a crash has left of a line is ended before the next."""
        self.path.write_bytes(b"one\nhal")
        await self.sink().write(b"two")
        self.assertEqual(b"one\nhal\ntwo\n", self.path.read_bytes())

    async def test_error(self) -> None:
        """Who can't be written for is told, and what comes later is tried anew."""
        sink = self.sink()
        await sink.write(b"one")
        self.path.unlink()
        self.path.mkdir()
        with self.assertRaises(OSError):
            await sink.write(b"two")
        self.path.rmdir()
        await sink.write(b"three")
        self.assertEqual(b"three\n", self.path.read_bytes())
        self.assertRaises(OSError, self.sink(path="no/such/folder").open)
        pipe = f"{self.path}.pipe"
        os.mkfifo(pipe)
        self.assertRaises(OSError, self.sink(path=pipe).open)
        fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, fd)
        error = self.assertRaises(OSError, self.sink(path=pipe).open)
        self.assertIn("is no file", str(error))

    async def test_full_disk(self) -> None:
        """A disk that is full is an error; the half of a line that was written is ended later."""
        sink = self.sink()
        sink.open()
        whole, left = os.write, [4]

        def write(fd: int, data: Any) -> int:
            if fd != sink._fd:  # the reactor's own
                return whole(fd, data)
            if not left[0]:
                raise OSError(28, "No space left on device")
            done, left[0] = whole(fd, data[: left[0]]), 0
            return done

        self.patch(os, "write", write)
        with self.assertRaises(OSError):
            await sink.write(b"hundred")
        left[0] = 1000
        await sink.write(b"two")
        self.assertEqual(b"hund\ntwo\n", self.path.read_bytes())

    async def test_cancelled(self) -> None:
        """Who has given up before its line was written isn't in the file."""
        sink = self.sink()
        first, second = sink.write(b"one"), sink.write(b"two")
        second.addErrback(lambda _: None)
        second.cancel()
        await first
        await sink.write(b"three")
        self.assertEqual(b"one\nthree\n", self.path.read_bytes())
