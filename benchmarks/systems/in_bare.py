"""A loop without a framework: the shortest way of a call from one process to another."""

from __future__ import annotations

import os
from time import monotonic
from typing import Any

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from benchmarks.systems.noting import begun
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.client import Client, Script

LOOP = "twisted"
STREAM = "bare.calls"
AT_ONCE = 500
_READ = ("XREADGROUP", "GROUP", "bare", "me", "COUNT", 100, "BLOCK", 1000, "STREAMS", STREAM, ">")
_DONE = Script(
    "bare_done",
    """
    redis.call('XACK', KEYS[1], 'bare', unpack(ARGV))
    return redis.call('XDEL', KEYS[1], unpack(ARGV))
    """,
)
_open: list[Client] = []


async def open() -> None:
    """Connect."""
    from twisted.internet import reactor

    client = Client(Address("unix", path=os.environ["BENCHMARK_SOCKET"]), reactor)
    await client.start()
    _open.append(client)


async def close() -> None:
    """Let go."""
    await _open.pop().stop()


def _call() -> tuple[Any, ...]:
    return ("XADD", STREAM, "*", "m", msgspec.json.encode({"args": [monotonic()]}))


async def one(kind: str) -> None:
    """Send a call."""
    await _open[0].execute(*_call())


async def bulk(kind: str, count: int) -> None:
    """Send many, 500 at a time."""
    for start in range(0, count, AT_ONCE):
        await _open[0].execute_many([_call() for _ in range(min(AT_ONCE, count - start))])


async def noop(sent: float) -> None:
    """Do nothing."""
    begun(sent)


async def work() -> None:
    """Read, run, acknowledge; for ever."""
    await open()
    client = _open[0]
    await client.execute("XGROUP", "CREATE", STREAM, "bare", "0", "MKSTREAM")
    while True:
        reply = await client.execute_blocking(*_READ, seconds=1.0)
        if not reply:
            continue
        ids = []
        for id, (_, payload) in reply[0][1]:
            await noop(*msgspec.json.decode(payload)["args"])
            ids.append(id)
        await client.run(_DONE, [STREAM], ids)


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(work()))
