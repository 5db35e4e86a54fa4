"""How many entries of a foreign stream or list become messages in a second.

One process reads what is there already, from one server to another: each entry is read, mapped,
published with a window of an hour or none, and acknowledged when it is stored. Each measurement is
a process of its own, since what one leaves in memory slows the next down.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from typing import Any

from twisted.internet.task import deferLater

from benchmarks.measuring import Size, given, run, show, written
from benchmarks.processes import ROOT
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.client import Client
from pipeline.codec import Codec
from pipeline.transports.redis import RedisTransport
from pipeline.worker import Runtime

SIZES = {
    "entries": Size(50_000, 300, "how many are there"),
    "batch": Size(200, 200, "how many are read at a time"),
}
NAMESPACE = "bench"
TEXT = "x" * 200
FIELDS = {"content": "text", "from_addr": "user"}
#: How many commands are sent at a time to fill the place.
FILLED_AT_ONCE = 1000


async def _fill(client: Client, kind: str, entries: int) -> None:
    for start in range(0, entries, FILLED_AT_ONCE):
        numbers = range(start, min(entries, start + FILLED_AT_ONCE))
        await client.execute_many([_entry(kind, n) for n in numbers])


def _entry(kind: str, n: int) -> tuple[Any, ...]:
    if kind == "stream":
        return ("XADD", "foreign", "*", "text", TEXT, "user", str(n))
    return ("RPUSH", "foreign", json.dumps({"text": TEXT, "user": str(n)}))


async def measure(
    reactor: Any, kind: str, entries: int, batch: int, window: float
) -> dict[str, Any]:
    """Entries a second from one server to another."""
    theirs, ours = EmbeddedServer(reactor=reactor), EmbeddedServer(reactor=reactor)
    await theirs.start()
    await ours.start()
    client = Client(theirs.address, reactor)
    await client.start()
    await _fill(client, kind, entries)
    broker = RedisBroker(ours.address, reactor, namespace=NAMESPACE)
    await broker.start()
    read = {kind: "foreign", "fields": FIELDS, "batch": batch, "dedup_window": window}
    options = {
        "transport_name": "orders",
        "url": f"unix://{theirs.address.path}",
        "read": read,
        "max_depth": 0,
    }
    transport = RedisTransport("orders", options, Runtime(broker, Codec(), reactor, NAMESPACE))
    began, processor = time.perf_counter(), time.process_time()
    await transport.start_worker()
    while transport.statistics.counts["published"] < entries:
        await deferLater(reactor, 0.005)
    seconds, processor = time.perf_counter() - began, time.process_time() - processor
    await transport.stop_worker(5)
    depth = await broker.depth("orders.inbound")
    kept = await broker.client.execute(
        "MEMORY", "USAGE", broker.layouts[0].window("orders.inbound"), "SAMPLES", 0
    )
    await broker.stop()
    await client.stop()
    await theirs.stop()
    await ours.stop()
    return {
        "what": kind,
        "window": window,
        "stored": depth.waiting,
        "per_second": round(entries / seconds),
        "window_bytes": round((kept or 0) / entries),
        "processor_us": round(processor / entries * 1e6, 1),
    }


def main() -> None:
    """Do what the command line says."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--one", nargs=2, metavar=("KIND", "WINDOW"), help=argparse.SUPPRESS)

    options = given("redis_transport", __doc__, SIZES, more)
    if options.one:
        run(lambda reactor: _one(reactor, options))
        return
    rows = []
    for kind, window in (("stream", "3600"), ("stream", "0"), ("list", "3600")):
        words = ["--entries", str(options.entries), "--batch", str(options.batch)]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.redis_transport", *words, "--one", kind, window],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        rows.append(json.loads(done.stdout))
    show(rows)
    written(options.json, rows)


async def _one(reactor: Any, options: argparse.Namespace) -> None:
    kind, window = options.one
    row = await measure(reactor, kind, options.entries, options.batch, float(window))
    print(json.dumps(row))


if __name__ == "__main__":
    main()
