"""A worker in a process of its own, that takes messages and then behaves as it is told.

    python -m tests.brokers.redis.child SOCKET NAMESPACE HOW COUNT

It takes COUNT messages, prints ``taken``, and: ``block`` blocks its reactor for two seconds and
settles then; ``settle`` settles at the next line of its input; it prints what came of it.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.internet.threads import deferToThread

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker

BLOCKED = 2.0


def main(reactor: Any, path: str, namespace: str, how: str, count: str) -> Deferred[None]:
    return Deferred.fromCoroutine(_work(reactor, path, namespace, how, int(count)))


async def _work(reactor: Any, path: str, namespace: str, how: str, count: int) -> None:
    address = Address("unix", path=path)
    broker = RedisBroker(address, reactor, namespace=namespace, dead_after=0.5, beat_every=0.1)
    await broker.start()
    consumer = broker.consumer("work.inbound")
    await consumer.open()
    taken: list[Any] = []
    while len(taken) < count:
        taken += await consumer.take(count - len(taken))
    _say("taken")
    if how == "block":
        time.sleep(BLOCKED)
    else:
        await deferToThread(sys.stdin.readline)
    _say(" ".join(result.value for result in await consumer.settle(taken)))
    await broker.stop()


def _say(what: str) -> None:
    sys.stdout.write(what + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    react(main, sys.argv[1:])
