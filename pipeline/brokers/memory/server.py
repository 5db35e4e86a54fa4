"""What memory brokers share, as processes share one Redis: the data, and who is alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pipeline.brokers.memory.shard import Shard
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pipeline.brokers.memory import MemoryBroker, MemoryConsumer

__all__ = ["MemoryServer"]


class MemoryServer:
    """What memory brokers share: the data, and one alarm on the clock.

    The alarm runs only while a broker is started, so that nothing is left on a stopped reactor.

    :param clock: an :class:`twisted.internet.interfaces.IReactorTime`.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._shards: dict[tuple[str, int], Shard] = {}
        self._living: dict[MemoryBroker, int] = {}
        self._silent: dict[str, int] = {}
        self._left: dict[str, tuple[MemoryBroker, int]] = {}
        self._spread: dict[tuple[str, str], int] = {}
        self._waiting: list[MemoryConsumer] = []
        self._alarm: IDelayedCall | None = None

    def now(self) -> int:
        """The time in milliseconds."""
        return round(self._clock.seconds() * 1000)

    def flush(self) -> None:
        """Lose all data, as Redis does at FLUSHALL; messages in hand can't be settled any more."""
        for shard in self._shards.values():
            shard.flush()

    def shard(self, namespace: str, partition: int) -> Shard:
        """The data of one partition."""
        place = (namespace, partition)
        if place not in self._shards:
            self._shards[place] = Shard(self.now)
        return self._shards[place]

    def spread(self, namespace: str, queue: str, partitions: int) -> None:
        """Remember over how many partitions a queue is spread that is read in order.

        :raise ConfigError: it was another number, and the queue is not empty.
        """
        was = self._spread.get((namespace, queue), partitions)
        if was != partitions:
            shards = (self.shard(namespace, n) for n in range(max(was, partitions)))
            held = sum(sum(shard.depth(queue)[:3]) for shard in shards)
            if held:
                raise ConfigError(
                    f"{queue} is read in order and holds {held} messages in {was} partitions, so it"
                    f" can't have {partitions}",
                    hint=f"run it with 'partitions: {was}' until it is empty, then change it",
                )
        self._spread[namespace, queue] = partitions

    # Who is here -------------------------------------------------------------------------------

    def join(self, broker: MemoryBroker) -> None:
        """A broker beats from now on, and watches whether the others do."""
        self._living[broker] = self.now()
        self._silent.pop(broker.worker_id, None)
        self._left.pop(broker.worker_id, None)
        self.refresh()

    def leave(self, broker: MemoryBroker) -> list[MemoryConsumer]:
        """A broker beats no more; what it has in hand stays so until others call it dead.

        :return: its consumers that waited for messages; they will be offered none.
        """
        since = self._living.pop(broker, None)
        if since is not None:
            self._silent[broker.worker_id] = self.now()
            self._left[broker.worker_id] = broker, since
        left = [consumer for consumer in self._waiting if consumer.broker is broker]
        self._waiting = [consumer for consumer in self._waiting if consumer.broker is not broker]
        self.refresh()
        return left

    def wait(self, consumer: MemoryConsumer) -> None:
        """Offer this consumer what comes."""
        self._waiting.append(consumer)

    def no_wait(self, consumer: MemoryConsumer) -> None:
        """This consumer waits no longer."""
        if consumer in self._waiting:
            self._waiting.remove(consumer)

    def beats(self, namespace: str) -> list[tuple[MemoryBroker, int, int]]:
        """Who is or was here, since when, and when it beat last, in ms."""
        living = [(broker, since, self.now()) for broker, since in self._living.items()]
        silent = [(*self._left[worker], then) for worker, then in self._silent.items()]
        return [each for each in living + silent if each[0].namespace == namespace]

    # What happens by itself --------------------------------------------------------------------

    def refresh(self) -> None:
        """Do what is due, hand out what has come, and set the alarm for what is next."""
        if self._living:
            self._mourn()
            self._clear()
            for shard in self._shards.values():
                shard.move_due()
        self.set_alarm()
        self._hand_out()

    def _mourn(self) -> None:
        for worker in [name for name in self._silent if self._dead_at(name) <= self.now()]:
            del self._silent[worker], self._left[worker]
            for shard in self._shards.values():
                shard.bereave(worker)

    def _clear(self) -> None:
        for broker in self._living:
            if broker.dead_letter_retention is None:
                continue
            for partition in range(broker.partitions):
                till = self.now() - round(broker.dead_letter_retention * 1000)
                self.shard(broker.namespace, partition).graves.clear(till)

    def _dead_at(self, worker: str) -> int:
        """When the first of the living will have seen no beat for long enough."""
        since = self._silent[worker]
        return min(
            max(since, born) + round(broker.dead_after * 1000)
            for broker, born in self._living.items()
        )

    def set_alarm(self) -> None:
        """Be there when something is due next."""
        if self._alarm is not None and self._alarm.active():
            self._alarm.cancel()
        self._alarm = None
        due = self._next()
        if due is not None:
            self._alarm = self._clock.callLater(max(1, due - self.now()) / 1000, self.refresh)

    def _next(self) -> int | None:
        if not self._living:
            return None
        delayed = (shard.next_due() for shard in self._shards.values())
        due = [when for when in delayed if when is not None]
        return min([*due, *map(self._dead_at, self._silent)], default=None)

    def _hand_out(self) -> None:
        """Offer what has come to who waits for it, first come, first served."""
        touched = {
            (place, queue) for place, shard in self._shards.items() for queue in shard.touched
        }
        for shard in self._shards.values():
            shard.touched.clear()
        for consumer in list(self._waiting):
            if (consumer.place, consumer.queue) in touched:
                consumer.offer()
