"""How time passes in a test: turned by hand, or really."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.python.failure import Failure

from pipeline.eager import finished

__all__ = ["ManualTime", "RealTime", "Soon"]

T = TypeVar("T")

#: Seconds between two looks at something that is waited for: by hand, and really.
MANUAL_POLL, REAL_POLL = 0.1, 0.01


def _unknown() -> str:
    return "what is waited for"


class Soon(Deferred[T]):
    """A Deferred that can be had without waiting where time is turned by hand.

    ``await`` it, or call :meth:`now`. Where it needs time to pass, both turn the clock.

    :param work: gives its result.
    :param time: a :class:`ManualTime` or :class:`RealTime`.
    :param what: says what is waited for, for when it doesn't come.
    """

    def __init__(
        self,
        work: Coroutine[Deferred[Any], Any, T],
        time: ManualTime | RealTime,
        what: Callable[[], str] = _unknown,
    ) -> None:
        inner: Deferred[T] = Deferred.fromCoroutine(work)
        super().__init__(lambda _: inner.cancel())
        self.what = what
        self._time = time
        inner.addBoth(self._end)

    def now(self) -> T:
        """The result.

        :raise Exception: its error.
        :raise AssertionError: it is not there, and does not come by turning the clock.
        """
        self._time.hurry(self)
        if not self.called:
            raise AssertionError(f"{self.what()}: not there yet, it must be awaited")
        got: list[T | Failure] = []
        self.addBoth(got.append)
        if isinstance(got[0], Failure):
            got[0].raiseException()
        self.addCallback(lambda _: got[0])
        return got[0]

    def __await__(self) -> Generator[Any, None, T]:
        self._time.hurry(self)
        return super().__await__()

    def _end(self, result: Any) -> None:
        if not self.called:
            self.callback(result)  # a Failure makes it an errback


class ManualTime:
    """Time that stands still until a test turns the clock.

    :param clock: a Clock.
    :param patience: seconds, on this clock, for which what is waited for may take.
    """

    def __init__(self, clock: Clock | None = None, patience: float = 60.0) -> None:
        self.clock: Any = clock or Clock()
        self.patience = patience
        if clock is None:
            self.clock.advance(1_000_000)  # a time near the epoch's start would look like none

    def hurry(self, soon: Soon[Any]) -> None:
        """Turn the clock until something is there.

        :raise AssertionError: it did not come.
        """
        if soon.called:
            return
        self.forward(self.patience, lambda: bool(soon.called))
        if not soon.called:
            soon.addErrback(lambda _: None).cancel()
            raise AssertionError(f"{soon.what()}: not there after {self.patience:g} s on the clock")

    def forward(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> None:
        """Go from one due call to the next, so that each sees its own time."""
        end = self.clock.seconds() + seconds
        while not is_enough():
            due = min((call.getTime() for call in self.clock.getDelayedCalls()), default=None)
            if due is None or due > end:
                self.clock.advance(max(0.0, end - self.clock.seconds()))
                return
            self.clock.advance(max(0.0, due - self.clock.seconds()))

    async def elapse(self, seconds: float) -> None:
        """Let time pass."""
        self.forward(seconds)

    async def moment(self) -> None:
        """Let what is under way arrive: by hand, it has."""

    async def until(self, claim: Callable[[], Any], what: Callable[[], str] = _unknown) -> None:
        """Wait for a claim to be true. How long is decided by who turns the clock."""
        while not await finished(claim()):
            await deferLater(self.clock, MANUAL_POLL)


class RealTime:
    """Time that passes by itself.

    :param reactor: the one that runs.
    :param patience: seconds for which what is waited for may take.
    """

    def __init__(self, reactor: Any, patience: float = 30.0) -> None:
        self.clock = reactor
        self.patience = patience

    def hurry(self, soon: Soon[Any]) -> None:
        """Nothing can be done."""

    async def elapse(self, seconds: float) -> None:
        """Wait."""
        await deferLater(self.clock, seconds)

    async def moment(self) -> None:
        """Let what is under way arrive."""
        await deferLater(self.clock, REAL_POLL)

    async def until(self, claim: Callable[[], Any], what: Callable[[], str] = _unknown) -> None:
        """Wait for a claim to be true.

        :raise AssertionError: it did not become true in time.
        """
        end = self.clock.seconds() + self.patience
        while not await finished(claim()):
            if self.clock.seconds() > end:
                raise AssertionError(f"{what()}: not there after {self.patience:g} s")
            await deferLater(self.clock, REAL_POLL)
