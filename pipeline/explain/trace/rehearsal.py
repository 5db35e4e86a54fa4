"""A system in memory, in which one message is tried out."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from pipeline.applications.requests import RequestApplication
from pipeline.applications.tasks import TaskApplication
from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.connector.publishing import queue_of
from pipeline.delivery import Post
from pipeline.dispatchers.base import Dispatcher
from pipeline.eager import finished
from pipeline.errors import ConfigError
from pipeline.explain.trace.broker import WatchedBroker
from pipeline.explain.trace.calls import watch_calls
from pipeline.explain.trace.clock import Turning
from pipeline.explain.trace.differences import plain
from pipeline.explain.trace.entrance import Entrance, entrance
from pipeline.explain.trace.given import Given
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.hooks import WatchedHooks
from pipeline.explain.trace.recorder import Recorder
from pipeline.service.build import chosen, probes, runtime_of, worker_of
from pipeline.signals import middleware_prepared
from pipeline.transports.base import Transport

__all__ = ["Rehearsal", "Traced", "Wishes", "trace"]


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a message is to be tried out.

    :param worker: the name of the only worker to be tried; None: all of them, as the message goes.
    :param connector: the name of the connector where it enters; None: the likeliest.
    :param direction: ``consume`` or ``publish``; None: the likeliest.
    :param handle: also run what applications do with it.
    :param wait: seconds of the clock that handlers may wait, in all.
    :param patience: real seconds for what needs no clock, as a thread.
    :param most: steps.
    """

    worker: str | None = None
    connector: str | None = None
    direction: str | None = None
    handle: bool = False
    wait: float = 60.0
    patience: float = 10.0
    most: int = 500


@dataclass(slots=True)
class Traced:
    """What came of it.

    :param entrance: where the message entered: ``worker``, ``connector``, ``direction``, ``kind``.
    :param message: as it entered.
    :param happened: in order.
    :param is_whole: nothing was still waiting, and nothing was left out.
    :param waited: seconds of the clock that passed.
    :param left: what waits in the end, by queue: read by nobody here, or to be tried again later.
    :param problem: why it is not whole; ``""`` if it is.
    """

    entrance: dict[str, str]
    message: Any
    happened: list[Happening]
    is_whole: bool
    waited: float
    left: dict[str, dict[str, int]]
    problem: str = ""

    @property
    def failed(self) -> bool:
        """Whether an error happened on the way, or it is not whole."""
        return not self.is_whole or any(each.result in _FAILED for each in self.happened)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "ok": not self.failed,
            "entrance": self.entrance,
            "message": self.message,
            "steps": [each.as_json() for each in self.happened],
            "waited": self.waited,
            "left": self.left,
            "problem": self.problem,
        }


_FAILED = ("error", "dead letter", "waiting")


#: What sets an application up without any code of a user's.
_OWN_SETUPS = (TaskApplication.setup_application, RequestApplication.setup_application)

#: Seconds of the clock that setting up, and taking down, may wait.
SETUP = 60.0


async def trace(config: SystemConfig, given: Given, reactor: Any, wishes: Wishes) -> Traced:
    """Try a message out in a system of its own.

    :param config: the configuration.
    :param given: the message.
    :param reactor: the one that runs; for threads.
    :param wishes: how.
    :raise ConfigError: the configuration is wrong, or has no way in for the message.
    """
    specs = chosen(config, [wishes.worker] if wishes.worker else [])
    probes(config, specs)
    return await Rehearsal(config, specs, reactor, wishes).of(given)


class Rehearsal:
    """Workers of a configuration in memory, on a clock, where nothing leaves the process.

    Middleware is made and set up as always. Dispatchers run. Transports are not set up, so nothing
    listens or connects; what would be sent to the world has reached its end. Applications are set
    up and run only if that is wished.

    :param config: the configuration.
    :param specs: the workers.
    :param reactor: the one that runs; for threads.
    :param wishes: how.
    """

    def __init__(
        self, config: SystemConfig, specs: Iterable[WorkerSpec], reactor: Any, wishes: Wishes
    ) -> None:
        self._wishes = wishes
        self._turning = Turning(reactor, wishes.wait, wishes.patience)
        clock = self._turning.clock
        self._recorder = Recorder(clock, wishes.most)
        self._broker = WatchedBroker(
            clock, config.namespace, config.partitions, self._recorder.stored
        )
        runtime = replace(runtime_of(config, self._broker, clock), dry_run=True)
        self._workers = [worker_of(spec, config, runtime) for spec in specs]

    async def of(self, given: Given) -> Traced:
        """Try a message out; afterwards all is torn down.

        :raise ConfigError: it can't enter, or a worker can't be prepared.
        """
        self._recorder.open()
        middleware_prepared.connect(self._prepared)
        try:
            await self._broker.start()
            try:
                for worker in self._workers:
                    await self._prepare(worker)
                return await self._traced(given)
            finally:
                await self._end()
        finally:
            middleware_prepared.disconnect(self._prepared)
            self._recorder.close()

    async def _prepare(self, worker: Any) -> None:
        """Start a worker as far as it may be started, and watch it."""
        what = f"worker {worker.name!r} is still being set up"
        await self._in_time(self._started(worker), what)
        self._recorder.watch_connectors(worker, lambda _: self._is_run(worker))
        if isinstance(worker, RequestApplication):
            worker.hooks.watch(WatchedHooks(self._recorder, worker))

    async def _started(self, worker: Any) -> None:
        if self._is_run(worker) or getattr(type(worker), "setup_application", 0) in _OWN_SETUPS:
            await worker.start_worker()
            return
        await finished(worker.validate_config())
        await worker.setup_middleware()
        await finished(worker.setup_connectors())
        for connector in worker.connectors.values():
            await connector.start()
        worker.unpause_connectors()

    def _is_run(self, worker: Any) -> bool:
        if isinstance(worker, Dispatcher):
            return True
        return self._wishes.handle and not isinstance(worker, Transport)

    def _prepared(self, sender: Any, **_: Any) -> None:
        if sender in self._workers:
            self._recorder.watch_stack(sender)
            watch_calls(self._recorder, sender)

    # The message -------------------------------------------------------------------------------

    async def _traced(self, given: Given) -> Traced:
        wishes = self._wishes
        way = entrance(self._workers, given, wishes.direction, wishes.connector)
        message = given.message(way.connector.name)
        entered = plain(message)
        entering = Deferred.fromCoroutine(self._enter(way, message))
        is_done = await self._quiet(entering)
        return Traced(
            {
                "worker": way.worker.name,
                "connector": way.connector.name,
                "direction": way.direction,
                "kind": way.kind,
            },
            entered,
            self._recorder.happened,
            is_done and not self._recorder.is_full,
            self._turning.passed - self._since,
            await self._left(),
            self._problem(is_done),
        )

    async def _quiet(self, entering: Deferred[None]) -> bool:
        """Whether all came to an end."""
        self._turning.allow(self._wishes.wait)
        self._since = self._turning.passed
        is_done = await self._turning.until(
            lambda: self._is_idle(entering), lambda: len(self._recorder.happened)
        )
        self._recorder.is_over = True
        if not entering.called:
            entering.cancel()
        return is_done

    async def _enter(self, way: Entrance, message: Any) -> None:
        if way.direction == "consume":
            payload = way.worker.codec.encode(message)
            await self._broker.publish([Post(queue_of(way.connector.name, way.kind), payload)])
            return
        try:
            await way.connector.publish(way.kind, message)
        except CancelledError:
            pass  # it took too long, which is said
        except Exception as error:  # noqa: BLE001 - whatever middleware raises is what is traced
            self._recorder.happened.append(_refused(way, error))

    async def _is_idle(self, entering: Deferred[None]) -> bool:
        connectors = self._connectors()
        if not entering.called or any(connector.in_hand for connector in connectors):
            return False
        for connector in connectors:
            for queue in connector.reads:
                if (await self._broker.depth(queue)).waiting:
                    return False
        return True

    async def _left(self) -> dict[str, dict[str, int]]:
        """What is in each queue that a worker here reads or publishes to."""
        queues = {
            queue_of(connector.name, kind)
            for connector in self._connectors()
            for kind in (*connector.consumes, *connector.publishes)
        }
        queues.update(each.name for each in self._recorder.happened if each.what == "published")
        left = {}
        for queue in sorted(queues):
            depth = await self._broker.depth(queue)
            found = {name: number for name, number in depth._asdict().items() if number}
            if found:
                left[queue] = found
        return left

    def _problem(self, is_done: bool) -> str:
        if self._recorder.is_full:
            return f"it is stopped after {self._wishes.most} steps: does it go round in circles?"
        if is_done:
            return ""
        waiting = [each for each in self._recorder.happened if each.result == "waiting"]
        names = ", ".join(f"{each.name} ({each.at})" for each in waiting) or "something unknown"
        passed = self._turning.passed - self._since
        return f"still waiting, after {passed:.3g} s of the clock: {names}"

    def _connectors(self) -> list[Any]:
        return [each for worker in self._workers for each in worker.connectors.values()]

    # The end -----------------------------------------------------------------------------------

    async def _end(self) -> None:
        for worker in reversed(self._workers):
            what = f"worker {worker.name!r} is still being taken down"
            await self._in_time(finished(worker.stop_worker(0)), what)
        await self._broker.stop()

    async def _in_time(self, work: Coroutine[Any, Any, None], what: str) -> None:
        """Do something that may wait for the clock.

        :raise ConfigError: it takes too long.
        """
        self._turning.allow(SETUP)
        doing: Deferred[None] = Deferred.fromCoroutine(work)
        ended: list[Any] = []
        doing.addBoth(ended.append)

        async def is_done() -> bool:
            return bool(ended)

        if not await self._turning.until(is_done, lambda: len(self._recorder.happened)):
            doing.cancel()
            raise ConfigError(f"{what} after {SETUP:g} s of the clock")
        if isinstance(ended[0], Failure):
            ended[0].raiseException()


def _refused(way: Entrance, error: Exception) -> Happening:
    return Happening(
        *("refused", way.worker.name, way.connector.name, way.kind),
        result="error",
        detail=f"{type(error).__name__}: {error}",
        where=getattr(error, "pipeline_where", ""),
    )
