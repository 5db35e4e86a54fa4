"""Files of lines: replayed as messages, and written from them."""

from __future__ import annotations

from pipeline.transports.file.transport import FileTransport

__all__ = ["FileTransport"]
