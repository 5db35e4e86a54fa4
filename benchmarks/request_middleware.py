"""What each middleware of requests costs a request.

A whole page is asked for again and again of an application with this middleware, in memory, with a
delivery in hand as in a worker: processor time beyond that of the view alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from time import process_time, time
from typing import Any

from benchmarks.measuring import Size, given, run, show, written
from pipeline.applications.requests import RequestApplication
from pipeline.applications.routes import path
from pipeline.brokers.memory import MemoryBroker
from pipeline.codec import Codec
from pipeline.delivery import Delivery, current
from pipeline.middleware.sign_check import HEADER, signature
from pipeline.requests import Request, Response
from pipeline.worker import Runtime

SIZES = {
    "requests": Size(2_000, 20, "how many of each"),
    "rounds": Size(5, 1, "how often each is measured; the best counts"),
}
SECRET = "a secret of thirty-two characters"
PAGE = "<p>What a page has to say, in some words that are not always the same: {}</p>\n"
#: 8 kB, as a page may have.
CONTENT = "".join(PAGE.format(hash(number) % 997) for number in range(100))

CACHE = {"update": "cache.UpdateCacheMiddleware", "fetch": "cache.FetchFromCacheMiddleware"}
CASES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "nothing": ({}, {}),
    "cache, hits": (CACHE, {}),
    "common": ({"m": "common.CommonMiddleware"}, {"m": {"refuse_agents": ["bot", "spider"]}}),
    "conditional": ({"m": "conditional.ConditionalMiddleware"}, {}),
    "gzip": ({"m": "gzip.GZipMiddleware"}, {}),
    "json_response": ({"m": "json_response.JsonResponseMiddleware"}, {}),
    "locale": ({"m": "locale.LocaleMiddleware"}, {"m": {"languages": ["en", "de", "fr"]}}),
    "not_found": ({"m": "not_found.NotFoundMiddleware"}, {}),
    "sign_check": ({"m": "sign_check.SignCheckMiddleware"}, {"m": {"keys": {"k": SECRET}}}),
}
HEADERS = {
    "Host": "example.org",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept-Encoding": "gzip, deflate, br",
    "Accept-Language": "de-AT,de;q=0.9,en;q=0.8",
    "Cookie": "id=0123456789abcdef; language=fr",
}


async def view(request: Request) -> Response:
    """Give the page."""
    return Response(CONTENT, content_type="text/html; charset=utf-8")


async def application(reactor: Any, case: str) -> RequestApplication:
    """An application with one middleware, or with those that belong together."""
    listed, sections = CASES[case]
    broker = MemoryBroker(reactor)
    await broker.start()
    options = {
        "transport_name": "web",
        "routes": [path("/page", view)],
        "middleware": [{name: f"pipeline.middleware.{each}"} for name, each in listed.items()],
        **sections,
    }
    made = RequestApplication("site", options, Runtime(broker, Codec(), reactor))
    await made.start_worker()
    return made


async def spent(reactor: Any, case: str, count: int) -> float:
    """Microseconds of a request."""
    site = await application(reactor, case)
    at = int(time())
    requests = []
    for number in range(count):
        query = f"n={number}" if case == "sign_check" else ""
        signed = signature("k", SECRET.encode(), at, "GET", "/page", query)
        requests.append(Request("GET", "/page", query, {**HEADERS, HEADER: signed}))
    start = process_time()
    for number, request in enumerate(requests):
        delivery = Delivery("web.inbound", b"%d-0" % number, b"", reader=site.broker.reader())
        current.set(delivery)
        response = await site.respond(request)
        assert response.status == 200
        if not number:
            await delivery.store.commit()
    seconds = process_time() - start
    current.set(None)
    await site.stop_worker(1)
    await site.broker.stop()
    return seconds / count * 1e6


async def measured(
    reactor: Any, count: int, rounds: int, cases: Iterable[str]
) -> list[dict[str, Any]]:
    """A row for each middleware, after one for the view alone."""
    bare = min([await spent(reactor, "nothing", count) for _ in range(rounds)])
    rows = [{"middleware": "nothing: the view alone", "us, more": round(bare, 1)}]
    for case in cases:
        best = min([await spent(reactor, case, count) for _ in range(rounds)])
        rows.append({"middleware": case, "us, more": round(best - bare, 1)})
    return rows


def main() -> None:
    """Parse the arguments, run, print."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("middleware", nargs="*", help="which; all of them by default")

    options = given("request_middleware", __doc__, SIZES, more)
    if unknown := set(options.middleware) - set(CASES):
        raise SystemExit(f"no middleware {min(unknown)!r} here; there are {', '.join(CASES)}")
    cases = options.middleware or [case for case in CASES if case != "nothing"]

    async def within(reactor: Any) -> None:
        rows = await measured(reactor, options.requests, options.rounds, cases)
        show(rows)
        written(options.json, rows)

    run(within)


if __name__ == "__main__":
    main()
