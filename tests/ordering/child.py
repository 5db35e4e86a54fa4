"""One worker: ``python -m tests.ordering.child URL NAMESPACE ORDERING PARTITIONS``.

It answers every message with its own text, in its own time, and fails now and then.
"""

from __future__ import annotations

import random
import sys
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from pipeline.codec import Codec
from pipeline.worker import Runtime, Worker

#: The longest that handling takes, in seconds, and how often it fails.
LONGEST, FAILS = 0.03, 0.08
DEAD_AFTER, BEAT = 0.6, 0.1
OPTIONS = {
    "max_in_flight": 25,
    "max_deaths": 1000,
    "retry": {"attempts": 1000, "base": 0.02, "cap": 0.2},
}


class Echo(Worker):
    """Answers after a while, or fails."""

    def setup_connectors(self) -> None:
        self.own = self.setup_connector("work", ("inbound",), ("outbound",))
        self.own.add_handler("inbound", self.handle)

    async def handle(self, message: Any) -> None:
        await deferLater(self.clock, random.random() * LONGEST)
        if random.random() < FAILS:
            raise ValueError("bad luck")
        await self.own.publish("outbound", message.reply(message.content))


def main(url: str, namespace: str, ordering: str, partitions: str) -> None:
    run(Echo, {**OPTIONS, "ordering": ordering}, url, namespace, partitions)


def run(
    cls: type[Worker], options: dict[str, Any], url: str, namespace: str, partitions: str
) -> None:
    """Run one worker until it is told to stop."""
    from twisted.internet import reactor as installed

    from pipeline.brokers.redis.address import Address
    from pipeline.brokers.redis.broker import RedisBroker
    from pipeline.service.process import stop_on_signals

    reactor: Any = installed
    broker = RedisBroker(
        Address.parse(url),
        reactor,
        namespace=namespace,
        partitions=int(partitions),
        dead_after=DEAD_AFTER,
        beat_every=BEAT,
    )
    worker = cls("echo", options, Runtime(broker, Codec(), reactor))

    async def start() -> None:
        await broker.start()
        await worker.start_worker()
        reactor.addSystemEventTrigger("before", "shutdown", lambda: Deferred.fromCoroutine(stop()))
        sys.stdout.write(f"{broker.worker_id}\n")
        sys.stdout.flush()

    async def stop() -> None:
        await worker.stop_worker(5)
        await broker.stop()

    stop_on_signals(reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(start()))
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
