"""What each built-in middleware costs a message.

First the handlers alone, in memory: processor time. Then an application on a private real server,
with and without the middleware: what the round trips and writes add to a hop.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Iterable
from time import perf_counter
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from benchmarks.measuring import Size, given, run, show, written
from pipeline.applications.base import Application
from pipeline.brokers.memory import MemoryBroker
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.config.names import resolve
from pipeline.connector.handling import finished
from pipeline.delivery import Delivery, Post
from pipeline.eager import eager
from pipeline.message import UserMessage
from pipeline.testing.server import shared_server, unique_namespace
from pipeline.worker import Runtime, Worker

SIZES = {
    "messages": Size(20_000, 50, "messages of a hop"),
    "rounds": Size(3, 1, "how often each is measured; the best counts"),
}
KEY = base64.b64encode(bytes(32)).decode()
SECRET = "a secret of thirty-two characters"
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "dedup": ("dedup.DedupMiddleware", {}),
    "expiry": ("expiry.ExpiryMiddleware", {"ttl": "1h"}),
    "rate_limit": ("rate_limit.RateLimitMiddleware", {"limit": 1_000_000, "per": "1h"}),
    "signing, hmac-sha256": ("signing.SigningMiddleware", {"keys": {"k": SECRET}}),
    "signing, blake2b": (
        "signing.SigningMiddleware",
        {"keys": {"k": SECRET}, "algorithm": "blake2b"},
    ),
    "encryption": ("encryption.EncryptionMiddleware", {"keys": {"k": KEY}}),
    "address_translator": (
        "address_translator.AddressTranslationMiddleware",
        {"outbound_map": {"+1": "+27831234001"}},
    ),
    "provider_setter": (
        "provider_setter.AddressPrefixProviderSettingMiddleware",
        {
            "provider_prefixes": {"+27": "a", "+2783": "b"},
            "normalize_msisdn": {"country_code": "27"},
        },
    ),
    "tagger": (
        "tagger.TaggingMiddleware",
        {
            "incoming": {
                "addr_pattern": r"^\d(\d+)$",
                "tagpool_template": "pool",
                "tagname_template": r"tag-\1",
            },
            "outgoing": {"tagname_pattern": "tag-(.*)", "msg_template": {"from_addr": r"1\1"}},
        },
    ),
    "session_length": ("session_length.SessionLengthMiddleware", {}),
    "message_storing": ("message_storing.StoringMiddleware", {}),
}


def message(number: int) -> UserMessage:
    """A message as it usually is."""
    return UserMessage(
        to_addr="1234",
        from_addr=f"+27831234{number % 1000:03}",
        transport_name="sms",
        transport_type="sms",
        content="What the user has to say, in some eighty letters, which is as long as most are.",
        transport_metadata={"network": "net"},
    )


def made(case: str, worker: Any) -> Any:
    """A middleware that is set up."""
    dotted, options = CASES[case]
    middleware = resolve(f"pipeline.middleware.{dotted}")("m", options, worker)
    middleware.setup_middleware()
    return middleware


def at_once(passed: Any) -> Any:
    """The message that a handler returned, or has made without waiting."""
    return eager(passed) if passed.__class__.__name__ == "coroutine" else passed


def alone(case: str, count: int) -> tuple[float, float]:
    """Microseconds of a message's handler, as it goes out and as it is read."""
    clock = Clock()
    broker = MemoryBroker(clock)
    middleware = made(case, Worker("w", {}, Runtime(broker, Codec(), clock)))
    messages = [message(number) for number in range(count)]
    start = perf_counter()
    sent = [at_once(middleware.handle_publish_inbound(each, "sms")) for each in messages]
    out = perf_counter() - start
    for number, each in enumerate(sent):
        each._delivery = Delivery("sms.inbound", b"%d-0" % number, b"", reader=broker.reader())
        each._delivery.message = each
    handle = middleware.handle_consume_inbound
    start = perf_counter()
    for each in sent:
        at_once(handle(each, "sms"))
    return out / count * 1e6, (perf_counter() - start) / count * 1e6


class Sink(Application):
    """Counts."""

    def setup_application(self) -> None:
        self.left = 0
        self.done: Deferred[None] = Deferred()

    def consume_user_message(self, message: Any) -> None:
        self.left -= 1
        if not self.left:
            self.done.callback(None)


async def hop(reactor: Any, case: str, count: int) -> float:
    """Microseconds of a whole hop on a real server: read, decode, middleware, settle."""
    broker = RedisBroker(shared_server(), reactor, namespace=unique_namespace())
    await broker.start()
    codec = Codec()
    sender = made(case, Worker("w", {}, Runtime(broker, codec, reactor))) if case else None
    options: dict[str, Any] = {"transport_name": "sms"}
    if case:
        dotted, given = CASES[case]
        options |= {"middleware": [{"m": f"pipeline.middleware.{dotted}"}], "m": given}
    for at in range(0, count, 500):
        posts = []
        for number in range(at, at + 500):
            each = message(number)
            if sender is not None:
                each = await finished(sender.handle_publish_inbound(each, "sms"))
            posts.append(Post("sms.inbound", codec.encode(each)))
        await broker.publish(posts)
    sink = Sink("sink", options, Runtime(broker, codec, reactor))
    start = perf_counter()
    await sink.start_worker()
    sink.left = count
    await sink.done
    spent = perf_counter() - start
    await sink.stop_worker(5)
    await broker.stop()
    return spent / count * 1e6


async def measured(
    reactor: Any, count: int, rounds: int, cases: Iterable[str]
) -> list[dict[str, Any]]:
    """A row for each middleware, after one for a hop without any."""
    bare = min([await hop(reactor, "", count) for _ in range(rounds)])
    rows: list[dict[str, Any]] = [_row("none", 0.0, 0.0, bare)]
    for case in cases:
        few = max(1, count // 10)
        out, read = map(min, zip(*[alone(case, few) for _ in range(20)], strict=True))
        whole = min([await hop(reactor, case, count) for _ in range(rounds)])
        rows.append(_row(case, out, read, whole - bare))
    return rows


def _row(case: str, out: float, read: float, whole: float) -> dict[str, Any]:
    figures = {"publish us": out, "consume us": read, "hop us, more": whole}
    return {"middleware": case, **{name: round(us, 1) for name, us in figures.items()}}


def main() -> None:
    """Parse the arguments, run, print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("middleware", nargs="*", help="which; all of them by default")

    options = given("built_in_middleware", __doc__, SIZES, more)
    if unknown := set(options.middleware) - set(CASES):
        raise SystemExit(f"no middleware {min(unknown)!r} here; there are {', '.join(CASES)}")

    async def within(reactor: Any) -> None:
        rows = await measured(
            reactor, options.messages, options.rounds, options.middleware or CASES
        )
        show(rows)
        written(options.json, rows)

    run(within)


if __name__ == "__main__":
    main()
