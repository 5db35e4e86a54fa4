"""A broker for programs without a reactor: it blocks, over redis-py.

Its methods return Deferreds that have fired already, so that code written for a reactor runs to its
end at once. It publishes, keeps the store, and reads the queues of its own process; it consumes no
other queue. Keys and scripts are those of :mod:`pipeline.brokers.redis`.
"""

from __future__ import annotations

from pipeline.brokers.blocking.broker import BlockingBroker

__all__ = ["BlockingBroker"]
