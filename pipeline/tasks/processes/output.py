"""What a child writes without being asked to, as the last words of a crash, line by line."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.tasks.processes.speech import ALLOWED, LONGEST_LINE

__all__ = ["Output"]


class Output:
    """Cuts the bytes of a child's standard output or error into lines for the log.

    Of each call so much is logged as of what goes the usual way; the rest is counted.

    :param say: takes a level and a line.
    :param level: the name of the level.
    """

    def __init__(self, say: Callable[[str, str], None], level: str) -> None:
        self._say = say
        self._level = level
        self._begun = b""
        self._left = ALLOWED
        self._dropped = 0

    def begin(self) -> None:
        """A call begins."""
        self._tell_dropped()
        self._left = ALLOWED

    def end(self) -> None:
        """Nothing more will come."""
        self.feed(b"\n" if self._begun else b"")
        self._tell_dropped()

    def feed(self, data: bytes) -> None:
        """Log every line that is complete."""
        taken = data[: max(0, self._left)]
        self._left -= len(taken)
        self._dropped += len(data) - len(taken)
        *lines, self._begun = (self._begun + taken).split(b"\n")
        if len(self._begun) > LONGEST_LINE:
            lines.append(self._begun)
            self._begun = b""
        for line in lines:
            for start in range(0, len(line), LONGEST_LINE):
                part = line[start : start + LONGEST_LINE]
                self._say(self._level, part.decode("utf-8", "replace").rstrip("\r"))

    def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._say("warn", f"{dropped:,} more bytes were not logged")
