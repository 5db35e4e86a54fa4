"""A built system as a service: started in order, stopped in reverse, within its time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.error import CannotListenError
from twisted.logger import ILogObserver, Logger
from twisted.python.components import Componentized
from twisted.python.failure import Failure

from pipeline.errors import PipelineError
from pipeline.signals import post_setup, pre_setup

__all__ = ["Part", "System", "explained"]

#: Seconds that a part gets beyond its deadline before it is given up, for its last words to Redis.
GRACE = 5.0


@dataclass(frozen=True)
class Part:
    """Something that is started and stopped: a server, the broker, a worker.

    :param name: for the log, as ``worker 'web'``.
    :param start: makes it ready.
    :param stop: given how many seconds it may take, ends it; also when start has failed.
    """

    name: str
    start: Callable[[], Awaitable[Any]]
    stop: Callable[[float], Awaitable[Any]]
    #: Whose part this is, for who looks into a system.
    owner: Any = None
    #: What keeps it from being ready, in words; None or "": nothing that it knows of.
    trouble: Callable[[], str | None] = lambda: None


class System(MultiService):
    """The parts of one process, as a Twisted service.

    :param parts: in the order of their start.
    :param clock: the reactor, or a test's clock.
    :param namespace: the name of the whole system, for signals.
    :param stop_timeout: seconds to finish what is in hand, for all parts together.
    :param failed: called with an explanation when a part could not start, after those that
        could have been stopped again.
    """

    log = Logger()

    def __init__(
        self,
        parts: Sequence[Part],
        clock: Any,
        *,
        stop_timeout: float = 30.0,
        namespace: str = "",
        failed: Callable[[str], None] = lambda explanation: None,
    ) -> None:
        super().__init__()
        self.parts = tuple(parts)
        self.stop_timeout = stop_timeout
        self.namespace = namespace
        #: Fires with True when every part is ready, with False when one could not start.
        self.ready: Deferred[bool] = Deferred()
        #: Why it could not start; None while all is well.
        self.problem: str | None = None
        #: What twistd shall log to; None: as its options say.
        self.log_observer: ILogObserver | None = None
        self._clock = clock
        #: Whether it was asked to stop.
        self.is_stopping = False
        self._is_hurried = False
        self._failed = failed
        self._started: list[Part] = []
        self._starting: Deferred[None] = succeed(None)

    def setServiceParent(self, parent: Any) -> None:
        # twistd asks its application who logs.
        if self.log_observer is not None and isinstance(parent, Componentized):
            parent.setComponent(ILogObserver, self.log_observer)
        super().setServiceParent(parent)

    @property
    def workers(self) -> dict[str, Any]:
        """The workers that have been started, by name."""
        found = (getattr(part.owner, "worker", None) for part in self.parts)
        return {worker.name: worker for worker in found if worker is not None}

    @property
    def unready(self) -> str:
        """Why not everything is there, in words; ``""`` when all is."""
        if self.problem is not None:
            return self.problem
        if self.is_stopping:
            return "it is stopping"
        if self.ready.called:
            return ""
        if not self._started:
            return "it is starting"
        why = self._started[-1].trouble()
        return f"{self._started[-1].name} is starting" + (f": {why}" if why else "")

    def startService(self) -> None:
        super().startService()
        self._starting = Deferred.fromCoroutine(self._start())
        self._starting.addErrback(self._start_failed)

    def hurry(self) -> None:
        """Have all workers hand back what is in hand at once; for who stops and won't wait."""
        self._is_hurried = True
        for part in self.parts:
            if hasattr(part.owner, "hurry"):
                part.owner.hurry()

    def stopService(self) -> Deferred[Any]:
        self.is_stopping = True
        return Deferred.fromCoroutine(self._stop())

    async def _start(self) -> None:
        await self._running()
        pre_setup.send_robust(self, namespace=self.namespace)
        for part in self.parts:
            self._started.append(part)
            await part.start()
            self.log.info("{part} is ready", part=part.name)
        post_setup.send_robust(self, namespace=self.namespace)
        self.ready.callback(True)

    def _running(self) -> Deferred[None]:
        """Fires when the reactor runs, and so reacts to signals; a test's clock always does."""
        running: Deferred[None] = Deferred()
        when_running = getattr(self._clock, "callWhenRunning", lambda call, *args: call(*args))
        when_running(_fire, running)
        return running

    def _start_failed(self, failure: Failure) -> Deferred[None] | None:
        if self.is_stopping and failure.check(CancelledError):
            return None
        culprit = self._started[-1].name
        self.problem = f"{culprit} could not start: {explained(failure.value)}"
        if not failure.check(*_EXPLAIN_THEMSELVES):
            self.log.failure("{part} could not start", failure, part=culprit)
        return Deferred.fromCoroutine(self._give_up(self.problem))

    async def _give_up(self, problem: str) -> None:
        self.log.critical("{problem}", problem=problem)
        await self._stop_parts()
        self.ready.callback(False)
        self._failed(problem)

    async def _stop(self) -> None:
        has_begun = bool(self._started)
        if has_begun:
            self.log.info("stopping; what is in hand has {left:g} s", left=self.stop_timeout)
        self._starting.cancel()
        await self._starting
        await self._stop_parts()
        if has_begun:
            self.log.info("stopped")
        await MultiService.stopService(self)

    async def _stop_parts(self) -> None:
        end = self._clock.seconds() + self.stop_timeout
        while self._started:
            part = self._started.pop()
            left = 0.0 if self._is_hurried else max(0.0, end - self._clock.seconds())
            await self._stop_part(part, left)

    def _stop_part(self, part: Part, left: float) -> Deferred[None]:
        async def stop() -> None:
            await part.stop(left)
            self.log.debug("{part} has stopped", part=part.name)

        def go_on(failure: Failure) -> None:
            if failure.check(TimeoutError):
                self.log.error("{part} did not stop in time; going on", part=part.name)
                return
            self.log.failure("{part} stopped with an error", failure, part=part.name)

        stopping = Deferred.fromCoroutine(stop())
        stopping.addTimeout(left + GRACE, self._clock)
        return stopping.addErrback(go_on)


def _fire(waiting: Deferred[None]) -> None:
    if not waiting.called:
        waiting.callback(None)


#: Errors whose text says enough: their traceback would only hide it.
_EXPLAIN_THEMSELVES = (PipelineError, CannotListenError, OSError)


def explained(error: BaseException | None) -> str:
    """An error in words for a person, on one line if it can be."""
    if isinstance(error, CannotListenError):
        reason = getattr(error.socketError, "strerror", None) or str(error.socketError)
        return f"cannot listen on {error.interface or '*'}:{error.port}: {reason}"
    if isinstance(error, _EXPLAIN_THEMSELVES):
        return str(error)
    return f"{type(error).__name__}: {error}"
