"""Asking again until the server has answered."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from pipeline.brokers.redis.client import Client, Script
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["ask_at_once", "ask_patiently", "run_patiently"]

_log = Logger()


async def ask_patiently(
    client: Client, clock: Any, ask: Callable[[], Deferred[Any]], what: str
) -> tuple[Any, bool]:
    """Ask what may be asked twice, however long the server is away.

    :param ask: sends it; called once for every try.
    :param what: what it is, for the log.
    :return: the reply, and whether an earlier try may have been carried out.
    :raise ServerRefused: the server refuses it for good.
    :raise BrokerUnavailable: the client has been stopped.
    """
    lost, pause = False, 0.05
    while True:
        was_sent = client.connected
        try:
            return await ask(), lost
        except BrokerUnavailable:
            lost = lost or was_sent
            if not client.connected:
                await client.when_up()
                continue
        except ServerRefused as error:
            if not error.is_passing:
                raise
            if pause == 0.8:
                _log.warn("{what} waits: {why}", what=what, why=str(error))
        await deferLater(clock, pause * random.uniform(0.5, 1.0))
        pause = min(2.0, pause * 2)


async def run_patiently(
    client: Client, clock: Any, script: Script, keys: list[bytes], args: list[Any]
) -> tuple[Any, bool]:
    """Run a script that may be run twice; see :func:`ask_patiently`."""
    return await ask_patiently(
        client, clock, lambda: client.run(script, keys, args), f"the script {script.name}"
    )


async def ask_at_once(client: Client, *commands: tuple[Any, ...]) -> list[Any]:
    """The replies to several commands that are sent together.

    :raise ServerRefused: one of them is refused.
    :raise BrokerUnavailable: there is no server now.
    """
    replies: list[Any] = await client.execute_many(commands)
    for reply in replies:
        if isinstance(reply, ServerRefused):
            raise reply
    return replies
