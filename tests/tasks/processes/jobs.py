"""Tasks for the tests, which run in processes of their own."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from twisted.logger import Logger

from pipeline.errors import (
    PermanentFailure,
    RetryLater,
    TaskCancelled,
    TemporaryFailure,
    WorkerShutdown,
)
from pipeline.tasks.current import current_task
from pipeline.tasks.registry import task
from pipeline.tasks.shutdown import PostponeShutdown
from pipeline.tasks.states.progress import report_progress
from tests.tasks import jobs

#: What :func:`preload` has left.
loaded: list[int] = []
#: What a process keeps.
hoard: list[bytes] = []


class Odd(Exception):
    """An error whose constructor takes other things than its args say."""

    def __init__(self, what: str, *, code: int) -> None:
        super().__init__(f"{what}!")
        self.code = code


class TakesOne(PermanentFailure):
    """A permanent failure that nobody else can make."""

    def __str__(self) -> str:
        return f"from {os.getpid()}"


def preload() -> None:
    """Note that it was called."""
    loaded.append(os.getpid())


def cannot() -> None:
    """Fail."""
    raise LookupError("no model here")


@task(queue="work", isolation="process")
def add(a: int, b: int = 0) -> int:
    """Add."""
    return a + b


@task(queue="work", isolation="process")
def echo(value: Any) -> Any:
    """Return what it was given."""
    return value


@task(queue="work", isolation="process")
def where() -> list[Any]:
    """Say where it runs."""
    call = current_task()
    assert call is not None
    is_reactor = "twisted.internet.reactor" in sys.modules
    return [os.getpid(), call.id, call.attempt, is_reactor, loaded, os.environ.get("PYTHONPATH")]


@task(queue="work", isolation="process")
def fail(kind: str) -> None:
    """Raise something."""

    class Local(TemporaryFailure):
        """Nobody else knows it."""

    errors: dict[str, BaseException] = {
        "value": ValueError("no", 3),
        "key": KeyError("gone"),
        "os": FileNotFoundError(2, "No such file", "x"),
        "unicode": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
        "surrogate": ValueError("\ud800"),
        "odd": Odd("odd", code=7),
        "one": TakesOne("me"),
        "local": Local("here"),
        "object": ValueError(object),
        "later": RetryLater(50, "busy"),
        "temporary": TemporaryFailure("not now"),
        "permanent": PermanentFailure("never"),
        "exit": SystemExit(3),
        "memory": MemoryError(),
    }
    raise errors[kind]


@task(queue="work", isolation="process")
def crash(how: str) -> None:
    """End the process."""
    if how == "segfault":
        ctypes.string_at(0)
    if how == "exit":
        os._exit(7)
    if how == "nonsense":
        os.write(4, b"\xff" * 64)
    os.kill(os.getpid(), signal.SIGKILL)


@task(queue="work", isolation="process", timeout=0.5)
def slow() -> None:
    """Take too long, whatever one says."""
    while True:
        try:
            time.sleep(60)
        except WorkerShutdown:
            continue


@task(queue="work", isolation="process")
def wait(flag: str) -> str:
    """Say in a file that it runs, then wait to be told to end; say that, too."""
    _note(flag, "runs")
    try:
        time.sleep(60)
    except WorkerShutdown as error:
        _note(flag, str(error))
        raise
    return "never told"


@task(queue="work", isolation="process", reentrant=True)
def wait_again(flag: str) -> str:
    """The same; may run twice."""
    return str(wait.function(flag))


@task(queue="work", isolation="process")
def stubborn(flag: str) -> None:
    """Say that it runs, and don't end when told."""
    _note(flag, str(os.getpid()))
    while True:
        try:
            time.sleep(60)
        except WorkerShutdown:
            _note(flag, "told")


@task(queue="work", isolation="process")
def saves(flag: str) -> str:
    """End well when told."""
    _note(flag, "runs")
    with suppress(WorkerShutdown):
        time.sleep(60)
    return "saved"


@task(queue="work", isolation="process")
def cancelled(flag: str) -> None:
    """Say that it runs, and that it is told to end."""
    _note(flag, "runs")
    try:
        time.sleep(60)
    except TaskCancelled as error:
        _note(flag, str(error))
        raise


@task(queue="work", isolation="process")
def deaf(flag: str) -> None:
    """Say which process runs it, and go on though it is cancelled."""
    _note(flag, str(os.getpid()))
    while True:
        with suppress(TaskCancelled):
            time.sleep(60)


@task(queue="work", isolation="process")
def reports() -> str:
    """Say how far it is."""
    for n in range(1000):
        report_progress(n + 1, 1000, f"the {n + 1}.")
    return "all"


@task(queue="work", isolation="process", timeout=2)
def starts(flag: str) -> None:
    """Start a process of its own, and take too long."""
    started = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    _note(flag, str(started.pid))
    time.sleep(60)


@task(queue="work", isolation="process")
def talk() -> None:
    """Print and log."""
    print("to you", end="")
    print(" all")
    print("in error", file=sys.stderr)
    logging.getLogger("shop").info("sold %d", 3)
    Logger(namespace="mill").warn("ground {what}", what="corn")
    os.write(1, b"raw\n")
    print("unfinished", end="")


@task(queue="work", isolation="process")
def shout(size: int, raw: bool) -> int:
    """Print very much."""
    line = b"x" * 99 + b"\n"
    for _ in range(size // 100):
        if raw:
            os.write(1, line)
        else:
            sys.stdout.write(line.decode())
    return size


@task(queue="work", isolation="process")
def large(size: int) -> str:
    """Return very much."""
    return "x" * size


@task(queue="work", isolation="process")
def strange() -> Any:
    """Return what can't travel."""
    return {1, 2}


@task(queue="work", isolation="process")
def keep(size: int) -> int:
    """Need memory from now on."""
    hoard.append(b"x" * size)
    return os.getpid()


@task(queue="work", isolation="process")
def sends(n: int) -> list[str]:
    """Send calls of another task; fail if n is 0."""
    ids = [jobs.add.send_from_thread(n, 1).id, jobs.add.send_from_thread(n, 2).id]
    if not n:
        raise KeyError("after sending")
    return ids


@task(queue="work", isolation="process")
def sends_wrong() -> str:
    """Send what can't be sent."""
    try:
        jobs.add.send_from_thread(*([1] * 9))
    except TypeError as error:
        return str(error)
    return "sent"


@dataclass
class Order:
    """What is ordered, and when it is due."""

    name: str
    due: date


@task(queue="work", isolation="process")
def order(asked: Order) -> tuple[str, date]:
    """Say what, and when it is late."""
    return asked.name, asked.due + timedelta(days=1)


@task(queue="work", isolation="process")
def awaits() -> Any:
    """Return something to wait for."""
    return jobs.wait.function()


def _note(flag: str, text: str) -> None:
    with Path(flag).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@task(isolation="process", reentrant=True)
def postpones(flag: str) -> None:
    """Finish a block although the worker stops, and no more."""
    with PostponeShutdown():
        Path(flag).touch()
        time.sleep(0.1)
        Path(f"{flag}.block").touch()
    Path(f"{flag}.behind").touch()
