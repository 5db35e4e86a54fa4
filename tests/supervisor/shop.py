"""Tasks that a supervisor has trouble with."""

from __future__ import annotations

import os
import time
from pathlib import Path

from twisted.internet.task import deferLater

from pipeline import task

#: What is held in memory.
held: list[bytes] = []


def _say(line: str) -> None:
    """Say it in the file that the test reads; one write, so that lines stay whole."""
    with Path(os.environ["SHOP_SAID"]).open("a", encoding="utf-8") as said:
        said.write(f"{line}\n")


@task(name="count", queue="shop", reentrant=True)
async def count(number: int) -> int:
    """Take a moment, then tell that it is done."""
    from twisted.internet import reactor

    await deferLater(reactor, 0.05)  # type: ignore[arg-type]  # a module, for mypy
    _say(f"counted {number}")
    return number


@task(name="who", queue="shop")
async def who() -> int:
    """The process."""
    return os.getpid()


@task(name="hang", queue="shop", reentrant=True)
async def hang() -> None:
    """Hold up the reactor; not again, where this is run a second time."""
    if "hangs" in Path(os.environ["SHOP_SAID"]).read_text(encoding="utf-8"):
        return
    _say("hangs")
    time.sleep(120)


@task(name="hold", queue="shop")
async def hold(megabytes: int) -> int:
    """Take memory, and keep it."""
    held.append(b"x" * (megabytes * 1024**2))
    return os.getpid()
