"""Whether a server keeps what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from pipeline.errors import ServerRefused

if TYPE_CHECKING:
    from pipeline.brokers.redis.client import Client

__all__ = ["OLDEST", "server_checks"]

#: The oldest server that has every command we use.
OLDEST = (6, 2)

_log = Logger()


def server_checks(client: Client) -> Deferred[None]:
    """Refuse a server that is too old, or set up to throw messages away.

    What the ACL keeps us from seeing is not checked; a warning says so.

    :returns: fires when all is well; fails with :exc:`ServerRefused`, whose text says what to
        run, or with :exc:`BrokerUnavailable`.
    """
    return Deferred.fromCoroutine(_check(client))


async def _check(client: Client) -> None:
    replies = await client.execute_many([("INFO", "server"), ("INFO", "memory")])
    server, memory = map(_fields, replies)
    _check_version(server.get("redis_version"))
    _check_policy(memory.get("maxmemory_policy"))


def _fields(reply: Any) -> dict[str, str]:
    if not isinstance(reply, bytes):
        return {}
    lines = reply.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _check_version(version: str | None) -> None:
    if version is None:
        _log.warn("can't see the server's version (INFO is refused); it must be 6.2 or newer")
        return
    if tuple(int(n) for n in version.split(".")[:2] if n.isdigit()) < OLDEST:
        raise ServerRefused(f"the server is Redis {version}; 6.2 or newer is needed")


def _check_policy(policy: str | None) -> None:
    if policy is None:
        _log.warn("can't see maxmemory-policy (INFO is refused); it must be noeviction")
        return
    if policy != "noeviction":
        raise ServerRefused(
            f"maxmemory-policy is {policy}, so the server would throw messages away when its"
            " memory is full; run: CONFIG SET maxmemory-policy noeviction"
            " (and put it into the server's configuration file)"
        )
