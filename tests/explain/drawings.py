"""Systems to be drawn."""

from __future__ import annotations

from pipeline.explain.graph import Graph, graph_of
from pipeline.explain.views import Chain, Hook, Queue, System, Worker

HOSTILE = '<a href="x">&\\"\x1b[2J'


def hook(name: str) -> Hook:
    return Hook(name, "m.H", "handle", None, "sync", (), "declared")


def worker(name: str, sort: str, *chains: Chain, cls: str = "m.Cls") -> Worker:
    known = {(chain.direction, chain.kind): chain for chain in chains}
    every = (
        known.get((direction, kind), Chain(direction, kind))
        for direction in ("consume", "publish")
        for kind in ("inbound", "outbound", "event", "failure", "status")
    )
    return Worker(name, cls, sort, chains=tuple(every))


def through_a_switch(name: str = "sms", middleware: str = "tidy") -> Graph:
    """A transport, a dispatcher, an application, and a queue that nobody reads."""
    tidy = Chain("publish", "inbound", (f"{name}.inbound",), hooks=(hook(middleware), hook("b")))
    return graph_of(
        System(
            "ns",
            (
                worker("shop", "application"),
                worker("switch", "dispatcher"),
                worker(name, "transport", tidy),
            ),
            (
                Queue(f"{name}.inbound", "inbound", (name,), ("switch",)),
                Queue(f"{name}.outbound", "outbound", ("switch",), (name,)),
                Queue("shop.inbound", "inbound", ("switch",), ("shop",)),
                Queue("shop.outbound", "outbound", ("shop",), ("switch",)),
                Queue(f"{name}.failures", "failure", (name,), ()),
            ),
        )
    )
