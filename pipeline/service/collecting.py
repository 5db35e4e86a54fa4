"""The garbage collector of a process that handles messages."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

__all__ = ["MOST", "SELDOM", "collect_beyond", "collect_seldom", "mind"]

#: When the collector looks at what is young: so many containers have been made since, and not let
#: go. Then how often it has looked before it looks at what is older, and at what is older still.
SELDOM = (20_000, 20, 50)
#: Containers for each message in hand that waits for its settlement; and how many are made, at the
#: most, before the collector looks, however much may be in hand.
EACH, MOST = 3, 200_000


def collect_seldom(reactor: Any) -> None:
    """Let the collector look less often, once the reactor runs.

    A message is a dozen containers, all of which are let go when it is settled, as nothing of
    the framework's names itself in a circle. Python's own setting looks at them every sixty
    messages, finds nothing, and takes a third of the time that a message needs. What was loaded
    until now stays for ever: it isn't looked at any more.

    :param reactor: the one that will run.
    """
    reactor.callWhenRunning(_seldom)


def collect_beyond(workers: Iterable[Any]) -> None:
    """Let the collector look only when more was made than what these may have in hand.

    Who reads a thousand queues that are all full has so much in hand that the collector looks at
    it again and again, for a sixth of the time that a message needs, and finds nothing.

    :param workers: all that have been started.
    """
    connectors = (each for worker in workers for each in worker.connectors.values())
    in_hand = sum(connector.max_in_flight for connector in connectors)
    gc.set_threshold(max(SELDOM[0], min(MOST, EACH * in_hand)), *SELDOM[1:])


def mind(system: Any) -> None:
    """Let the collector take account of what a system has in hand, once that is ready.

    :param system: a :class:`~pipeline.service.running.System` in a process that collects seldom.
    """

    def ready(is_ready: bool) -> bool:
        collect_beyond(system.workers.values())
        return is_ready

    system.ready.addCallback(ready)


def _seldom() -> None:
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
