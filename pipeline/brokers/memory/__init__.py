"""The reference broker, in memory: see :mod:`pipeline.brokers.memory.broker`.

``server`` is what brokers share, ``shard`` a partition, ``stream`` a queue, ``keyspace`` the store.
"""

from pipeline.brokers.memory.broker import (
    MemoryBroker,
    MemoryConsumer,
    MemoryReader,
    MemoryServer,
)

__all__ = ["MemoryBroker", "MemoryConsumer", "MemoryReader", "MemoryServer"]
