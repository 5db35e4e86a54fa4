"""Why a client is not who it says, or has to wait."""

from __future__ import annotations

__all__ = ["Busy", "Denied", "TooManyFailures", "Unknown"]


class Denied(Exception):
    """A client may not do what it wants to.

    :param reason: for the client, as text.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unknown(Denied):
    """It has not said who it is, or not rightly."""


class TooManyFailures(Denied):
    """Clients of its address have failed too often.

    :param retry_after: seconds, whole.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many failed attempts: come again in {retry_after} s")
        self.retry_after = retry_after


class Busy(Denied):
    """Too many passwords are being checked."""
