"""The one place for what all processes log."""

from __future__ import annotations

import json
import os
import threading
import time
from collections import deque
from contextlib import suppress
from typing import TextIO

__all__ = ["Output", "told_json", "told_text"]

#: Characters that may wait for whoever reads; beyond that lines are left out.
ROOM = 4 * 1024 * 1024
#: Seconds until a stream that doesn't block is tried again.
_AGAIN = 0.05


class Output:
    """Writes to a stream from a thread of its own, so that who writes never waits.

    When nobody reads the stream, as a terminal that is held, lines are kept up to a bound; how
    many were left out beyond it is written in their place.

    :param stream: where to; closed by nobody.
    :param room: characters that are kept.
    """

    def __init__(self, stream: TextIO, room: int = ROOM) -> None:
        self._stream = stream
        self._room = room
        self._waiting: deque[str] = deque()
        self._size = 0
        self._left_out = 0
        self._is_closed = False
        self._change = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="pipeline-output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Write a text of whole lines, soon."""
        with self._change:
            if self._size + len(text) > self._room:
                self._left_out += text.count("\n")
                return
            self._tell_left_out()
            self._waiting.append(text)
            self._size += len(text)
            self._change.notify()

    def flush(self) -> None:
        """For who takes this for a stream: it is written as soon as it can be."""

    def isatty(self) -> bool:
        """Whether a person sees it at once."""
        return self._stream.isatty()

    def close(self, seconds: float) -> None:
        """Wait until all is written, but only so long."""
        with self._change:
            self._is_closed = True
            self._tell_left_out()
            self._change.notify()
        self._thread.join(seconds)

    def _tell_left_out(self) -> None:
        if self._left_out:
            self._waiting.append(f"... {self._left_out:,} lines were left out\n")
            self._left_out = 0

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                text = "".join(self._waiting)
                self._waiting.clear()
            with suppress(OSError):  # nobody is there to read it
                _write(self._stream.fileno(), text.encode("utf-8", "replace"))
            with self._change:
                self._size = sum(map(len, self._waiting))


def told_text(number: int, line: bytes) -> str:
    """A process's line, with its number before it."""
    return f"[{number}] {line.decode('utf-8', 'replace')}\n"


def told_json(number: int, line: bytes) -> str:
    """A process's object of JSON, with the field ``process``; what is none becomes one."""
    if line.startswith(b'{"') and line.endswith(b"}"):
        return f'{{"process":{number},{line[1:].decode("utf-8", "replace")}\n'
    record = {"process": number, "level": "info", "message": line.decode("utf-8", "replace")}
    return json.dumps(record, separators=(",", ":")) + "\n"


def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody who shares the terminal has made it so
            time.sleep(_AGAIN)
