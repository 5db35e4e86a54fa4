"""Shows exceptions to who develops, with what is known about them; changes nothing else."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, DeferredList, maybeDeferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from pipeline.search.boxes import report
from pipeline.search.findings import Finding, SearchFailed
from pipeline.search.trouble import Trouble

__all__ = ["Troubleshooter"]

#: How many searches may be under way.
AT_ONCE = 3

#: Of how many different exceptions it is remembered when they were shown.
REMEMBERED = 512

HOUR = 3600.0

_log = Logger("pipeline.search")


class Troubleshooter:
    """Searches in the background, and writes what was found and the exception.

    An exception is shown once in a while, however often it happens. What is beyond the limits of
    searching is shown without a search. Nothing that goes wrong here gets out.

    :param service: an :class:`~pipeline.interfaces.ISearchService`.
    :param clock: an IReactorTime.
    :param write: takes text.
    :param timeout: seconds that a whole search may take.
    :param quiet: seconds in which the same exception is not shown again.
    :param per_hour: how many searches are made in an hour.
    """

    def __init__(
        self,
        service: Any,
        clock: IReactorTime,
        write: Callable[[str], Any],
        *,
        timeout: float,
        quiet: float,
        per_hour: int,
    ) -> None:
        self._service = service
        self._clock = clock
        self._write = write
        self._timeout = timeout
        self._quiet = quiet
        self._searched: deque[float] = deque(maxlen=per_hour)
        self._shown: OrderedDict[str, float] = OrderedDict()
        self._under_way: dict[str, Deferred[None]] = {}
        self._stopped = False

    async def start(self) -> None:
        """Get the service ready; one that can't be is done without."""
        await self._bounded(self._service.start).addErrback(
            lambda failure: _log.failure("the search service can't be used", failure)
        )

    async def stop(self) -> None:
        """Show at once what is still searched for, and let the service go."""
        self._stopped = True
        waiting = list(self._under_way.values())
        for each in waiting:
            each.cancel()
        await DeferredList(waiting)
        await self._bounded(self._service.stop).addErrback(
            lambda failure: _log.failure("the search service could not be stopped", failure)
        )

    def report(self, error: BaseException, delivery: Any = None) -> None:
        """Show an exception as soon as the search is done; returns at once, whatever happens.

        :param delivery: the message whose handling failed, if one's did.
        """
        try:
            trouble = Trouble.of(error)
            self._note(trouble, delivery)
            self._consider(trouble)
        except Exception:  # noqa: BLE001  # a look at an error must not become another
            _log.failure("an exception could not be looked at")

    def _note(self, trouble: Trouble, delivery: Any) -> None:
        try:
            self._service.saw(trouble, delivery)
        except Exception:  # noqa: BLE001  # of whatever service
            _log.failure("no note was taken of {name}", name=trouble.name)

    def _consider(self, trouble: Trouble) -> None:
        now, key = self._clock.seconds(), trouble.fingerprint
        if self._stopped or key in self._under_way or self._was_shown(key, now):
            return
        if not self._may_search(now):
            self._show([], trouble)
            return
        self._searched.append(now)
        searching = self._under_way[key] = Deferred.fromCoroutine(self._search(trouble))
        if searching.called:
            del self._under_way[key]

    def _was_shown(self, key: str, now: float) -> bool:
        last = self._shown.get(key)
        if last is not None and now - last < self._quiet:
            return True
        self._shown[key] = now
        self._shown.move_to_end(key)
        if len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)
        return False

    def _may_search(self, now: float) -> bool:
        if len(self._under_way) >= AT_ONCE:
            return False
        most = self._searched.maxlen
        return len(self._searched) != most or (bool(most) and now - self._searched[0] >= HOUR)

    async def _search(self, trouble: Trouble) -> None:
        try:
            self._show(await self._found(trouble), trouble)
        finally:
            self._under_way.pop(trouble.fingerprint, None)

    async def _found(self, trouble: Trouble) -> list[Finding]:
        try:
            found = await self._bounded(self._service.search, trouble)
            return [each for each in found if isinstance(each, Finding)]
        except SearchFailed as error:
            _log.warn("no search for {name}: {why}", name=trouble.name, why=str(error))
        except TookTooLong:
            took = f"it took longer than {self._timeout:g} s"
            _log.warn("no search for {name}: {why}", name=trouble.name, why=took)
        except CancelledError:
            _log.info("the search for {name} was broken off", name=trouble.name)
        except Exception:  # noqa: BLE001  # of whatever service
            _log.failure("the search for {name} failed", name=trouble.name)
        return []

    def _bounded(self, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
        """What a function of the service gives; it ends in time, whatever that does then."""
        asking: Deferred[Any] = maybeDeferred(function, *args)
        answer: Deferred[Any] = Deferred(lambda _: asking.cancel())
        asking.addBoth(lambda result: None if answer.called else answer.callback(result))
        return answer.addTimeout(self._timeout, self._clock)

    def _show(self, findings: list[Finding], trouble: Trouble) -> None:
        try:
            self._write(report(findings, trouble.traceback))
        except Exception:  # noqa: BLE001  # of a service's findings, of a closed terminal
            _log.failure("{name} could not be shown", name=trouble.name)
