"""Checks passwords without holding up the reactor, and without saying which names there are."""

from __future__ import annotations

import hmac
import os
from collections import OrderedDict
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.identity.credentials import LONGEST, Password
from pipeline.identity.denied import Busy
from pipeline.identity.peers import Shares
from pipeline.threads import Threads

__all__ = ["Passwords"]

#: Slow checks at a time.
THREADS = 2

#: Slow checks that one address, and all together, may wait for.
MOST_PENDING_EACH = 10
MOST_PENDING = 100

#: How many right passwords are remembered.
REMEMBERED = 1000


class Passwords:
    """Says whether a name and a password belong together.

    A name that nobody has takes as long as a wrong password, where all are hashed at one cost (as
    ``pipeline hash`` does it).

    :param known: by name.
    :param clock: the reactor.
    """

    def __init__(self, known: dict[str, Password], clock: Any) -> None:
        self._known = known
        self._nobody = _nobody(known)
        self._key = os.urandom(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._checking: dict[bytes, list[Deferred[bool]]] = {}
        self._pending = Shares(MOST_PENDING_EACH)
        self._threads = Threads(clock, THREADS, "passwords") if self._nobody.is_slow else None

    def __bool__(self) -> bool:
        return bool(self._known)

    def start(self) -> None:
        """Be ready."""
        if self._threads is not None:
            self._threads.start()

    def stop(self) -> None:
        """Let go of the threads."""
        if self._threads is not None:
            self._threads.stop()

    async def match(self, name: str, password: str, peer: str) -> bool:
        """Whether they belong together.

        :param peer: who asks.
        :raise Busy: too many are being checked.
        """
        said = password[: LONGEST + 1].encode(errors="replace")
        known = self._known.get(name, self._nobody)
        if self._threads is None:
            return known.matches(said)
        seen = hmac.digest(self._key, name.encode(errors="replace") + b"\0" + said, "sha256")
        if seen in self._right:
            self._right.move_to_end(seen)
            return True
        return await self._slowly(self._threads, seen, known, said, peer)

    async def _slowly(
        self, threads: Threads, seen: bytes, known: Password, said: bytes, peer: str
    ) -> bool:
        """Check in a thread; those who say the same meanwhile wait for the same answer."""
        waiting: Deferred[bool] = Deferred()
        if seen in self._checking:
            self._checking[seen].append(waiting)
            return await waiting
        if len(self._checking) >= MOST_PENDING or not self._pending.take(peer):
            raise Busy("too many passwords are being checked: come again")
        self._checking[seen] = [waiting]
        # Apart from who waits: that the client has gone frees no thread.
        checking = Deferred.fromCoroutine(self._in_thread(threads, known, said))
        checking.addBoth(self._checked, seen, peer)
        return await waiting

    async def _in_thread(self, threads: Threads, known: Password, said: bytes) -> bool:
        await threads.free()
        return bool(await threads.run(_compared, known, self._nobody, said))

    def _checked(self, result: Any, seen: bytes, peer: str) -> None:
        self._pending.give_back(peer)
        if result is True:
            self._right[seen] = None
        while len(self._right) > REMEMBERED:
            self._right.popitem(last=False)
        for each in self._checking.pop(seen):
            if not each.called:
                each.callback(result)  # a Failure makes it an errback


def _nobody(known: dict[str, Password]) -> Password:
    """What the password of an unknown name is compared with: as slow as the slowest."""
    slowest = max(known.values(), key=_slowness, default=Password(os.urandom(32)))
    return slowest.never()


def _slowness(password: Password) -> int:
    cost = password.cost
    return cost.n * cost.r * cost.p if cost is not None else 0


def _compared(known: Password, nobody: Password, said: bytes) -> bool:
    """Compare; a wrong one takes as long whether the right one is hashed slowly or not."""
    if known.matches(said):
        return True
    if not known.is_slow:
        nobody.matches(said)
    return False
