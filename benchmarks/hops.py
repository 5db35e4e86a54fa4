"""One hop: consume and settle, against the bare loop, in one process on a server of its own.

Run as ``python -m benchmarks.hops [--messages N] [--rounds N] [--json FILE]``. The two run in turn
on the same server; the last table has the medians of the rounds and of their ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from benchmarks.bare import BareLoop
from pipeline.applications.base import Application
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.client import Client
from pipeline.codec import Codec
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.worker import Runtime

MESSAGE = {
    "to_addr": "+41791234567",
    "from_addr": "+41797654321",
    "transport_name": "sms",
    "transport_type": "sms",
    "content": "a message of an ordinary length, as people send them to each other all day long",
}


class Numbering(BaseMiddleware):
    """Does on each message what the bare loop's plain calls do."""

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Write a number into the message."""
        message.helper_metadata["n"] = 1
        return message


class Sink(Application):
    """Counts messages; says when all have been settled."""

    replies = False

    def expect(self, count: int) -> Deferred[None]:
        """Fires when this many messages have been handled."""
        self.left = count
        self.done: Deferred[None] = Deferred()
        return self.done

    def consume_user_message(self, message: Any) -> None:
        """Answer, if this round is one with answers."""
        if self.replies:
            self.reply_to(message, "pong")
        self.left -= 1
        if not self.left:
            self.done.callback(None)


class Figures:
    """The rates and costs of both sides, a round after the other."""

    def __init__(self) -> None:
        self.rounds: dict[str, list[tuple[float, float]]] = {}

    async def measure(self, name: str, count: int, work: Callable[[], Awaitable[Any]]) -> None:
        """Time one side of one round."""
        wall, cpu = time.perf_counter(), time.process_time()
        await work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.rounds.setdefault(name, []).append((count / wall, cpu / count * 1e6))

    def table(self, pairs: list[tuple[str, str]]) -> list[dict[str, Any]]:
        """A row for each pair of ours and the bare loop's."""
        rows = []
        for ours, bare in pairs:
            mine, theirs = self.rounds[ours], self.rounds[bare]
            rows.append(
                {
                    "what": ours,
                    "per_second": round(statistics.median(rate for rate, _ in mine)),
                    "bare_per_second": round(statistics.median(rate for rate, _ in theirs)),
                    "ratio": round(
                        statistics.median(m[0] / t[0] for m, t in zip(mine, theirs, strict=True)),
                        3,
                    ),
                    "cpu_us": round(statistics.median(cpu for _, cpu in mine), 2),
                    "bare_cpu_us": round(statistics.median(cpu for _, cpu in theirs), 2),
                }
            )
        return rows


async def fill(client: Client, stream: str, count: int) -> None:
    """Put messages on a stream, as any publisher would."""
    payload = Codec().encode(UserMessage(**MESSAGE))
    left = count
    while left:
        batch = min(1000, left)
        await client.execute_many([("XADD", stream, "*", "m", payload)] * batch)
        left -= batch


async def empty(broker: RedisBroker, queue: str) -> None:
    """Wait until nothing of a queue is left."""
    while sum((await broker.depth(queue))[:2]):
        pass


async def bench(reactor: Any, messages: int, rounds: int) -> Figures:
    """Run the rounds on a private server."""
    server = EmbeddedServer(reactor=reactor)
    address = await server.start()
    figures = Figures()
    try:
        broker = RedisBroker(address, reactor, namespace="bench")
        await broker.start()
        worker = Sink("sink", config(), Runtime(broker, Codec(), reactor, "bench", False))
        await worker.start_worker()
        client = Client(address, reactor)
        await client.start()
        for number in range(rounds):
            for replies in (False, True):
                await one_round(figures, client, broker, worker, messages, replies)
            print(f"round {number + 1} of {rounds} done", file=sys.stderr)
        await worker.stop_worker(5.0)
        await client.stop()
        await broker.stop()
    finally:
        await server.stop()
    return figures


def config() -> dict[str, Any]:
    """The worker's configuration: five middlewares, no order."""
    names = [f"m{n}" for n in range(5)]
    return {
        "transport_name": "bench",
        "ordering": "none",
        "max_in_flight": 400,
        "middleware": [{name: "benchmarks.hops.Numbering"} for name in names],
    }


async def one_round(
    figures: Figures, client: Client, broker: RedisBroker, worker: Sink, count: int, replies: bool
) -> None:
    """The bare loop, then the framework, on as many messages."""
    what = "with a reply" if replies else "acknowledge only"
    await fill(client, "bare.inbound", count)
    bare = BareLoop(client, "bare.inbound", "bare.outbound")
    await figures.measure(f"bare, {what}", count, lambda: bare.run(count, replies))
    await client.execute("DEL", "bare.inbound", "bare.outbound")

    worker.replies = replies
    await worker.pause_connectors()
    await fill(client, "{bench:0}:q:bench.inbound", count)
    handled = worker.expect(count)

    async def work() -> None:
        worker.unpause_connectors()
        await handled
        await empty(broker, "bench.inbound")

    await figures.measure(what, count, work)
    if replies:
        assert (await broker.depth("bench.outbound")).waiting == count
    await client.execute("DEL", "{bench:0}:q:bench.outbound")


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    head = ("consume and settle", "messages/s", "bare/s", "ratio", "CPU us", "bare us")
    print("{:<20}{:>12}{:>12}{:>8}{:>9}{:>9}".format(*head))
    for row in rows:
        print("{:<20}{:>12,}{:>12,}{:>8.2f}{:>9.1f}{:>9.1f}".format(*row.values()))


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hops", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--messages", type=int, default=20_000, help="in a round (20000)")
    parser.add_argument("--rounds", type=int, default=5, help="how many (5)")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()

    async def run(reactor: Any) -> None:
        figures = await bench(reactor, options.messages, options.rounds)
        names = ("acknowledge only", "with a reply")
        rows = figures.table([(name, f"bare, {name}") for name in names])
        show(rows)
        if options.json:
            with open(options.json, "w", encoding="utf-8") as file:
                json.dump(rows, file, indent=2)

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


if __name__ == "__main__":
    main()
