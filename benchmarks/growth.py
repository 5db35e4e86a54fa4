"""How the cost of a message grows: with queues, with what waits, with middlewares, with its size.

A worker in this process reads, decodes, handles and acknowledges, on a server of its own. One thing
at a time is made large: the queues that the worker reads, with messages spread over all of them;
the messages that wait behind those that are handled; the delayed ones that wait in the same queue;
the middlewares; the payload. Times are medians of the rounds in microseconds a message: on the
clock, of this process, and of the server. ``growth`` is how many times as long a message takes, on
the clock, as with the least of the same kind; ``CPU growth`` how many times this process's time.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

from twisted.internet.defer import Deferred

from benchmarks.measuring import Rounds, Size, Steps, given, run, show, written
from benchmarks.processes import private_server, served
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.message import UserMessage
from pipeline.service.collecting import collect_beyond
from pipeline.worker import Runtime, Worker

SIZES = {
    "messages": Size(5_000, 40, "how many messages are handled each time"),
    "rounds": Size(3, 1, "how many rounds"),
}
SERIES: dict[str, tuple[int, ...]] = {
    "queues": (1, 10, 100, 1_000),
    "waiting": (1, 1_000, 100_000, 1_000_000),
    "delayed": (0, 1_000, 10_000, 100_000),
    "middlewares": (1, 5, 10, 20),
    "payload": (100, 1_000, 10_000, 100_000, 1_000_000),
}
TINY: dict[str, tuple[int, ...]] = {
    "queues": (1, 3),
    "waiting": (1, 100),
    "delayed": (0, 50),
    "middlewares": (1, 2),
    "payload": (100, 10_000),
}
LEAST = {"queues": 1, "waiting": 0, "delayed": 0, "middlewares": 5, "payload": 100}
#: What a message has that is not its content; so many bytes of payloads are handled at the most.
ENVELOPE, MOST_BYTES = 350, 100_000_000
#: A queue gets at least so many, or its batches would be smaller than those of a single one.
EACH_QUEUE = 50
HOUR = 3_600_000
NAMESPACE = "growth"


class Reading(Worker):
    """Reads so many queues, and counts.

    :ivar queues: how many; to be set before it starts.
    """

    queues = 1
    left = 0

    def setup_connectors(self) -> None:
        """One connector for each queue."""
        for number in range(self.queues):
            connector = self.setup_connector(f"q{number}", ("inbound",), ())
            connector.set_default_handler("inbound", self._count)

    def expect(self, count: int) -> Deferred[None]:
        """Fires when so many messages have been handled, after which nothing more is read."""
        self.left = count
        self.done: Deferred[None] = Deferred()
        return self.done

    def _count(self, message: Any) -> None:
        self.left -= 1
        if not self.left:
            self.done.callback(None)


class Case:
    """One amount of one thing, on an empty server.

    :param broker: started.
    :param made: what is made large, and how large.
    """

    def __init__(self, broker: RedisBroker, **made: int) -> None:
        self._broker = broker
        self._sizes = {**LEAST, **made}

    async def cost(self, reactor: Any, messages: int) -> dict[str, float]:
        """Handle messages; microseconds of one: on the clock, of this process, of the server."""
        sizes = self._sizes
        count = max(sizes["queues"] * EACH_QUEUE, messages) if sizes["queues"] > 1 else messages
        count = max(5, min(count, MOST_BYTES // (sizes["payload"] + ENVELOPE)))
        worker = self._worker(reactor)
        await worker.start_worker()
        collect_beyond([worker])  # as a service does
        await worker.pause_connectors()
        await self._fill(count)
        handled = worker.expect(count)
        before = time.perf_counter(), time.process_time(), served(self._broker.address)
        worker.unpause_connectors()
        await handled
        after = time.perf_counter(), time.process_time(), served(self._broker.address)
        await worker.stop_worker(5.0)
        await self._broker.client.execute("FLUSHALL")
        wall, cpu, server = ((b - a) / count * 1e6 for a, b in zip(before, after, strict=True))
        return {"wall": wall, "cpu": cpu, "server": server}

    async def _fill(self, count: int) -> None:
        sizes = self._sizes
        content = "x" * max(1, sizes["payload"] - ENVELOPE)
        addresses = {"to_addr": "1", "from_addr": "2", "transport_name": "q", "transport_type": "t"}
        payload = Codec().encode(UserMessage(content=content, **addresses))
        names = [f"q{n}.inbound" for n in range(sizes["queues"])]
        for name in names:
            await self._add(name, payload, count // len(names) + sizes["waiting"])
        later = Post(names[0], payload, delay=HOUR)
        for start in range(0, sizes["delayed"], 500):
            await self._broker.publish([later] * min(500, sizes["delayed"] - start))

    async def _add(self, queue: str, payload: bytes, count: int) -> None:
        add = ("XADD", f"{{{NAMESPACE}:0}}:q:{queue}", "*", "m", payload)
        at_once = max(1, min(1000, 10_000_000 // len(payload)))
        for start in range(0, count, at_once):
            await self._broker.client.execute_many([add] * min(at_once, count - start))

    def _worker(self, reactor: Any) -> Reading:
        listed = [{f"m{n}": "benchmarks.hops.Numbering"} for n in range(self._sizes["middlewares"])]
        options = {"ordering": "none", "max_in_flight": 400, "middleware": listed}
        runtime = Runtime(self._broker, Codec(), reactor, NAMESPACE)
        worker = Reading("reading", options, runtime)
        worker.queues = self._sizes["queues"]
        return worker


async def measured(
    reactor: Any,
    address: Address,
    series: dict[str, tuple[int, ...]],
    messages: int,
    rounds: int,
) -> Rounds:
    """Every amount of everything, in turn."""
    figures, steps = Rounds(), Steps(rounds * sum(map(len, series.values())))
    await once(reactor, address, messages)  # what is slow only at first is nobody's
    for number in range(rounds):
        for what, amounts in series.items():
            for amount in amounts:
                cost = await once(reactor, address, messages, **{what: amount})
                figures.add(f"{what} {amount}", **cost)
                steps.done(f"round {number + 1}: {what} {amount:,}")
    return figures


async def once(reactor: Any, address: Address, messages: int, **made: int) -> dict[str, float]:
    """One case, with a broker of its own."""
    broker = RedisBroker(address, reactor, namespace=NAMESPACE)
    await broker.start()
    cost = await Case(broker, **made).cost(reactor, messages)
    await broker.stop()
    return cost


def rows_of(figures: Rounds, series: dict[str, tuple[int, ...]]) -> list[dict[str, Any]]:
    """A row for each amount."""
    return [
        {
            "what": what,
            "amount": amount,
            "us": round(figures.median(f"{what} {amount}", "wall"), 1),
            "CPU us": round(figures.median(f"{what} {amount}", "cpu"), 1),
            "server us": round(figures.median(f"{what} {amount}", "server"), 1),
            "growth": round(figures.ratio(f"{what} {amount}", f"{what} {amounts[0]}", "wall"), 2),
            "CPU growth": round(
                figures.ratio(f"{what} {amount}", f"{what} {amounts[0]}", "cpu"), 2
            ),
        }
        for what, amounts in series.items()
        for amount in amounts
    ]


def draw(file: str, rows: Sequence[dict[str, Any]]) -> None:
    """One plot for each thing that grows, as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    whats = list(dict.fromkeys(row["what"] for row in rows))
    figure, all_axes = pyplot.subplots(1, len(whats), figsize=(4 * len(whats), 3.5), sharey=False)
    for axes, what in zip(all_axes, whats, strict=True):
        mine = [row for row in rows if row["what"] == what]
        for cost, label in (("us", "on the clock"), ("CPU us", "worker"), ("server us", "server")):
            axes.plot(
                [max(1, row["amount"]) for row in mine],
                [row[cost] for row in mine],
                label=label,
                marker="o",
            )
        if what == "payload":
            axes.set(xscale="log", yscale="log", xlabel="payload, bytes")
        else:
            axes.set(xscale="log", xlabel=what, ylim=(0, None))
    all_axes[0].set_ylabel("microseconds a message")
    all_axes[0].legend()
    figure.tight_layout()
    figure.savefig(file, dpi=100, format="png")
    pyplot.close(figure)


def main() -> None:
    """Parse the arguments, run, print, draw."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--plot", metavar="FILE", help="draw it there, as a PNG")
        parser.add_argument(
            "--only",
            action="append",
            choices=SERIES,
            help="make only this grow; may be given again",
        )

    options = given("growth", __doc__, SIZES, more)
    if options.plot and find_spec("matplotlib") is None:
        raise SystemExit("--plot needs matplotlib: pip install 'txpipeline[bench]'")
    series = TINY if options.tiny else SERIES
    series = {what: series[what] for what in options.only or series}
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, OSError):  # each queue that is read has a connection of its own
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))

    async def bench(reactor: Any) -> None:
        figures = await measured(reactor, address, series, options.messages, options.rounds)
        rows = rows_of(figures, series)
        show(rows)
        written(options.json, rows)
        if options.plot:
            draw(options.plot, rows)
            print(f"drawn: {options.plot}", file=sys.stderr)

    with private_server() as address:
        run(bench)


if __name__ == "__main__":
    main()
