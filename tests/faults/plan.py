"""What is to happen in a run; every process of it has the same plan, and so the same chances."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, dataclass

__all__ = ["FIRST", "OUT", "SECOND", "Plan"]

#: The queues of the chain: the transport feeds the first, the last application fills the last.
FIRST, SECOND, OUT = "front.inbound", "back.inbound", "out.outbound"


@dataclass(frozen=True)
class Plan:
    """What is to happen in a run.

    :param messages: how many are fed; their numbers count from 0.
    :param seed: of all that is random.
    :param feed: seconds over which they are fed.
    :param dead_after: see :class:`~pipeline.brokers.redis.broker.RedisBroker`.
    :param first: how many workers the first application has.
    :param second: how many the second has.
    :param busy: seconds that handling a message takes, at most.
    :param flaky: the share of first attempts that fail.
    :param doomed: every so many messages fail for good; 0: none.
    :param blocking: numbers whose handler blocks the reactor of the first application.
    :param block_for: for so many seconds.
    :param poison: numbers that kill the worker of the first application that handles them.
    :param max_deaths: with how many deaths a message is poison. By default never: workers are
        killed on purpose here, which is no fault of the messages.
    :param shared: keep the sum of all numbers by reading and writing a value.
    :param timed: some keep a schedule besides, see :mod:`tests.faults.timed`.
    :param chained: some run chains of tasks besides, see :mod:`tests.faults.chained`.
    :param isolated: some run tasks in child processes, see :mod:`tests.faults.isolated`.
    :param window: publish with a window of ids, as who may be killed must.
    :param proxied: all connections go through the proxy.
    :param broker: a name of :data:`tests.faults.broken.BROKERS`.
    :param deadline: seconds that a worker may take to finish what it has in hand when it stops.
    :param partitions: see :class:`~pipeline.brokers.redis.broker.RedisBroker`.
    :param limit: seconds after which the run is given up.
    """

    messages: int
    seed: int
    feed: float
    dead_after: float = 2.0
    beat_every: float = 0.2
    first: int = 3
    second: int = 2
    busy: float = 0.1
    in_flight: int = 100
    flaky: float = 0.0
    doomed: int = 0
    blocking: tuple[int, ...] = ()
    block_for: float = 0.0
    poison: tuple[int, ...] = ()
    max_deaths: int = 100_000
    shared: bool = False
    timed: bool = False
    chained: bool = False
    isolated: bool = False
    window: bool = False
    proxied: bool = False
    broker: str = "right"
    deadline: float = 2.0
    partitions: int = 1
    limit: float = 240.0
    namespace: str = "faults"

    @classmethod
    def parse(cls, text: str) -> Plan:
        """Read what :meth:`text` has written."""
        fields = json.loads(text)
        lists = {name: tuple(fields[name]) for name in ("blocking", "poison")}
        return cls(**{**fields, **lists})

    def text(self) -> str:
        """The plan for another process."""
        return json.dumps(asdict(self))

    def chance(self, *what: object) -> float:
        """A number from 0 to 1, the same for the same thing in every process."""
        return random.Random(f"{self.seed}:{what}").random()

    def doom(self, number: int) -> str | None:
        """The queue in which a message fails for good, if it does."""
        if number in self.poison:
            return FIRST
        if not self.doomed or number % self.doomed != self.doomed - 1:
            return None
        return FIRST if number // self.doomed % 2 else SECOND

    def fails(self, queue: str, number: int, attempt: int) -> bool:
        """Whether this attempt at a message fails."""
        if self.doom(number) == queue:
            return True
        return attempt < 3 and self.chance("fails", queue, number, attempt) < self.flaky

    def pause(self, queue: str, number: int) -> float:
        """Seconds that handling a message takes."""
        return self.busy * self.chance("pause", queue, number)
