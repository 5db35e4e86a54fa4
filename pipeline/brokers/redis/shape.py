"""Over how many partitions a queue that is read in order is spread: the same for everybody."""

from __future__ import annotations

from typing import Any

from pipeline.brokers.redis.client import Client, Script
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.patience import ask_patiently, run_patiently
from pipeline.errors import ConfigError, ServerRefused

__all__ = ["agree_on_partitions"]

_SHAPE = Script.load("shape.lua")


async def agree_on_partitions(
    client: Client, clock: Any, namespace: str, queue: str, partitions: int
) -> None:
    """See that a queue has as many partitions as it had, or is empty.

    With another number its keys would lie elsewhere: what waits in the old places could be
    overtaken there.

    :raise ConfigError: it has another number of partitions, and something is in it.
    """
    key = Layout(namespace, 0).shape(queue)
    known = ""
    while known != str(partitions):
        if known:
            await _refuse_unless_empty(client, clock, namespace, queue, int(known), partitions)
        args = [partitions, known]
        reply, _ = await run_patiently(client, clock, _SHAPE, [key], args)
        known = reply.decode()


async def _refuse_unless_empty(
    client: Client, clock: Any, namespace: str, queue: str, was: int, wanted: int
) -> None:
    commands: list[tuple[Any, ...]] = []
    for layout in (Layout(namespace, n) for n in range(max(was, wanted))):
        commands += [("XLEN", layout.stream(queue)), ("ZCARD", layout.delayed(queue))]
    what = f"looking into {queue}"
    replies, _ = await ask_patiently(client, clock, lambda: client.execute_many(commands), what)
    for reply in replies:
        if isinstance(reply, ServerRefused):
            raise reply
    if sum(replies):
        raise ConfigError(
            f"{queue} is read in order and holds {sum(replies)} messages in {was} partitions, so it"
            f" can't have {wanted}",
            hint=f"run it with 'partitions: {was}' until it is empty, then change it",
        )
