"""Where in which file somebody has got to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

__all__ = ["Place", "head_of"]

#: How many of its first bytes tell a file from another that has got its number.
HEAD = 256


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a file, which is known by its number on its device and by how it begins.

    :param device: the file's device.
    :param inode: its number there.
    :param offset: the byte to go on with.
    :param head: a digest of the file's first bytes, of as many as were read, :data:`HEAD` at most.
    """

    device: int
    inode: int
    offset: int = 0
    head: str = ""

    def encode(self) -> bytes:
        """As it is kept in the store."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Place:
        """From what :meth:`encode` has made.

        :raise ValueError: it isn't that.
        """
        return msgspec.json.decode(data, type=cls)

    def fits(self, fd: int) -> bool:
        """Whether an open file is this one, and still has all that was read of it."""
        known = os.fstat(fd)
        return (
            (known.st_dev, known.st_ino) == (self.device, self.inode)
            and known.st_size >= self.offset
            and head_of(fd, self.offset) == self.head
        )


def head_of(fd: int, size: int) -> str:
    """A digest of how a file begins.

    :param size: how much of it is known not to change any more.
    """
    known = os.pread(fd, min(size, HEAD), 0)
    return blake2b(known, digest_size=8).hexdigest() if known else ""
