"""What a process needs around its service: clean ends on signals, and an exit status."""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from twisted.internet.error import ReactorNotRunning

__all__ = ["end_now", "end_soon", "exit_status_at_end", "stop", "stop_on_signals"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

#: Seconds within which a second signal is the same wish: some supervisors send it twice.
SAME = 1.0
#: Seconds from a second signal to the end.
LAST = 0.8
#: Seconds for the last words, which may have nobody who reads them.
WORDS = 0.5


def stop_on_signals(reactor: Any, hurry: Callable[[], object] | None = None) -> None:
    """Let SIGTERM and SIGINT stop the reactor in good order, and the process end with status 0.

    So does SIGHUP, by which a terminal that is closed is told of, unless somebody else heeds it,
    or nobody is to, as under ``nohup``.

    Twisted's own handlers make twistd die of the signal in the end, which a supervisor takes for
    a failure. A second signal, a second or more after the first, means now: what is in hand is
    handed back, and the process ends within :data:`LAST` seconds with status 128 and the signal's
    number. What could not be handed back by then goes to other workers as if it had crashed.

    :param reactor: the one that runs; its handlers are replaced once it has set them.
    :param hurry: called in the reactor's thread at the second signal, to hand back what is in
        hand; None: there is nothing.
    """
    first: list[float] = []

    def handle(number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not first:
            first.append(now)
            reactor.callFromThread(stop, reactor)
        elif now - first[0] >= SAME:
            words = f"pipeline: a second {signal.Signals(number).name}: ended at once"
            end_soon(reactor, hurry, 128 + number, words)

    def install() -> None:
        for number in _SIGNALS:
            signal.signal(number, handle)
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            signal.signal(signal.SIGHUP, handle)

    reactor.callWhenRunning(install)
    atexit.register(_ignore_signals)


def _ignore_signals() -> None:
    """All is done: an interpreter that takes itself apart would die of a signal."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_soon(reactor: Any, hurry: Callable[[], object] | None, status: int, words: str) -> None:
    """Hand back and end; at the latest when the time is over, even if the reactor is blocked.

    :param hurry: hands back what is in hand; None: there is nothing.
    :param status: the exit status.
    :param words: the last words, to standard error.
    """
    if hurry is None:
        end_now(status, words)
    # Of _thread, here and below: threading's own locks may be in the hand of who was interrupted.
    _thread.start_new_thread(_end_late, (status, words))
    exit_status_at_end(status, words)
    reactor.callFromThread(hurry)


def _end_late(status: int, words: str) -> None:
    time.sleep(LAST)
    end_now(status, words)


def stop(reactor: Any) -> None:
    """Stop a reactor, unless it has stopped or is about to."""
    with suppress(ReactorNotRunning):
        reactor.stop()


def exit_status_at_end(status: int, text: str) -> None:
    """End the process with this status when its main program has ended.

    For twistd, which has no exit status of its own: it ends with 0 even when its service could
    not start. Its log and pid file are in order by the time this takes effect.

    :param text: the last words, to standard error.
    """
    ending: list[bool] = []

    def end() -> None:
        if ending:
            return
        ending.append(True)
        # Whoever else waits for the end gets it now, since os._exit calls nobody.
        atexit._run_exitfuncs()
        end_now(status, text)

    atexit.register(end)


def end_now(status: int, text: str) -> None:
    """End the process at once with this status, and last words to standard error.

    Also from a signal's handler that has interrupted somebody in the middle of writing, and when
    nobody reads what is written: the words have :data:`WORDS` seconds.
    """
    told = _thread.allocate_lock()
    told.acquire()
    try:
        _thread.start_new_thread(_say, (text, told))
    except RuntimeError:  # the interpreter ends already, and starts no thread
        _say(text, told)
    told.acquire(timeout=WORDS)
    os._exit(status)


def _say(text: str, told: _thread.LockType) -> None:
    import sys

    for stream, words in ((sys.__stderr__, text + "\n"), (sys.__stdout__, "")):
        try:
            stream.write(words)  # type: ignore[union-attr]  # None in a daemon
            stream.flush()  # type: ignore[union-attr]  # None in a daemon
        except (AttributeError, OSError, RuntimeError, ValueError):
            pass  # a daemon has nobody to tell
    told.release()
