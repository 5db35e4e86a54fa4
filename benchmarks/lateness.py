"""How late delayed messages are while many others wait: a look at the promise of 250 ms."""

from __future__ import annotations

import random
import statistics
import time
from typing import Any

from twisted.internet.defer import gatherResults

from benchmarks.measuring import Size, given, run, show, written
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.delivery import Post

QUEUE = "bench.inbound"
HOUR = 3_600_000
SIZES = {
    "waiting": Size(100_000, 100, "messages that wait"),
    "messages": Size(500, 3, "messages that are due soon"),
}


async def fill(broker: RedisBroker, count: int) -> None:
    """Have this many messages of 400 bytes wait for an hour."""
    post = Post(QUEUE, b"x" * 400, delay=HOUR)
    for start in range(0, count, 10_000):
        batches = range(start, min(start + 10_000, count), 500)
        await gatherResults([broker.publish([post] * min(500, count - at)) for at in batches])


async def measure(broker: RedisBroker, count: int) -> list[float]:
    """Publish messages due at random within five seconds; how late each comes, in ms."""
    consumer = broker.consumer(QUEUE)
    await consumer.open()
    for number in range(count):
        delay = random.randint(500, 5000)
        due = time.time() + delay / 1000
        await broker.publish([Post(QUEUE, repr(due).encode(), delay=delay, unique=str(number))])
    late: list[float] = []
    while len(late) < count:
        taken = await consumer.take(100)
        now = time.time()
        late += [(now - float(delivery.payload)) * 1000 for delivery in taken]
        await consumer.settle(taken)
    await consumer.close()
    return sorted(late)


async def bench(reactor: Any, waiting: int, count: int) -> dict[str, float]:
    """One run on a private server."""
    server = EmbeddedServer(reactor=reactor)
    address = await server.start()
    broker = RedisBroker(address, reactor, namespace="bench")
    try:
        await broker.start()
        await fill(broker, waiting)
        late = await measure(broker, count)
    finally:
        await broker.stop()
        await server.stop()
    return {
        "waiting": waiting,
        "messages": count,
        "earliest_ms": round(late[0], 1),
        "median_ms": round(statistics.median(late), 1),
        "p99_ms": round(late[int(len(late) * 0.99)], 1),
        "latest_ms": round(late[-1], 1),
    }


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("lateness", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        figures = await bench(reactor, options.waiting, options.messages)
        show([figures])
        written(options.json, figures)

    run(within)


if __name__ == "__main__":
    main()
