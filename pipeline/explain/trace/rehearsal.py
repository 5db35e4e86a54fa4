"""A system in memory, in which one message is tried out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred

from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.connector.publishing import queue_of
from pipeline.delivery import Post
from pipeline.explain.trace.broker import WatchedBroker
from pipeline.explain.trace.clock import Turning
from pipeline.explain.trace.differences import plain
from pipeline.explain.trace.entrance import Entrance, entrance
from pipeline.explain.trace.given import Given
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.recorder import Recorder
from pipeline.explain.trace.traced import Traced, Wishes
from pipeline.explain.trace.workers import RehearsedWorkers
from pipeline.service.build import chosen, probes, runtime_of, worker_of

__all__ = ["Rehearsal", "trace"]


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
        self._codec = runtime.codec
        self._workers = [worker_of(spec, config, runtime) for spec in specs]
        self._cast = RehearsedWorkers(self._workers, self._turning, self._recorder, wishes.handle)

    async def of(self, given: Given) -> Traced:
        """Try a message out; afterwards all is taken down.

        :raise PipelineError: it can't enter, or a worker can't be prepared.
        """
        self._recorder.open()
        try:
            await self._broker.start()
            try:
                await self._cast.begin()
                traced = await self._traced(given)
            finally:
                troubles = await self._cast.end()
                await self._broker.stop()
        finally:
            self._recorder.close()
        traced.troubles = troubles
        return traced

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
        try:
            if way.direction == "publish":
                await way.connector.publish(way.kind, message)
            else:
                post = Post(queue_of(way.connector.name, way.kind), self._codec.encode(message))
                await self._broker.publish([post])
        except CancelledError:
            pass  # it took too long, which is said
        except Exception as error:  # noqa: BLE001 - whatever middleware raises is what is traced
            self._recorder.happened.append(_refused(way, error))

    async def _is_idle(self, entering: Deferred[None]) -> bool:
        connectors = self._cast.connectors
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
            for connector in self._cast.connectors
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
        limits = f"{passed:.3g} s of the clock and {self._wishes.patience:.3g} s in fact"
        return f"still waiting, after {limits}: {names}"


def _refused(way: Entrance, error: Exception) -> Happening:
    return Happening(
        *("refused", way.worker.name, way.connector.name, way.kind),
        result="error",
        detail=f"{type(error).__name__}: {error}",
        where=getattr(error, "pipeline_where", ""),
    )
