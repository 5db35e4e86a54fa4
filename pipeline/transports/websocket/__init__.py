"""WebSocket: a session for each connection, with many messages both ways."""

from __future__ import annotations

from pipeline.transports.websocket.transport import WebSocketTransport

__all__ = ["WebSocketTransport"]
