"""What a connection may take, and the words for how it ends."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Close", "Limits", "State"]


class Close:
    """Why a connection is closed, as RFC 6455 numbers it."""

    NORMAL = 1000
    GOING_AWAY = 1001
    UNSUPPORTED = 1003
    POLICY = 1008
    TOO_BIG = 1009
    ERROR = 1011
    TRY_LATER = 1013


class State(Enum):
    """How far a connection has come."""

    #: The request isn't there yet, or isn't decided on.
    CONNECTING = "connecting"
    OPEN = "open"
    #: One side has said that it closes.
    CLOSING = "closing"
    GONE = "gone"


class Limits(NamedTuple):
    """What a connection may take. Sizes in bytes, times in seconds.

    :param max_message: of a message.
    :param max_unread: of what waits for who doesn't read, beyond the first 64 kB.
    :param handshake_timeout: until it is decided on.
    :param ping_interval: of silence before a ping; 0: there are none.
    :param ping_timeout: for something to come after a ping, or for what is sent to be read.
    :param idle_timeout: without a message either way; 0: any.
    """

    max_message: int
    max_unread: int
    handshake_timeout: float
    ping_interval: float
    ping_timeout: float
    idle_timeout: float
