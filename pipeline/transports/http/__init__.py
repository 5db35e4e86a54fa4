"""HTTP: messages and task calls as requests, replies as responses."""

from __future__ import annotations

from pipeline.transports.http.transport import HttpTransport

__all__ = ["HttpTransport"]
