"""Where entries become messages of ours: stored, or kept as dead letters, and never forgotten."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.posting import described
from pipeline.delivery import Post
from pipeline.errors import BrokerError, InvalidMessage
from pipeline.outcome import DeadLetter, Dropped
from pipeline.transports.redis.entry import Entry, Malformed
from pipeline.transports.redis.inward import Inward
from pipeline.transports.redis.payloads import raw

__all__ = ["Intake"]

#: Seconds between two tries to store an entry, the first and the longest.
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0

Publish = Callable[[Any], Awaitable[Any]]


class Intake:
    """Stores entries.

    :param worker: the transport: its broker, clock, statistics and retry policy.
    :param inward: makes messages.
    :param queue: where they go; what is no message goes to its dead letters.
    :param publish: stores a message; gives None when it was dropped or shed.
    :param window: seconds in which an entry makes no second message.
    """

    _log = Logger()

    def __init__(
        self, worker: Any, inward: Inward, queue: str, publish: Publish, window: float
    ) -> None:
        self._worker = worker
        self._clock = worker.clock
        self._count = worker.statistics.count
        self._inward = inward
        self._queue = queue
        self._publish = publish
        self._window = window
        self._why = ""

    async def store(self, entries: Sequence[Entry]) -> None:
        """Store every entry, however long it takes; may be cancelled."""
        storing = [Deferred.fromCoroutine(self._store(entry)) for entry in entries]
        results: list[tuple[bool, Any]] = await DeferredList(storing, consumeErrors=True)
        for succeeded, result in results:
            if not succeeded:
                result.raiseException()

    async def _store(self, entry: Entry) -> None:
        attempt, pause = 1, FIRST_PAUSE
        while True:
            try:
                await self._take(entry)
                return
            except CancelledError:
                raise
            except BrokerError as error:
                # There is no room, or no server: that passes, and nothing is wrong with the entry.
                self._tell(entry, str(error))
                await deferLater(self._clock, pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            except Exception as error:  # noqa: BLE001  # middleware's; what else would settle it?
                after = await self._decided(entry, error, attempt)
                if after is None:
                    return
                await deferLater(self._clock, after)
                attempt += 1

    async def _take(self, entry: Entry) -> None:
        try:
            message = self._inward.message(entry)
            published = await self._publish(message)
        except InvalidMessage as error:
            await self._bury(entry, getattr(error, "reason", "malformed"), error, 1)
            return
        self._why = ""
        self._count("dropped" if published is None else "published")

    async def _decided(self, entry: Entry, error: Exception, attempt: int) -> float | None:
        """Seconds until the next try; None when there is none."""
        outcome = self._worker.retry_policy.decide(error, attempt)
        if isinstance(outcome, Dropped):
            self._count("dropped")
            return None
        if not isinstance(outcome, DeadLetter):
            return float(outcome.after)
        try:
            await self._bury(entry, outcome.reason, error, attempt)
        except BrokerError:
            return LONGEST_PAUSE
        return None

    async def _bury(self, entry: Entry, reason: str, error: Exception, attempts: int) -> None:
        told = {
            "reason": reason,
            "error": described(error),
            "where": f"{entry.place} {entry.id}".strip(),
            "attempts": str(attempts),
            "enqueued_at": str(int(self._clock.seconds() * 1000)),
        }
        if not isinstance(error, Malformed):
            told["traceback"] = Failure(error).getTraceback()[-16_000:]
        headers = tuple(
            part for name, text in told.items() for part in (name.encode(), _utf8(text))
        )
        once = {"unique": entry.key, "window": round(self._window * 1000)} if entry.id else {}
        await self._worker.broker.publish(
            [Post(f"!{self._queue}", raw(entry.value), headers, **once)]  # type: ignore[arg-type]  # as they are
        )
        self._count(reason)
        self._log.error(
            "{queue}: {where} is a dead letter, {reason}: {error}", queue=self._queue, **told
        )

    def _tell(self, entry: Entry, why: str) -> None:
        """Once for all entries that wait for the same."""
        if why != self._why:
            self._why = why
            self._log.warn(
                "{queue}: {place} waits: {why}", queue=self._queue, place=entry.place, why=why
            )


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
