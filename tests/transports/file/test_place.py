"""Tests of pipeline.transports.file.place."""

from __future__ import annotations

import os
from dataclasses import replace

from twisted.trial.unittest import TestCase

from pipeline.transports.file.place import Place, head_of


class Places(TestCase):
    """A place is known again."""

    def file(self, data: bytes) -> tuple[int, Place]:
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        fd = os.open(path, os.O_RDWR)
        self.addCleanup(os.close, fd)
        known = os.fstat(fd)
        return fd, Place(known.st_dev, known.st_ino, len(data), head_of(fd, len(data)))

    def test_kept(self) -> None:
        """It comes out of the store as it was; what is none is an error."""
        _, place = self.file(b"one\n")
        self.assertEqual(place, Place.decode(place.encode()))
        for wrong in (b"", b"{}", b'{"device": 1, "inode": "x"}'):
            self.assertRaises(ValueError, Place.decode, wrong)

    def test_fits(self) -> None:
        """The file it was made of fits, also when that has grown."""
        fd, place = self.file(b"one\n" * 100)
        self.assertTrue(place.fits(fd))
        os.pwrite(fd, b"two\n", 400)
        self.assertTrue(place.fits(fd))

    def test_another(self) -> None:
        """Another file, one that got shorter, and one that begins otherwise don't."""
        fd, place = self.file(b"one\n" * 100)
        self.assertFalse(place.fits(self.file(b"one\n" * 100)[0]))
        self.assertFalse(replace(place, offset=500).fits(fd))
        os.pwrite(fd, b"O", 0)
        self.assertFalse(place.fits(fd))
