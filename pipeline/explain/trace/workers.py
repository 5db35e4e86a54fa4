"""The workers in which a message is tried out: started as far as nothing leaves the process."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipeline.applications.requests import RequestApplication
from pipeline.applications.tasks import TaskApplication
from pipeline.connector.posting import described
from pipeline.dispatchers.base import Dispatcher
from pipeline.eager import finished
from pipeline.errors import ConfigError, PipelineError
from pipeline.explain.trace.calls import watch_calls
from pipeline.explain.trace.clock import Turning
from pipeline.explain.trace.hooks import WatchedHooks
from pipeline.explain.trace.recorder import Recorder
from pipeline.signals import middleware_prepared
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.runner import TaskRunner
from pipeline.transports.base import Transport
from pipeline.worker import Worker

__all__ = ["RehearsedWorkers"]

#: Seconds of the clock that setting up, and taking down, may wait.
SETUP = 60.0

#: What sets an application up without any code of a user's.
_OWN_SETUPS = (TaskApplication.setup_application, RequestApplication.setup_application)


class RehearsedWorkers:
    """Workers whose every step is recorded.

    Middleware is set up as always. Dispatchers run. Transports are not set up, so nothing listens
    or connects, and what they would send has arrived. Applications are set up and run only if that
    is wished; those whose setup is this package's own are set up in any case, since they decide
    what becomes of errors.

    :param workers: made, and not started.
    :param turning: turns their clock.
    :param recorder: records what happens in them.
    :param handle: whether applications run.
    """

    def __init__(
        self, workers: Sequence[Any], turning: Turning, recorder: Recorder, handle: bool
    ) -> None:
        self._workers = tuple(workers)
        self._turning = turning
        self._recorder = recorder
        self._handle = handle
        self._begun: list[Any] = []

    @property
    def connectors(self) -> list[Any]:
        """The connectors of all of them."""
        return [each for worker in self._begun for each in worker.connectors.values()]

    async def begin(self) -> None:
        """Start each as far as it may be started, and watch it.

        :raise PipelineError: one can't be; it is said which.
        """
        middleware_prepared.connect(self._prepared)
        try:
            for worker in self._workers:
                self._begun.append(worker)
                await self._begin(worker)
        finally:
            middleware_prepared.disconnect(self._prepared)

    async def end(self) -> list[str]:
        """Stop all that were begun, whatever happens; what went wrong, in words."""
        troubles = []
        while self._begun:
            worker = self._begun.pop()
            try:
                await self._in_time(self._stopped(worker))
            except Exception as error:  # noqa: BLE001 - of whatever teardown; the others are next
                troubles.append(f"worker {worker.name!r} was not taken down: {described(error)}")
        return troubles

    async def _begin(self, worker: Any) -> None:
        try:
            await self._in_time(self._started(worker))
        except ConfigError as error:
            what = f"worker {worker.name!r}: {error.what}"
            raise ConfigError(what, at=error.at, hint=error.hint) from error
        except Exception as error:
            what = f"worker {worker.name!r} can't be set up: {described(error)}"
            raise PipelineError(what) from error
        self._recorder.watch_connectors(worker, self._is_run(worker))
        if isinstance(worker, RequestApplication):
            worker.hooks.watch(WatchedHooks(self._recorder, worker))

    async def _started(self, worker: Any) -> None:
        if self._is_started(worker):
            if isinstance(worker, TaskApplication) and not self._is_run(worker):
                # It runs no calls, so it needs no child processes.
                worker.make_runner = partial(_idle_runner, worker.clock)  # type: ignore[method-assign]
            await worker.start_worker()
            return
        await finished(worker.validate_config())
        await worker.setup_middleware()
        await finished(worker.setup_connectors())
        for connector in worker.connectors.values():
            await connector.start()
        worker.unpause_connectors()

    async def _stopped(self, worker: Any) -> None:
        if self._is_started(worker):
            await worker.stop_worker(0)
        else:
            # A class's own presumes that it was started.
            await Worker.stop_worker(worker, 0)

    def _is_started(self, worker: Any) -> bool:
        own_setup = getattr(type(worker), "setup_application", None)
        return self._is_run(worker) or own_setup in _OWN_SETUPS

    def _is_run(self, worker: Any) -> bool:
        if isinstance(worker, Dispatcher):
            return True
        return self._handle and not isinstance(worker, Transport)

    def _prepared(self, sender: Any, **_: Any) -> None:
        if sender in self._workers:
            self._recorder.watch_stack(sender)
            watch_calls(self._recorder, sender)

    async def _in_time(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that may wait for the clock.

        :raise PipelineError: it takes too long.
        """
        self._turning.allow(SETUP)
        doing: Deferred[None] = Deferred.fromCoroutine(work)
        ended: list[Any] = []
        doing.addBoth(ended.append)

        async def is_done() -> bool:
            return bool(ended)

        if not await self._turning.until(is_done, lambda: len(self._recorder.happened)):
            doing.cancel()
            raise PipelineError(f"it still waits after {SETUP:g} s of the clock")
        if isinstance(ended[0], Failure):
            ended[0].raiseException()


def _idle_runner(clock: Any, stack: TaskStack) -> TaskRunner:
    """What runs the calls of an application that is given none."""
    return TaskRunner(clock, stack=stack)
