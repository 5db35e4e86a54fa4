"""One hop, in one process on a server of its own, against a bare loop that does the same.

Publishing is held against the same XADDs by a bare client, whose payloads are encoded beforehand:
one by one, each when the one before is stored, and 500 at a time. Consuming has five middlewares,
and is held against reading 100, decoding, five plain calls, and one script that acknowledges,
deletes, publishes and writes. The two run in turn; figures are medians of the rounds, and so are
the ratios. CPU is this process's, in microseconds a message.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred

from benchmarks.bare import BareLoop
from benchmarks.measuring import Rounds, Size, Steps, measure
from pipeline.applications.base import Application
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.client import Client
from pipeline.codec import Codec
from pipeline.delivery import delivery_in_hand
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.worker import Runtime, Worker

SIZES = {
    "messages": Size(20_000, 300, "messages of a round; a tenth when they go one by one"),
    "rounds": Size(5, 1, "how many rounds"),
}
MESSAGE = {
    "to_addr": "+41791234567",
    "from_addr": "+41797654321",
    "transport_name": "bench",
    "transport_type": "sms",
    "content": "a message of an ordinary length, as people send them to each other all day long",
}
INBOUND, OUTBOUND = "{bench:0}:q:bench.inbound", "{bench:0}:q:bench.outbound"
AT_ONCE = 500
#: What each message does besides, by name; the values are the bare loop's word for it.
EFFECTS = {"acknowledge only": "", "with a reply": "publish", "with a reply and a write": "write"}
ONE_BY_ONE, BATCHED = "publish, one by one", "publish, 500 at a time"


class Numbering(BaseMiddleware):
    """Does on each message what the bare loop's plain calls do."""

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Write a number into the message."""
        message.helper_metadata["n"] = 1
        return message


class Gate(Worker):
    """Publishes what the sink reads."""

    def setup_connectors(self) -> None:
        """Make the connector that publishes."""
        self.gate = self.setup_connector("bench", (), ("inbound",))


class Sink(Application):
    """Handles messages; says when all have been handled."""

    effect = ""

    def expect(self, count: int, effect: str) -> Deferred[None]:
        """Fires when this many messages have been handled."""
        self.left, self.effect = count, effect
        self.done: Deferred[None] = Deferred()
        return self.done

    def consume_user_message(self, message: Any) -> None:
        """Have the effect of this round."""
        if self.effect:
            self.reply_to(message, "pong")
            if self.effect == "write":
                delivery_in_hand().store.set(f"number-{self.left % 1000}", b"0")
        self.left -= 1
        if not self.left:
            self.done.callback(None)


class Hop:
    """Workers and a bare client on the same server, and what was measured of both.

    :param client: the bare one.
    :param gate: publishes.
    :param worker: reads.
    :param figures: where to put what is measured; the bare loop's with ``bare`` before the name.
    """

    def __init__(self, client: Client, gate: Gate, worker: Sink, figures: Rounds) -> None:
        self._client = client
        self._broker = worker.broker
        self._publish = gate.gate.publish
        self._publish_many = gate.gate.publish_many
        self._worker = worker
        self._figures = figures

    async def publish(self, count: int) -> None:
        """One round of publishing."""
        await self._worker.pause_connectors()
        few = max(1, count // 10)
        payload = Codec().encode(UserMessage(**MESSAGE))
        add = ("XADD", "bare.inbound", "*", "m", payload)
        messages = [UserMessage(**MESSAGE) for _ in range(count)]
        gc.freeze()  # what is prepared here is not for the collector to look through each time

        async def bare_each() -> None:
            for _ in range(few):
                await self._client.execute(*add)

        async def each() -> None:
            for message in messages[:few]:
                await self._publish("inbound", message)

        await self._figures.timed(f"bare {ONE_BY_ONE}", few, bare_each)
        await self._figures.timed(ONE_BY_ONE, few, each)
        await self._emptied()
        await self._figures.timed(f"bare {BATCHED}", count, lambda: self._bare_batches(count))
        await self._figures.timed(BATCHED, count, lambda: self._publish_many("inbound", messages))
        gc.unfreeze()
        await self._emptied()

    async def consume(self, name: str, count: int) -> None:
        """One round of handling messages that wait."""
        effect = EFFECTS[name]
        await self._bare_batches(count)
        bare = BareLoop(self._client, "bare.inbound", "bare.outbound")
        await self._figures.timed(f"bare {name}", count, lambda: bare.run(count, effect))
        await self._client.execute("DEL", "bare.inbound", "bare.outbound")

        await self._worker.pause_connectors()
        await self._publish_many("inbound", [UserMessage(**MESSAGE) for _ in range(count)])
        handled = self._worker.expect(count, effect)

        async def work() -> None:
            self._worker.unpause_connectors()
            await handled
            while sum((await self._broker.depth("bench.inbound"))[:2]):
                pass

        await self._figures.timed(name, count, work)
        if effect and (await self._broker.depth("bench.outbound")).waiting != count:
            raise SystemExit("some messages were not answered")
        await self._client.execute("DEL", OUTBOUND)

    async def _bare_batches(self, count: int) -> None:
        payload = Codec().encode(UserMessage(**MESSAGE))
        for start in range(0, count, AT_ONCE):
            some = min(AT_ONCE, count - start)
            adds = [("XADD", "bare.inbound", "*", "m", payload)] * some
            await self._client.execute_many(adds)

    async def _emptied(self) -> None:
        """Leave nothing of what was published, nor of the groups that read it."""
        await self._client.execute("DEL", "bare.inbound")
        await self._client.execute("XTRIM", INBOUND, "MAXLEN", 0)


async def measured(
    reactor: Any, address: Address, messages: int, rounds: int
) -> list[dict[str, Any]]:
    """A row for each way of a hop."""
    broker = RedisBroker(address, reactor, namespace="bench")
    await broker.start()
    runtime = Runtime(broker, Codec(), reactor, "bench")
    gate, worker = Gate("gate", {}, runtime), Sink("sink", options(), runtime)
    await gate.start_worker()
    await worker.start_worker()
    client = Client(address, reactor)
    await client.start()
    figures, steps = Rounds(), Steps(rounds)
    hop = Hop(client, gate, worker, figures)
    for number in range(rounds):
        await hop.publish(messages)
        for name in EFFECTS:
            await hop.consume(name, messages)
        steps.done(f"round {number + 1}")
    await worker.stop_worker(5.0)
    await gate.stop_worker(5.0)
    await client.stop()
    await broker.stop()
    return [row(figures, name) for name in (ONE_BY_ONE, BATCHED, *EFFECTS)]


def options() -> dict[str, Any]:
    """The worker's: five middlewares, and no order."""
    listed = [{f"m{n}": "benchmarks.hops.Numbering"} for n in range(5)]
    return {
        "transport_name": "bench",
        "ordering": "none",
        "max_in_flight": 400,
        "middleware": listed,
    }


def row(figures: Rounds, name: str) -> dict[str, Any]:
    """What was measured of one way."""
    bare = f"bare {name}"
    return {
        "what": name,
        "per second": round(figures.median(name, "rate")),
        "bare": round(figures.median(bare, "rate")),
        "ratio": round(figures.ratio(name, bare, "rate"), 3),
        "CPU us": round(figures.median(name, "cpu"), 2),
        "bare CPU us": round(figures.median(bare, "cpu"), 2),
        "CPU ratio": round(figures.ratio(name, bare, "cpu"), 2),
    }


def main() -> None:
    """Parse the arguments, run, print."""
    measure("hops", __doc__, SIZES, measured)


if __name__ == "__main__":
    main()
