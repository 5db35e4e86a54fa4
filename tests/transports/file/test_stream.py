"""Tests of pipeline.transports.file.stream."""

from __future__ import annotations

import os

from hypothesis import strategies as st
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.transports.file.stream import Cutter, Stream
from pipeline.transports.file.tail import Line
from tests.properties import given
from tests.transports.file.systems import FileCase


def cut(pieces: list[bytes], max_line: int = 4) -> list[Line]:
    """All lines in some bytes."""
    cutter, lines = Cutter(max_line), []
    for piece in pieces:
        cutter.add(piece)
        while (line := cutter.take()) is not None:
            lines.append(line)
    last = cutter.last()
    return lines if last is None else [*lines, last]


class Cutting(TestCase):
    """Bytes are cut into lines."""

    def test_lines(self) -> None:
        """Both ends are taken, each line knows where it begins, and the last needs no end."""
        self.assertEqual(
            [Line(0, b"one"), Line(5, b""), Line(6, b"two")], cut([b"one\r\n\ntw", b"o"])
        )
        self.assertEqual([Line(0, b"one")], cut([b"one\n"]))
        self.assertEqual([], cut([b""]))

    def test_too_long(self) -> None:
        """Of a line that is too long the beginning is kept, however long it goes on."""
        lines = cut([b"four\nfive5", b"and more" * 1000, b"\nnext\nlast one"])
        self.assertEqual([b"four", b"five", b"next", b"last"], [line.data for line in lines])
        self.assertEqual([False, True, False, True], [line.is_cut for line in lines])
        self.assertEqual(5, lines[1].offset)
        self.assertEqual(5 + 5 + 8000 + 1, lines[2].offset)

    @given(st.lists(st.text("ab\r\n", max_size=8)))
    def test_pieces(self, pieces: list[str]) -> None:
        """However it is cut into pieces, the lines are the same."""
        whole = "".join(pieces).encode()
        self.assertEqual(cut([whole]), cut([piece.encode() for piece in pieces]))


class Pipes(FileCase):
    """A pipe is read."""

    async def piped(self, **options: object) -> tuple[int, Stream]:
        """The end of a pipe to write to, and what reads the other one."""
        transport = await self.file(write=os.devnull, **options)
        source, sink = os.pipe()
        self.addCleanup(os.close, source)
        stream = Stream(transport._desk(), source)
        transport._sources.append(stream)
        await stream.start()
        return sink, stream

    async def test_all(self) -> None:
        """All lines are published in their order, to the last, and that is the end."""
        sink, stream = await self.piped(batch=7)
        os.write(sink, b"".join(b'{"content": "%03d"}\n' % n for n in range(100)))
        os.write(sink, b'{"content": "last"}')
        os.close(sink)
        await stream.ended
        found = [message["content"] for message in await self.published(101)]
        self.assertEqual([*(f"{n:03}" for n in range(100)), "last"], sorted(found))

    async def test_malformed(self) -> None:
        """What is no message is a dead letter."""
        sink, stream = await self.piped(max_line=50)
        os.write(sink, b'nonsense\n{"content": "' + b"x" * 100 + b'"}\n{"content": "a"}\n')
        os.close(sink)
        await stream.ended
        self.assertEqual(["a"], await self.contents(1))
        self.assertEqual(
            [b"nonsense", b'{"content": "' + b"x" * 37],
            [letter["payload"] for letter in await self.letters()],
        )

    async def test_full(self) -> None:
        """A pipe isn't read while the queue is full."""
        sink, stream = await self.piped(max_depth=5, batch=10)
        more = b"x" * 2000
        data = b"".join(b'{"content": "%03d", "from": "%b"}\n' % (n, more) for n in range(200))
        writing = deferToThread(os.write, sink, data)  # a pipe holds 64 kB
        await deferLater(self.reactor, 0.5)
        self.assertFalse(writing.called)
        self.assertLess(stream.offset, 50_000)
        self.assertEqual([f"{n:03}" for n in range(200)], await self.contents(200))
        await writing
        os.close(sink)
        await stream.ended

    async def test_stopped(self) -> None:
        """It stops, though nothing is said and nobody has closed."""
        sink, stream = await self.piped()
        os.write(sink, b'{"content": "a"}\n')
        self.assertEqual(["a"], await self.contents(1))
        stream._desk.rest.end()
        await stream.stop(20)
        self.assertFalse(stream.ended.called)
        os.close(sink)
