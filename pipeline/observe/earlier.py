"""What failed before in this system, and what became of it: a search that asks nobody outside.

What fails is noted in the store by the fingerprint of its exception: how often, when, and what came
of it. What is still dead lies among the dead letters, whose history tells who put it back or edited
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.logger import Logger
from zope.interface import implementer

from pipeline.errors import BrokerError
from pipeline.interfaces import ISearchService
from pipeline.observe.aftermath import end_of, told
from pipeline.observe.dead import DeadLetterOffice, Selection
from pipeline.observe.letters import Letter
from pipeline.outcome import Done
from pipeline.search.findings import Finding
from pipeline.search.trouble import Trouble
from pipeline.signals import message_dead_lettered, message_settled
from pipeline.store import Store

__all__ = ["EarlierFailures"]

#: Seconds that a failure is remembered after it last happened.
KEPT = 30 * 86_400

#: How many dead letters are looked at in a search.
LOOKED_AT = 10_000

#: How many notes may wait to be written; what is beyond is not noted.
WAITING = 200

#: Seconds that a note may take.
LONGEST = 5.0

_log = Logger("pipeline.search")


@implementer(ISearchService)
class EarlierFailures:
    """Finds earlier failures with the same fingerprint: class, text without what varies, place.

    What became of messages is noted by workers that have the troubleshooter, in ``debug``.

    :param config: nothing in it matters.
    :param worker: has the store, the broker and the connectors.
    """

    def __init__(self, config: Any, worker: Any) -> None:
        self._worker = worker
        self._lock = DeferredLock()
        self._signals = (
            (message_dead_lettered, self._died, f"earlier died {id(worker)}"),
            (message_settled, self._settled, f"earlier settled {id(worker)}"),
        )

    def start(self) -> None:
        """Listen to what becomes of messages; two of one worker's listen once."""
        for signal, receiver, uid in self._signals:
            signal.connect(receiver, dispatch_uid=uid)

    async def stop(self) -> None:
        """Listen no more, and write what waits."""
        for signal, _, uid in self._signals:
            signal.disconnect(dispatch_uid=uid)
        await self._lock.run(lambda: None)

    def saw(self, trouble: Trouble, delivery: Any = None) -> None:
        """Note a failure."""
        self._note(trouble, "failed", _message_id(delivery))

    async def search(self, trouble: Trouble) -> list[Finding]:
        """What is noted of this failure, and the letters that died of it, by their queues."""
        await self._lock.run(lambda: None)  # what was noted until now counts
        raw = await self._worker.store().hgetall(_key(trouble.fingerprint))
        record = {name.decode(): value.decode() for name, value in raw.items()}
        letters, is_all = await self._letters(trouble)
        if int(record.get("failed", 0)) <= 1 and len(letters) <= 1:
            return []  # the one that is searched for
        return told(trouble, record, letters, None if is_all else LOOKED_AT)

    # Letters -----------------------------------------------------------------------------------

    async def _letters(self, trouble: Trouble) -> tuple[list[Letter], bool]:
        """The letters of this failure, oldest first, and whether all letters were looked at."""
        looked = 0

        def count(more: int) -> None:
            nonlocal looked
            looked += more
            if looked >= LOOKED_AT:
                raise _Enough

        office = DeadLetterOffice(self._worker.broker, self._worker.clock.seconds)
        found: list[Letter] = []
        try:
            async for page in office.find(Selection(error=trouble.name), count):
                found += [each for each in page if _print_of(each) == trouble.fingerprint]
        except _Enough:
            return found, False
        return found, True

    # Notes -------------------------------------------------------------------------------------

    def _died(self, sender: Any, delivery: Any, outcome: Any, **_: Any) -> None:
        if self._is_ours(sender) and isinstance(outcome.error, BaseException):
            self._note(Trouble.of(outcome.error), "died", _message_id(delivery))

    def _settled(self, sender: Any, delivery: Any, outcome: Any, **_: Any) -> None:
        if not delivery.history or type(outcome) is not Done or not self._is_ours(sender):
            return
        end, put_back = end_of(delivery.history)
        message_id = _message_id(delivery)
        if message_id:
            self._write(lambda store: self._recovered(store, message_id, end, put_back))

    def _is_ours(self, sender: Any) -> bool:
        return self._worker.connectors.get(sender.name) is sender

    def _note(self, trouble: Trouble, what: str, message_id: str | None) -> None:
        now = self._worker.clock.seconds()
        self._write(lambda store: self._noted(store, trouble, what, message_id, now))

    async def _noted(
        self, store: Store, trouble: Trouble, what: str, message_id: str | None, now: float
    ) -> None:
        key = _key(trouble.fingerprint)
        first = await self._worker.store().hget(key, "first")
        fields = {"last": now} if first else {"first": now, "last": now}
        store.hset(key, fields, KEPT)
        store.hincr(key, what)
        if message_id:
            store.sadd(_message_key(message_id), trouble.fingerprint, ttl=KEPT)

    async def _recovered(self, store: Store, message_id: str, end: str, put_back: int) -> None:
        """A message that had failed went well."""
        key = _message_key(message_id)
        failures = await self._worker.store().smembers(key)
        for fingerprint in failures:
            store.hincr(_key(fingerprint.decode()), end)
            store.hincr(_key(fingerprint.decode()), "times_put_back", put_back)
        store.srem(key, *failures)

    def _write(self, stage: Callable[[Store], Any]) -> None:
        """Stage something and commit it, after what was to be written before."""
        if len(self._lock.waiting) < WAITING:
            self._lock.run(self._written, stage).addErrback(_not_written)

    def _written(self, stage: Callable[[Store], Any]) -> Deferred[None]:
        writing = Deferred.fromCoroutine(self._commit(stage))
        return writing.addTimeout(LONGEST, self._worker.clock)

    async def _commit(self, stage: Callable[[Store], Any]) -> None:
        store = self._worker.store()
        await stage(store)
        if store.writes:
            await store.commit()


class _Enough(Exception):
    """So many letters were looked at that it ends here."""


def _print_of(letter: Letter) -> str:
    return Trouble.of_letter(letter.entry.fields).fingerprint


def _not_written(failure: Any) -> None:
    if failure.check(BrokerError, TookTooLong):
        _log.info("a failure is not noted: {why}", why=failure.getErrorMessage())
    else:
        _log.failure("a failure could not be noted", failure)


def _key(fingerprint: str) -> str:
    return f"troubleshoot:{fingerprint}"


def _message_key(message_id: str) -> str:
    return f"troubleshoot:of:{message_id}"


def _message_id(delivery: Any) -> str | None:
    found = getattr(getattr(delivery, "message", None), "message_id", None)
    return found if isinstance(found, str) else None
