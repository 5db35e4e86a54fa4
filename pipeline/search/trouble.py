"""An exception as it is searched for, and how to tell that two are the same."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from traceback import TracebackException

__all__ = ["Trouble"]

#: The most characters of a traceback that are kept; its end counts.
LONGEST_TRACEBACK = 16_000

#: The most characters of an exception's text.
LONGEST_MESSAGE = 2_000

#: The most frames of a traceback: the last ones.
FRAMES = 30

#: What differs between two occurrences of one mistake: what is quoted, ids, numbers.
_VARYING = re.compile(
    r"""(?P<quoted>'[^']{0,500}'|"[^"]{0,500}"|`[^`]{0,500}`)"""
    r"|(?P<number>\b(?:0x)?[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*\b)"
)
_FRAME = re.compile(r'File "([^"\n]{1,1000})", line [0-9]+, in ([^\n]{1,200})')


@dataclass(frozen=True)
class Trouble:
    """What is known of an exception.

    :param name: its class's name.
    :param message: its text.
    :param place: where it was raised, as ``shop.py:price``; '' when that isn't known.
    :param traceback: the whole of it, for a person.
    """

    name: str
    message: str = ""
    place: str = ""
    traceback: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Trouble:
        """What is known of an exception that was raised, here or in another process."""
        told = TracebackException.from_exception(error, limit=-FRAMES, compact=True)
        name, message = type(error).__name__, str(told)[:LONGEST_MESSAGE]
        remote = getattr(error, "remote_traceback", "")
        if remote and isinstance(remote, str):
            return cls(name, message, _last_place(remote), remote[-LONGEST_TRACEBACK:])
        text = "".join(told.format())[-LONGEST_TRACEBACK:]
        place = _place(told.stack[-1].filename, told.stack[-1].name) if told.stack else ""
        return cls(name, message, place, text)

    @classmethod
    def of_letter(cls, fields: Mapping[str, bytes]) -> Trouble:
        """What a dead letter tells of the exception that it died of.

        :param fields: as of :class:`pipeline.delivery.DeadLetterEntry`.
        """
        text = fields.get("traceback", b"").decode("utf-8", "replace")
        name, _, message = fields.get("error", b"").decode("utf-8", "replace").partition(": ")
        return cls(name, message[:LONGEST_MESSAGE], _last_place(text), text)

    @property
    def title(self) -> str:
        """Its class and its text, in a line."""
        return f"{self.name}: {self.message}" if self.message else self.name

    @property
    def likeness(self) -> str:
        """Its text without what differs between two occurrences of the same mistake."""
        return _VARYING.sub(lambda found: "'..'" if found["quoted"] else "N", self.message)

    @cached_property
    def fingerprint(self) -> str:
        """The same for the same mistake: of class, text without what varies, and place."""
        whole = "\n".join((self.name, self.likeness, self.place))
        return hashlib.blake2b(whole.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _last_place(traceback: str) -> str:
    """Where the last frame of a traceback is."""
    frames = _FRAME.findall(traceback)
    return _place(*frames[-1]) if frames else ""


def _place(filename: str, function: str) -> str:
    """Without the line's number: the code above it may change."""
    return f"{os.path.basename(filename)}:{function}"
