"""Lines of text over TCP, for telnet, netcat and every program that has a socket."""

from __future__ import annotations

from pipeline.transports.lines.transport import LinesTransport

__all__ = ["LinesTransport"]
