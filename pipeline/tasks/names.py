"""Where workers say which tasks they have."""

from __future__ import annotations

__all__ = ["ANNOUNCED_EVERY", "FORGOTTEN_AFTER", "key_of"]

#: Seconds between two announcements of a worker.
ANNOUNCED_EVERY = 30.0

#: Seconds after which a name that nobody has announced again counts as gone.
FORGOTTEN_AFTER = 24 * 3600.0


def key_of(connector: str) -> str:
    """The hash in the store of partition 0: task name to when it was last announced.

    The time is in seconds since the epoch.
    """
    return f"tasks:{connector}"
