"""Asking again until the server has answered."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.task import deferLater
from twisted.logger import Logger

from pipeline.brokers.redis.client import Client, Script
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["PASSING", "run_patiently"]

#: What a server says when it can't do now what it could do later.
PASSING = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
    }
)
_log = Logger()


async def run_patiently(
    client: Client, clock: Any, script: Script, keys: list[bytes], args: list[Any]
) -> tuple[Any, bool]:
    """Run a script that may be run twice, however long the server is away.

    :return: its reply, and whether it had to be asked again after an answer that was lost.
    :raise ServerRefused: the server refuses it for good.
    """
    lost, pause = False, 0.05
    while True:
        try:
            return await client.run(script, keys, args), lost
        except BrokerUnavailable:
            lost = True
            if client.connected:
                pause = await _rest(clock, pause)
            else:
                await client.when_up()
        except ServerRefused as error:
            if error.code not in PASSING:
                raise
            if pause >= 1.0:
                _log.warn("{script} waits: {why}", script=script.name, why=str(error))
            pause = await _rest(clock, pause)


async def _rest(clock: Any, pause: float) -> float:
    await deferLater(clock, pause * random.uniform(0.5, 1.0))
    return min(2.0, pause * 2)
