"""The names of all keys; nothing else makes one up."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["GROUP", "TORN", "Layout"]

#: The one consumer group of every queue.
GROUP = "pipeline"
#: The group, and its consumer, that hold entries whose settlement failed half-way.
TORN = "_torn"
#: How many queues' keys are kept made.
REMEMBERED = 1024


class Layout:
    """The keys of one partition.

    The braces put everything that a message can touch into one slot of a Redis Cluster.

    :param namespace: what separates this system from others.
    :param partition: its number, from 0.
    """

    def __init__(self, namespace: str, partition: int) -> None:
        prefix = f"{{{namespace}:{partition}}}:"
        self._prefix = prefix
        self.beats = f"{prefix}w".encode()
        self.instances = f"{prefix}i".encode()
        #: Who those are that beat: a hash, worker -> since when and what it says of itself.
        self.cards = f"{prefix}b".encode()
        #: Those that died lately, by when that was found.
        self.gone = f"{prefix}g".encode()
        #: The names of all queues that were ever read here, but of no instance's.
        self.queues = f"{prefix}e".encode()
        #: The queues that an operator has paused; in partition 0, for all of them.
        self.pauses = f"{prefix}h".encode()
        # Bounded, since every instance that ever was has a queue of its own.
        self.stream = lru_cache(REMEMBERED)(self._stream)
        self.delayed = lru_cache(REMEMBERED)(self._delayed)
        self.moving = lru_cache(REMEMBERED)(self._moving)

    def _stream(self, queue: str) -> bytes:
        """The stream of a queue; of its dead letters when the name starts with ``!``."""
        if queue.startswith("!"):
            return self.dead(queue[1:])
        return f"{self._prefix}q:{queue}".encode()

    def _delayed(self, queue: str) -> bytes:
        return f"{self._prefix}d:{queue}".encode()

    def _moving(self, queue: str) -> tuple[bytes, bytes, bytes]:
        """The delayed messages of a queue, and where they go."""
        return self.delayed(queue), self.stream(queue), self.dead(queue)

    def dead(self, queue: str) -> bytes:
        """Dead letters; those of an instance's queue lie with its connector's."""
        return f"{self._prefix}x:{queue.partition('@')[0]}".encode()

    def dead_queue(self, key: bytes) -> str:
        """The queue whose dead letters lie under this key."""
        return key.decode("utf-8", "surrogateescape")[len(self._prefix) + 2 :]

    def receipt(self, order: str) -> bytes:
        """The answer to an operator's order, kept for when it is lost on the way."""
        return f"{self._prefix}r:{order}".encode()

    def token(self, queue: str) -> bytes:
        """What tells one life of a queue from the next."""
        return f"{self._prefix}t:{queue}".encode()

    def lease(self, queue: str) -> bytes:
        """Who reads a queue that is in order; see lease.lua."""
        return f"{self._prefix}l:{queue}".encode()

    def notes(self, queue: str) -> bytes:
        """The attempts of messages that wait in hand for their next one, by their ids."""
        return f"{self._prefix}a:{queue}".encode()

    def shape(self, queue: str) -> bytes:
        """Over how many partitions a queue that is in order is spread."""
        return f"{self._prefix}o:{queue}".encode()

    def window(self, queue: str) -> bytes:
        """Ids seen lately, for de-duplication at the edge."""
        return f"{self._prefix}u:{queue}".encode()

    def taken(self, queue: str) -> bytes:
        """When messages of a queue with a rate were taken lately."""
        return f"{self._prefix}n:{queue}".encode()

    def released(self, queue: str) -> bytes:
        """A stream with one entry, renewed when a queue with a limit has got room again."""
        return f"{self._prefix}k:{queue}".encode()

    def producer(self, producer: str) -> bytes:
        """The last number stored of each queue's messages of a producer."""
        return f"{self._prefix}p:{producer}".encode()

    def store(self, kind: str, key: str) -> bytes:
        """A user's key; its type is in its name, so that no write meets another type."""
        return f"{self._prefix}s:{kind}:{key}".encode()
