"""Tests of pipeline.transports.file.tail."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.transports.file.place import Place
from pipeline.transports.file.tail import QUIET, READ, Tail


class TailCase(TestCase):
    """Has a file in a folder of its own, and reads it."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "a.log"
        self.path.write_bytes(b"")
        self.now = 0.0
        self.place: Place | None = None

    def tail(self, is_followed: bool = True, max_line: int = 100) -> Tail:
        made = Tail(str(self.path), max_line, is_followed, lambda: self.now)
        self.addCleanup(made.close)
        return made

    def append(self, data: bytes, path: Path | None = None) -> None:
        with open(path or self.path, "ab") as file:
            file.write(data)

    def read(self, tail: Tail, most: int = 100) -> list[bytes]:
        """What the next lines say."""
        chunk = tail.read(self.place, most)
        self.place, self.notes = chunk.place, chunk.notes
        return [line.data for line in chunk.lines]


class Reading(TailCase):
    """Lines come one after another, from wherever one begins."""

    def test_lines(self) -> None:
        """No more than asked for; both ends of a line are taken; each knows where it begins."""
        self.append(b"one\r\n\ntwo\nthree\n")
        tail = self.tail()
        chunk = tail.read(None, 3)
        self.assertEqual([(0, b"one"), (5, b""), (6, b"two")], [line[:2] for line in chunk.lines])
        self.assertEqual((10, 16), (chunk.place.offset, chunk.size))
        self.place = chunk.place
        self.assertEqual([b"three"], self.read(self.tail()))
        self.assertEqual([], self.read(tail))

    def test_last(self) -> None:
        """The last line needs no end, unless the file may grow."""
        self.append(b"one\nhal")
        tail = self.tail()
        self.assertEqual([b"one"], self.read(tail))
        self.assertEqual([], self.read(tail))
        self.append(b"f\n")
        self.assertEqual([b"half"], self.read(tail))
        self.append(b"end")
        self.assertEqual([b"end"], self.read(self.tail(is_followed=False)))
        self.assertEqual([], self.read(self.tail(is_followed=False)))

    def test_too_long(self) -> None:
        """Of a line that is too long its beginning is given, once, however long it is."""
        for length in (101, READ + 50, 3 * READ):
            self.append(b"x" * length + b"\nnext\n")
            tail = self.tail()
            lines = tail.read(self.place, 2).lines
            if len(lines) == 1:
                self.read(tail, 1)
                lines += tail.read(self.place, 1).lines
            self.read(tail, 2)
            self.assertEqual([b"x" * 100, b"next"], [line.data for line in lines])
            self.assertEqual([True, False], [line.is_cut for line in lines])
            self.read(tail)

    def test_endless(self) -> None:
        """A line that is still being written is waited for, also when it is too long already."""
        self.append(b"x" * 2 * READ)
        tail = self.tail()
        self.assertEqual([], self.read(tail))
        self.append(b"\nnext\n")
        self.assertEqual([b"x" * 100], self.read(tail))
        self.assertEqual([b"next"], self.read(tail))

    def test_no_file(self) -> None:
        """What is not there, or no file, is an error that says so."""
        self.assertRaises(FileNotFoundError, Tail("nowhere.log", 1, True).read, None, 1)
        error = self.assertRaises(OSError, Tail(str(self.path.parent), 1, True).read, None, 1)
        self.assertIn("is no file", str(error))
        pipe = str(self.path) + ".pipe"
        os.mkfifo(pipe)
        self.assertRaises(OSError, Tail(pipe, 1, True).read, None, 1)


class Moving(TailCase):
    """Files are moved away, and truncated."""

    def rotate(self) -> Path:
        """Move the file away, and begin another."""
        old = self.path.with_name("a.log.1")
        self.path.rename(old)
        self.path.write_bytes(b"")
        return old

    def test_rotated(self) -> None:
        """The old file is read to its end, which may still move for a time; then the new one."""
        self.append(b"one\n")
        tail = self.tail()
        self.assertEqual([b"one"], self.read(tail))
        old = self.rotate()
        self.append(b"three\n")
        self.assertEqual([], self.read(tail))
        self.now += QUIET - 1
        self.append(b"two\nhalf", old)
        self.assertEqual([b"two"], self.read(tail))
        self.assertEqual([], self.read(tail))
        self.now += QUIET
        self.assertEqual([b"half"], self.read(tail))
        self.assertEqual([], self.read(tail))
        self.now += QUIET
        self.assertEqual([b"three"], self.read(tail))
        self.assertEqual([], self.notes)

    def test_rotated_meanwhile(self) -> None:
        """Who comes back finds the old file under its new name, and the new one behind it."""
        for is_followed in (True, False):
            self.append(b"one\ntwo\n")
            self.read(self.tail(), 1)
            self.rotate()
            self.append(b"three\n")
            tail = self.tail(is_followed)
            self.assertEqual([b"two"], self.read(tail))
            self.assertIn("moved to", self.notes[0])
            if is_followed:
                self.assertEqual([], self.read(tail))
                self.now += QUIET
            self.assertEqual([b"three"], self.read(tail))
            self.path.unlink()
            self.place = None

    def test_removed(self) -> None:
        """When the old file is gone the new one is read, and that is told."""
        self.append(b"one\ntwo\n")
        self.read(self.tail(), 1)
        self.rotate().unlink()
        self.append(b"three\n")
        self.assertEqual([b"three"], self.read(self.tail()))
        self.assertIn("is gone", self.notes[0])

    def test_not_there_yet(self) -> None:
        """A file that was moved away and not made anew yet is waited for."""
        self.append(b"one\n")
        tail = self.tail()
        self.read(tail)
        self.path.rename(self.path.with_name("a.log.1"))
        self.now += QUIET
        self.assertEqual([], self.read(tail))
        self.append(b"two\n")
        self.read(tail)
        self.now += QUIET
        self.assertEqual([b"two"], self.read(tail))

    def test_truncated(self) -> None:
        """A file that was truncated is read from its beginning, and that is told."""
        self.append(b"one\ntwo\n")
        tail = self.tail()
        self.read(tail)
        os.truncate(self.path, 0)
        self.assertEqual([], self.read(tail))
        self.assertIn("truncated", self.notes[0])
        self.append(b"3\n")
        self.assertEqual([b"3"], self.read(tail))

    def test_written_anew(self) -> None:
        """Also when it has grown beyond where it was meanwhile."""
        self.append(b"one\ntwo\n")
        tail = self.tail()
        self.read(tail)
        os.truncate(self.path, 0)
        self.append(b"another beginning\n")
        self.assertEqual([b"another beginning"], self.read(tail))
        self.assertIn("written anew", self.notes[0])
