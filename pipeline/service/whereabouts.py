"""Where a thread is, in words for a person: the line, and the message it has in hand."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import twisted

from pipeline.connector.handling import Inlet
from pipeline.middleware.chain import Chain

__all__ = ["in_hand", "place", "stack"]

#: What is no culprit by itself: the frameworks, and how the program was started.
_TWISTED, _OURS = f"{Path(twisted.__file__).parent}/", f"{Path(__file__).parents[1]}/"
#: Where a culprit waits, as in subprocess: who called it is named.
_LIBRARY = f"{Path(traceback.__file__).parent}/"
#: What is called like a user's code, though it comes with us, apart from the callers there.
_CALLED = tuple(f"{_OURS}{name}/" for name in ("demo", "middleware"))
_CALLERS = tuple(f"{_OURS}middleware/{name}.py" for name in ("chain", "stack"))


def place(frame: FrameType | None) -> str:
    """The line that a thread is at, as ``file.py:12, in function``.

    It is the innermost one of the code that the framework calls, if there is one.

    :param frame: the thread's current one.
    """
    innermost = next(_frames(frame), None)
    if innermost is None:
        return "nowhere"
    found = next((each for each in _frames(frame) if _is_outside(each)), innermost)
    return f"{found.f_code.co_filename}:{found.f_lineno}, in {found.f_code.co_qualname}"


def in_hand(frame: FrameType | None) -> str:
    """What is being done there, as ``middleware 'log' .. for <Delivery ..>``; '' if unknown.

    :param frame: the thread's current one.
    """
    told = {name: found for each in _frames(frame) for name, found in _told(each)}
    what = told.get("middleware") or told.get("task") or told.get("handler") or ""
    if what and "delivery" in told:
        return f"{what} for {told['delivery']}"
    return what or told.get("delivery", "")


def stack(frame: FrameType | None) -> str:
    """The whole traceback of a thread, as text."""
    return "".join(traceback.format_stack(frame))


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_outside(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    if file.startswith(_CALLED):
        return file not in _CALLERS
    if "site-packages" in file:
        return not file.startswith((_TWISTED, _OURS))
    return not file.startswith((_TWISTED, _OURS, _LIBRARY, "<frozen"))


def _told(frame: FrameType) -> Iterator[tuple[str, str]]:
    teller = _TELLERS.get(frame.f_code)
    if teller is not None:
        yield from teller(frame.f_locals)


def _of_chain(seen: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for step in seen["self"].steps:
        if step.handler is seen.get("handler"):
            yield "middleware", str(step)


def _of_inlet(seen: dict[str, Any]) -> Iterator[tuple[str, str]]:
    delivery, handler = seen["delivery"], seen.get("handler")
    yield "delivery", repr(delivery)
    task = getattr(delivery.message, "task", None)
    if isinstance(task, str):
        yield "task", f"task {task!r}"
    if handler is not None:
        yield "handler", f"handler {getattr(handler, '__qualname__', repr(handler))}"


_Teller = Callable[[dict[str, Any]], Iterator[tuple[str, str]]]
_TELLERS: dict[Any, _Teller] = {
    Chain.through.__code__: _of_chain,
    Chain._go_on.__code__: _of_chain,
    Inlet.process.__code__: _of_inlet,
    Inlet._process_when.__code__: _of_inlet,
    Inlet._finish.__code__: _of_inlet,
}
