"""The child's end of the pipes: reports go out whole, and answers come to who has asked."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Any

from pipeline.errors import PermanentFailure
from pipeline.tasks.processes.interruption import Interruption
from pipeline.tasks.processes.wire import Answer, Frames, ToChild, framed

__all__ = ["Channel"]

#: How much is read at once, in bytes.
PIECE = 64 * 1024


class Channel:
    """Talks with the worker; blocks. Any thread may report and ask.

    :param calls: the file descriptor that calls and answers come from.
    :param reports: the file descriptor for what goes to the worker.
    :param interruption: kept out while a frame is under way.
    """

    def __init__(self, calls: int, reports: int, interruption: Interruption) -> None:
        self._calls = calls
        self._reports = reports
        self._interruption = interruption
        self._frames: Frames[Any] = Frames(ToChild)
        self._came: deque[Any] = deque()
        self._writing = threading.Lock()
        self._asking = threading.Lock()

    def report(self, message: Any) -> None:
        """Tell the worker something.

        :raise PermanentFailure: it is too large; nothing was told.
        """
        frame = memoryview(framed(message))
        with self._interruption.held, self._writing:
            while frame:
                frame = frame[os.write(self._reports, frame) :]

    def ask(self, message: Any) -> Answer:
        """Tell the worker something, and wait for its answer.

        :raise PermanentFailure: it is too large, and nothing was told; or the worker has ended.
        """
        with self._interruption.held, self._asking:
            self.report(message)
            answer = self._receive()
        if not isinstance(answer, Answer):
            raise PermanentFailure("the worker has ended")
        return answer

    def next_call(self) -> Any:
        """Wait for the next message that is no answer; None when there will be none."""
        with self._asking:  # a thread that a call has left behind may still wait for an answer
            return self._receive()

    def _receive(self) -> Any:
        while not self._came:
            data = os.read(self._calls, PIECE)
            if not data:
                return None
            self._came += self._frames.feed(data)
        return self._came.popleft()
