"""Real servers for tests: one that is shared by a whole process, and private ones."""

from __future__ import annotations

import atexit
import itertools
import os
import secrets
from collections.abc import Sequence

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.address import Address

__all__ = ["own_server", "shared_server", "unique_namespace"]

_numbers = itertools.count(1)
_shared: dict[int, EmbeddedServer] = {}


def shared_server() -> Address:
    """Give the address of a server that all tests of this process share.

    It is started at the first call, blocking for some 60 ms, and stopped when the process ends.
    Take keys from :func:`unique_namespace`, and leave its settings alone: a test that changes
    those, or stops it, takes :func:`own_server`.

    :raises EmbeddedServerError: there is no server to run.
    """
    pid = os.getpid()  # A forked child makes its own.
    if pid not in _shared:
        server = EmbeddedServer()
        server.start_now()
        _shared[pid] = server
        atexit.register(_stop, pid)
    return _shared[pid].address


def unique_namespace() -> str:
    """Make a namespace that no other test uses, in this process or another."""
    return f"test-{os.getpid()}-{next(_numbers)}-{secrets.token_hex(4)}"


def own_server(
    folder: str | None = None, *, binary: str | None = None, options: Sequence[str] = ()
) -> EmbeddedServer:
    """Start a server that a test may stop, kill, freeze or reconfigure; blocks for some 60 ms.

    The test stops it, with ``self.addCleanup(server.stop_now)``. ``kill_now`` crashes it, and
    ``start_now`` starts it again at the same address.

    :param folder: where its data is kept; None to keep none.
    :param binary: the server's binary; None to look for one.
    :param options: more arguments of the server.
    :raises EmbeddedServerError: there is no server to run, or it did not start.
    """
    server = EmbeddedServer(folder, binary=binary, options=options)
    server.start_now()
    return server


def _stop(pid: int) -> None:
    if pid == os.getpid():
        _shared.pop(pid).stop_now()
