"""How many lines a second a file transport publishes, from a file and from a pipe, and writes.

Each round has a
server of its own, that keeps nothing on disk. ``read`` is until all lines are messages in the
queue; ``read, answer, write`` has an application in the same process that answers each, and is
until all answers are in a file.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from twisted.internet.task import deferLater

from benchmarks.measuring import Size, given, run, show, written
from pipeline.applications.base import Application
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.transports.file import FileTransport
from pipeline.worker import Runtime

SIZES = {
    "lines": Size(50_000, 500, "lines of a file"),
    "rounds": Size(3, 1, "how many rounds"),
}


class Answering(Application):
    """Answers each message."""

    async def consume_user_message(self, message: Any) -> None:
        """Answer it."""
        await self.reply_to(message, message.content)


def said(folder: Path, lines: int) -> Path:
    """A file with so many lines of 100 bytes or so."""
    path = folder / "said.jsonl"
    with open(path, "w", encoding="utf-8") as file:
        for n in range(lines):
            fields = {"content": f"line {n} " + "x" * 40, "from_addr": f"+4179{n % 1000:07}"}
            file.write(json.dumps(fields) + "\n")
    return path


async def once(reactor: Any, what: str, lines: int, folder: Path) -> float:
    """Seconds that it takes."""
    server = EmbeddedServer()
    server.start_now()
    broker = RedisBroker(server.address, reactor, namespace="replay")
    await broker.start()
    runtime = Runtime(broker, Codec(), reactor, "replay")
    path, out = said(folder, lines), folder / "out.jsonl"
    out.unlink(missing_ok=True)
    options: dict[str, Any] = {"read": str(path), "max_depth": 0}
    workers: list[Any] = []
    if what == "read, answer, write":
        options["write"] = str(out)
        workers.append(Answering("app", {"transport_name": "file"}, runtime))
    workers.append(FileTransport("file", {"transport_name": "file", **options}, runtime))
    if what == "read a pipe":
        options["read"] = "-"
        workers[-1] = FileTransport("file", {"transport_name": "file", **options}, runtime)
        os.dup2(os.open(path, os.O_RDONLY), 0)
    for worker in workers:
        await worker.start_worker()
    began = time.perf_counter()
    await workers[-1]._sources[0].ended
    while "write" in options and workers[-1].statistics.counts["messages_out"] < lines:
        await deferLater(reactor, 0.005)
    took = time.perf_counter() - began
    for worker in reversed(workers):
        await worker.stop_worker(5)
    await broker.stop()
    server.stop_now()
    return took


async def bench(reactor: Any, lines: int, rounds: int) -> list[dict[str, Any]]:
    """All of them, in turn, so that a slow moment of the machine is not one's alone."""
    whats = ("read", "read a pipe", "read, answer, write")
    taken: dict[str, list[float]] = {what: [] for what in whats}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for what in whats:
                taken[what].append(await once(reactor, what, lines, Path(folder)))
    return [
        {"what": what, "lines_per_second": round(lines / statistics.median(seconds))}
        for what, seconds in taken.items()
    ]


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("replay", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        rows = await bench(reactor, options.lines, options.rounds)
        show(rows)
        written(options.json, rows)

    run(within)


if __name__ == "__main__":
    main()
