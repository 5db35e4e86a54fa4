"""Foreign streams, lists and channels of a Redis: for producers and consumers of any language."""

from __future__ import annotations

from pipeline.transports.redis.transport import RedisTransport

__all__ = ["RedisTransport"]
