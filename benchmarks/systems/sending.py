"""Sends calls to a system, in a process of its own.

    python -m benchmarks.systems.sending MODULE KIND [each:COUNT|bulk:COUNT|paced:COUNT:RATE ..]

Does one after another, and prints a line of JSON for each: seconds, and the processor's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from time import monotonic, process_time
from typing import Any


async def sent(system: Any, kind: str, orders: list[str], sleep: Any) -> None:
    """Send as ordered, and say what it took."""
    await system.open()
    for order in orders:
        how, count, *rate = order.split(":")
        wall, cpu = monotonic(), process_time()
        if how == "each":
            for _ in range(int(count)):
                await system.one(kind)
        elif how == "bulk":
            await system.bulk(kind, int(count))
        else:
            await _paced(system, kind, int(count), float(rate[0]), sleep)
        print(json.dumps({"seconds": monotonic() - wall, "cpu": process_time() - cpu}))
    await system.close()


async def _paced(
    system: Any, kind: str, count: int, rate: float, sleep: Callable[[float], Awaitable[Any]]
) -> None:
    """As many as are due, then rest until the next is; they don't bunch when they are rare."""
    began, done = monotonic(), 0
    while done < count:
        due = min(count, int((monotonic() - began) * rate) + 1) - done
        await (system.one(kind) if due == 1 else system.bulk(kind, due))
        done += due
        await sleep(max(0.0, began + done / rate - monotonic()))


def main() -> None:
    """Run in the loop that the system wants."""
    module, kind, *orders = sys.argv[1:]
    system = import_module(f"benchmarks.systems.{module}")
    if system.LOOP == "asyncio":
        asyncio.run(sent(system, kind, orders, asyncio.sleep))
        return
    from twisted.internet.defer import Deferred
    from twisted.internet.task import deferLater, react

    def within(reactor: Any) -> Deferred[None]:
        sleep = partial(deferLater, reactor)
        return Deferred.fromCoroutine(sent(system, kind, orders, sleep))

    react(within)


if __name__ == "__main__":
    main()
