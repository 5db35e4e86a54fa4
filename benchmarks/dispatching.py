"""What a dispatcher costs a message, and what it costs to remember where messages came from.

One dispatcher with two applications' connectors on a private real server carries messages of each
kind, with and without its memory. The last line is what a remembered route takes up in the server.
"""

from __future__ import annotations

from time import perf_counter, process_time
from typing import Any

from benchmarks.measuring import Size, given, run, show, written
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.client import Client
from pipeline.codec import Codec
from pipeline.delivery import Post
from pipeline.dispatchers import SimpleDispatchRouter
from pipeline.message import EventMessage, UserMessage
from pipeline.testing.server import shared_server, unique_namespace
from pipeline.worker import Runtime

SIZES = {"messages": Size(10_000, 200, "how many of each kind")}
OPTIONS = {
    "receive_inbound_connectors": ["web"],
    "receive_outbound_connectors": ["menu", "news"],
    "route_mappings": {"web": ["menu"]},
    "max_in_flight": 400,
}
BACK = {"switch": ["menu", "default"]}
#: What is measured: a name, the queue, and how long routes are remembered.
CASES = (
    ("inbound", "web.inbound", "7d"),
    ("outbound, not remembered", "menu.outbound", "0"),
    ("outbound, remembered", "menu.outbound", "7d"),
    ("event with its way back", "web.event", "0"),
    ("event, looked up", "web.event", "7d"),
)


def message(number: int) -> UserMessage:
    """A message as it usually is."""
    return UserMessage(
        to_addr="1234",
        from_addr=f"+27831234{number % 1000:03}",
        transport_name="web",
        transport_type="sms",
        content="What the user has to say, in some eighty letters, which is as long as most are.",
    )


async def carried(reactor: Any, queue: str, messages: list[Any], memory: str, space: str) -> Any:
    """Seconds on the clock and of the processor that the dispatcher took for these messages."""
    broker = RedisBroker(shared_server(), reactor, namespace=space)
    await broker.start()
    options = {**OPTIONS, "expire_routing_memory": memory}
    worker = SimpleDispatchRouter("switch", options, Runtime(broker, Codec(), reactor, space))
    posts = [Post(queue, Codec().encode(each)) for each in messages]
    for at in range(0, len(posts), 500):
        await broker.publish(posts[at : at + 500])
    wall, cpu = perf_counter(), process_time()
    await worker.start_worker()
    while sum((await broker.depth(queue))[:2]):
        pass
    took = perf_counter() - wall, process_time() - cpu
    await worker.stop_worker(5)
    await broker.stop()
    return took


async def route_bytes(reactor: Any, space: str, id: str) -> int:
    """What a remembered route takes up in the server."""
    client = Client(shared_server(), reactor)
    await client.start()
    taken = await client.execute("MEMORY", "USAGE", f"{{{space}:0}}:s:v:route:switch:{id}")
    await client.stop()
    return int(taken)


async def bench(reactor: Any, count: int) -> dict[str, Any]:
    """Run all cases; what they took."""
    space, rows = unique_namespace(), []
    sent = [message(number) for number in range(count)]
    events = [
        EventMessage(user_message_id=each.message_id, event_type="ack", sent_message_id="s")
        for each in sent
    ]
    for name, queue, memory in CASES:
        carrying = events if queue == "web.event" else sent
        for event in events:
            event.routing_metadata = {} if memory != "0" else {"came_from": BACK}
        wall, cpu = await carried(reactor, queue, carrying, memory, space)
        figures = {"messages/s": round(count / wall), "CPU us": round(cpu / count * 1e6)}
        rows.append({"what": name, **figures})
    return {"kinds": rows, "route_bytes": await route_bytes(reactor, space, sent[0].message_id)}


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("dispatching", __doc__, SIZES)

    async def within(reactor: Any) -> None:
        figures = await bench(reactor, options.messages)
        show(figures["kinds"])
        print(f"a route takes {figures['route_bytes']} bytes")
        written(options.json, figures)

    run(within)


if __name__ == "__main__":
    main()
