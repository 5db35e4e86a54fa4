"""What it costs to count and time messages for Prometheus.

The hop of the benchmark of hops, five middlewares and a reply, in one process with a server of its
own: ``off`` without a meter, ``on`` with the one of a default configuration, where one message of a
hundred is timed, ``each`` with every message timed. They run in turn, on the same messages; figures
are medians of the rounds, ratios are to ``off``. CPU is this process's, in microseconds a message.
"""

from __future__ import annotations

import time
from typing import Any

from twisted.internet.defer import gatherResults

from benchmarks.hops import MESSAGE, Gate, Sink, options
from benchmarks.measuring import Rounds, Size, Steps, measure
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.message import UserMessage
from pipeline.observe.meter import Meter
from pipeline.worker import Runtime

SIZES = {
    "messages": Size(20_000, 200, "messages of a round"),
    "rounds": Size(7, 1, "how many rounds"),
}
#: Of so many messages one is timed; 0: nothing is counted.
WAYS = {"off": 0, "on": 100, "each": 1}
AT_ONCE = 500


class Way:
    """One way, on a namespace of its own.

    :param broker: whose workers it has.
    :param sample: as of WAYS.
    """

    def __init__(self, broker: RedisBroker, sample: int) -> None:
        self._broker = broker
        meter = Meter(sample, time.time) if sample else None
        runtime = Runtime(broker, Codec(), broker.clock, broker.namespace, meter=meter)
        self._gate = Gate("gate", {}, runtime)
        self._sink = Sink("sink", options(), runtime)

    async def start(self) -> None:
        """Make everything ready; nothing is read yet."""
        await self._broker.start()
        await self._gate.start_worker()
        await self._sink.start_worker()

    async def stop(self) -> None:
        """Stop everything."""
        await self._sink.stop_worker(5.0)
        await self._gate.stop_worker(5.0)
        await self._broker.stop()

    async def timed(self, name: str, count: int, figures: Rounds) -> None:
        """One round: the handling of so many messages that wait."""
        await self._sink.pause_connectors()
        messages = [UserMessage(**MESSAGE) for _ in range(count)]
        for start in range(0, count, AT_ONCE):
            some = messages[start : start + AT_ONCE]
            await gatherResults([self._gate.gate.publish("inbound", each) for each in some])
        handled = self._sink.expect(count, "publish")

        async def work() -> None:
            self._sink.unpause_connectors()
            await handled
            while sum((await self._broker.depth("bench.inbound"))[:2]):
                pass

        await figures.timed(name, count, work)
        outbound = self._broker.layouts[0].stream("bench.outbound")
        await self._broker.client.execute("DEL", outbound)


async def measured(
    reactor: Any, address: Address, messages: int, rounds: int
) -> list[dict[str, Any]]:
    """A row for each way."""
    ways = {
        name: Way(RedisBroker(address, reactor, namespace=f"bench-{name}"), sample)
        for name, sample in WAYS.items()
    }
    for way in ways.values():
        await way.start()
    figures, steps = Rounds(), Steps(rounds)
    for number in range(rounds):
        for name, way in ways.items():
            await way.timed(name, messages, figures)
        steps.done(f"round {number + 1}")
    for way in ways.values():
        await way.stop()
    return [row(figures, name) for name in WAYS]


def row(figures: Rounds, name: str) -> dict[str, Any]:
    """What was measured of one way."""
    return {
        "metrics": name,
        "per second": round(figures.median(name, "rate")),
        "CPU us": round(figures.median(name, "cpu"), 2),
        "more CPU us": round(figures.median(name, "cpu") - figures.median("off", "cpu"), 2),
        "CPU ratio": round(figures.ratio(name, "off", "cpu"), 3),
    }


def main() -> None:
    """Parse the arguments, run, print."""
    measure("metrics", __doc__, SIZES, measured)


if __name__ == "__main__":
    main()
