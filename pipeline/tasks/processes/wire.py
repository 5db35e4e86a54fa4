"""What a worker and its child processes say to each other, and how it lies on a pipe.

A frame is four bytes with its length and a message in msgpack. Arguments and results lie in it as
JSON, which is what they travel as elsewhere, and which has integers of any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

import msgspec

from pipeline.errors import PermanentFailure, PipelineError
from pipeline.observe.carrying import Carried

__all__ = [
    "CALLS",
    "CONTROL",
    "LARGEST",
    "REPORTS",
    "Answer",
    "BrokenFrame",
    "Call",
    "Factory",
    "Failed",
    "Frames",
    "FromChild",
    "OnControl",
    "Problem",
    "Progress",
    "Ready",
    "Returned",
    "Said",
    "Send",
    "Setup",
    "Tell",
    "ToChild",
    "Unready",
    "check_size",
    "framed",
]

#: The child's file descriptors: calls come in, reports go out, and what can't wait comes in.
CALLS, REPORTS, CONTROL = 3, 4, 5

#: The longest frame, in bytes. What is larger belongs into a file or a store.
LARGEST = 16 * 1024 * 1024

_HEAD = 4

#: How much larger than what it holds a frame may be, in bytes.
_AROUND = 1024


class Problem(msgspec.Struct, array_like=True):
    """An error, told to another process.

    :param names: its class and the bases of that, as ``module:qualified.name``.
    :param args: its ``args``, as JSON; empty if JSON can't say them.
    :param state: its attributes, as JSON; those that JSON can say.
    :param text: the error as text.
    :param traceback: where it comes from, as text.
    """

    names: list[str]
    args: bytes
    state: bytes
    text: str
    traceback: str = ""


class Factory(msgspec.Struct, array_like=True):
    """What makes a task middleware.

    :param dotted: where it is found.
    :param name: of its entry in the configuration, if it has options; else ''.
    :param options: as JSON; empty if it has none.
    """

    dotted: str
    name: str = ""
    options: bytes = b""


class Setup(msgspec.Struct, array_like=True, tag=True):
    """What a child is to be; the first that it is told.

    :param tasks: dotted paths of tasks, or of modules with tasks.
    :param middleware: what makes task middleware, the outermost first.
    :param worker: the name of the worker.
    :param preload: the dotted path of a function that is called once; '' for none.
    :param environment: variables to be set; None: to be removed.
    :param is_measured: whether its memory is measured after each call.
    """

    tasks: list[str]
    middleware: list[Factory]
    worker: str
    preload: str
    environment: dict[str, str | None]
    is_measured: bool


class Call(msgspec.Struct, array_like=True, tag=True):
    """Run this.

    :param number: counts the calls of a child.
    :param call: the :class:`~pipeline.tasks.current.CurrentTask`, as JSON.
    :param is_awaited: whether anybody wants to know what it returns.
    :param where: where in a trace it is; None: nothing is traced.
    """

    number: int
    call: bytes
    is_awaited: bool
    where: Carried | None = None


class Answer(msgspec.Struct, array_like=True, tag=True):
    """To a :class:`Send`: the ids of the calls that were sent, or why they were not.

    :param is_new: False when an equal call of a unique task was there already.
    """

    ids: list[str]
    is_new: bool = True
    problem: Problem | None = None


class Tell(msgspec.Struct, array_like=True, tag=True):
    """Raise this in the task of a call."""

    number: int
    problem: Problem


class Ready(msgspec.Struct, array_like=True, tag=True):
    """A child can run calls."""


class Unready(msgspec.Struct, array_like=True, tag=True):
    """A child can't run calls, and ends."""

    problem: Problem


class Returned(msgspec.Struct, array_like=True, tag=True):
    """A call has ended well.

    :param value: what it returned, as JSON.
    :param memory: how many bytes of memory the child has now; 0: not measured.
    """

    number: int
    value: bytes
    memory: int = 0


class Failed(msgspec.Struct, array_like=True, tag=True):
    """A call has raised something."""

    number: int
    problem: Problem
    memory: int = 0


class Said(msgspec.Struct, array_like=True, tag=True):
    """A line for the log.

    :param number: of the call in which it was said; 0: in none.
    :param level: the name of a level of :mod:`twisted.logger`.
    :param source: ``stdout``, ``stderr``, or the name of a logger.
    """

    number: int
    level: str
    source: str
    text: str


class Send(msgspec.Struct, array_like=True, tag=True):
    """Send a call of another task, or a chain of calls, with the call that runs.

    :param steps: of each its task's name, and its arguments as they travel: a list and a dict, as
        JSON.
    :param options: of a call's :class:`pipeline.tasks.options.SendOptions`.
    """

    number: int
    steps: list[tuple[str, bytes]]
    options: dict[str, Any] = {}


class Progress(msgspec.Struct, array_like=True, tag=True):
    """How far a call is.

    :param values: as JSON.
    """

    number: int
    values: bytes


ToChild = Setup | Call | Answer
OnControl = Tell
FromChild = Ready | Unready | Returned | Failed | Said | Send | Progress

_encode = msgspec.msgpack.Encoder().encode


class BrokenFrame(PipelineError):
    """What came is no frame of ours."""


def framed(message: Any) -> bytes:
    """A message as it lies on a pipe.

    :raise PermanentFailure: it is too large.
    """
    payload = _encode(message)
    check_size("a message", len(payload))
    return len(payload).to_bytes(_HEAD, "big") + payload


def check_size(what: str, size: int) -> None:
    """Check that something fits in a frame.

    :raise PermanentFailure: it doesn't; names it.
    """
    if size > LARGEST - _AROUND:
        raise PermanentFailure(
            f"{what} is too large to go to or from a child process: {size:,} bytes, where"
            f" {LARGEST - _AROUND:,} may go; leave it in a file or a store"
        )


T = TypeVar("T")


class Frames(Generic[T]):
    """Cuts what comes from a pipe into messages.

    :param kinds: a union of what may come.
    """

    def __init__(self, kinds: Any) -> None:
        self._decode = msgspec.msgpack.Decoder(kinds).decode
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[T]:
        """Give every message that is complete now.

        :raise BrokenFrame: that is no message, or a larger one than there may be.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while (end := self._end(start)) <= len(buffer):
                message = self._message(buffer[start + _HEAD : end])
                start = end
                yield message
        finally:
            del buffer[:start]

    def _end(self, start: int) -> int:
        head = self._buffer[start : start + _HEAD]
        size = int.from_bytes(head, "big") if len(head) == _HEAD else 0
        if size > LARGEST:
            raise BrokenFrame(f"a frame of {size:,} bytes")
        return start + _HEAD + size

    def _message(self, payload: bytearray) -> T:
        try:
            message: T = self._decode(payload)
        except msgspec.DecodeError as error:
            raise BrokenFrame(str(error)) from error
        return message
