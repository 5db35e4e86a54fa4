"""A fast publisher and a slow consumer: what the publisher's memory does while it waits for room.

The publisher is a process of its own, that publishes as fast as it can, ``burst`` messages at a
time, with ``when_full: wait``. Its memory is looked at after half of the messages, when it keeps
all that it ever will (for a fail-over, see brokers/redis/publish.py), and at the end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from benchmarks.measuring import Size, given, run, show, written
from benchmarks.processes import ROOT, memory
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.message import UserMessage
from pipeline.worker import Runtime, Worker

SIZES = {
    "messages": Size(1_000_000, 2_000, "how many are published"),
    "depth": Size(10_000, 500, "how many may wait"),
    "burst": Size(2_000, 100, "how many are published at a time"),
}
NAMESPACE = "backpressure"
QUEUE = "sms.inbound"
#: The consumer rests so many seconds after each batch, which makes it the slower one.
BATCH, REST = 250, 0.04


class Publishing(Worker):
    """Publishes, and reads nothing."""

    def setup_connectors(self) -> None:
        self.own = self.setup_connector("sms", (), ("inbound",))

    async def burst(self, count: int, depth: int) -> None:
        """Publish so many messages at once, and wait until all are stored."""
        waiting = [
            self.own.publish(
                "inbound",
                UserMessage(
                    to_addr="1", from_addr=str(n), transport_name="sms", transport_type="sms"
                ),
                max_depth=depth,
                when_full="wait",
                full_timeout=600,
            )
            for n in range(count)
        ]
        await gatherResults(waiting)


async def publish(reactor: Any, url: str, messages: int, depth: int, burst: int) -> None:
    """The publisher: says in the end what it has seen."""
    broker = RedisBroker(Address.parse(url), reactor, namespace=NAMESPACE)
    worker = Publishing("publisher", {}, Runtime(broker, Codec(), reactor))
    await broker.start()
    await worker.start_worker()
    began, early, most, done = time.perf_counter(), 0.0, 0.0, 0
    while done < messages:
        await worker.burst(min(burst, messages - done), depth)
        done += burst
        if done >= messages / 2:
            early = early or memory()
            most = max(most, memory())
    seconds = time.perf_counter() - began
    await worker.stop_worker(1)
    await broker.stop()
    told = {"early_mb": early, "most_mb": most, "seconds": seconds}
    sys.stdout.write(json.dumps(told) + "\n")


async def measure(reactor: Any, messages: int, depth: int, burst: int) -> dict[str, float]:
    """Run a publisher against a slow consumer on a server of their own.

    :return: ``growth_mb`` and ``most_mb`` of the publisher, ``deepest`` of the queue, ``seconds``.
    """
    server = EmbeddedServer(reactor=reactor)
    await server.start()
    broker = RedisBroker(server.address, reactor, namespace=NAMESPACE)
    await broker.start()
    url = f"unix://{server.address.path}"
    numbers = (str(messages), str(depth), str(burst))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.backpressure", "--publisher", url, *numbers],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        deepest = await _consume(reactor, broker, messages)
        out, _ = await deferToThread(process.communicate, timeout=60)
    finally:
        process.kill()
        process.wait()
        await broker.stop()
        await server.stop()
    told = json.loads(out)
    return {
        "growth_mb": round(told["most_mb"] - told["early_mb"], 2),
        "most_mb": round(told["most_mb"], 1),
        "deepest": deepest,
        "seconds": round(told["seconds"], 1),
    }


async def _consume(reactor: Any, broker: RedisBroker, messages: int) -> int:
    """Take and settle them slowly; how deep the queue was at the most."""
    consumer = broker.consumer(QUEUE)
    await consumer.open()
    deepest = done = 0
    while done < messages:
        taken = await consumer.take(BATCH)
        if done % (4 * BATCH) < BATCH:
            depth = await broker.depth(QUEUE)
            deepest = max(deepest, depth.waiting + depth.in_hand)
        await consumer.settle(taken)
        done += len(taken)
        await deferLater(reactor, REST)
    await consumer.close()
    return deepest


def main() -> None:
    """Do what the command line says."""
    if sys.argv[1:2] == ["--publisher"]:
        url, *numbers = sys.argv[2:]
        messages, depth, burst = map(int, numbers)
        run(lambda reactor: publish(reactor, url, messages, depth, burst))
        return
    options = given("backpressure", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        figures = await measure(reactor, options.messages, options.depth, options.burst)
        show([figures])
        written(options.json, {"messages": options.messages, **figures})

    run(within)


if __name__ == "__main__":
    main()
