"""From a configuration to the objects that carry it out; everything wrong is found here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads
from twisted.python.failure import Failure

from pipeline.codec import Codec
from pipeline.config.names import resolve
from pipeline.config.overrides import overridden
from pipeline.config.positions import Section, merged
from pipeline.config.problems import Problems, suggestion
from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.config.source import Document, load_document, parse_document
from pipeline.config.system import load_system
from pipeline.eager import finished
from pipeline.errors import ConfigError
from pipeline.middleware.load import create_middlewares_from_config
from pipeline.observe.meter import Meter
from pipeline.service.brokers import Connection, connection
from pipeline.service.monitor.monitor import monitor_of, options_of
from pipeline.service.process import stop
from pipeline.service.running import Part, System
from pipeline.service.tracing import check_tracing, tracing_of
from pipeline.service.watchdog import Watchdog
from pipeline.transports.base import Transport
from pipeline.worker import Runtime, Worker

__all__ = [
    "WorkerPart",
    "build",
    "called",
    "chosen",
    "load",
    "probes",
    "runtime_of",
    "worker_class",
    "worker_of",
]

#: What a worker takes from its namespace unless it has its own.
_SHARED = ("max_in_flight", "retry", "stop_timeout")


def load(
    file: str | os.PathLike[str] | None,
    overrides: Sequence[str] = (),
    worker_class: str | None = None,
) -> SystemConfig:
    """Read a configuration, and put its folder on ``sys.path``, so that what is beside it imports.

    :param file: its path; None for a single worker that wants no more than the overrides.
    :param overrides: ``key:value`` each, which go before the file.
    :param worker_class: the class of a single worker.
    :raises ConfigError: something is wrong, said with its position.
    """
    given = parse_document("", "the command line") if file is None else load_document(file)
    document = overridden(given, overrides)
    problems = Problems()
    config = load_system(document, (), worker_class, problems=problems)
    folder = str(config.folder or Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with problems.collecting():
        _check_address(config, document)
    with problems.collecting():
        check_tracing(config)
    if problems.errors:
        # Somebody has to mend the file anyway: say at once what is wrong with the workers, too.
        with problems.collecting():
            probes(config, config.workers)
    problems.raise_any()
    return config


def _check_address(config: SystemConfig, document: Document) -> None:
    try:
        connection(config, None)
    except ConfigError as error:
        raise ConfigError(error.what, at=document.at(("redis",)), hint=error.hint) from None


def build(
    config: SystemConfig,
    reactor: Any,
    *,
    only: Iterable[str] = (),
    failed: Callable[[str], None] = lambda explanation: None,
    done: Callable[[], None] | None = None,
) -> System:
    """Make the service; nothing is started, nothing connected.

    Workers start in the order of the configuration, but transports last; and so they stop first,
    while those are still there who answer what has come in already.

    :param only: the names of the workers to run; none for all.
    :param failed: called with an explanation if the service can't start.
    :param done: called by a worker that has done all there was to do; None: stop the reactor.
    :raises ConfigError: something is wrong; :class:`~pipeline.config.problems.ConfigErrors` with
        all of it when there are several things.
    """
    problems = Problems()
    specs: list[WorkerSpec] = []
    with problems.collecting():
        specs = chosen(config, only)
    with problems.collecting():
        probes(config, specs)
    with problems.collecting():
        names = [spec.name for spec in specs]
        connected = connection(config, reactor, "+".join(names), names)
    with problems.collecting():
        tracing = tracing_of(config)
    problems.raise_any()
    monitor = monitor_of(config, connected, reactor, os.environ)
    ending = done or (lambda: stop(reactor))
    workers = [
        WorkerPart(spec, config, connected, reactor, ending, monitor.meter, tracing)
        for spec in sorted(specs, key=_faces_the_world)
    ]
    watched = _watched(config, reactor)
    parts = (*connected.parts, *watched, *(each.part for each in workers))
    system = System(
        monitor.around(parts),
        reactor,
        stop_timeout=config.stop_timeout,
        namespace=config.namespace,
        failed=failed,
    )
    monitor.watch(system)
    return system


def _watched(config: SystemConfig, reactor: Any) -> tuple[Part, ...]:
    """The watchdog of a reactor; a test's clock needs none."""
    if not IReactorThreads.providedBy(reactor):
        return ()
    return (Watchdog(reactor, config.stuck_after).part,)


class WorkerPart:
    """A worker to be; it is made when the broker is there.

    :param spec: what the configuration says of it.
    :param config: the whole configuration.
    :param connected: gives the broker.
    :param clock: the reactor.
    :param done: how the worker ends the process.
    :param meter: what counts; None: nothing does.
    :param tracing: see :class:`pipeline.worker.Runtime`.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        config: SystemConfig,
        connected: Connection,
        clock: Any,
        done: Callable[[], None],
        meter: Meter | None = None,
        tracing: Any = None,
    ) -> None:
        self.part = Part(f"worker {spec.name!r}", self._start, self._stop, self)
        #: The worker, once it runs.
        self.worker: Worker | None = None
        self._make = lambda: worker_of(
            spec, config, runtime_of(config, connected.broker, clock, done, meter, tracing)
        )

    async def _start(self) -> None:
        made = self._make()
        # A worker whose start fails takes itself apart again.
        await made.start_worker()
        self.worker = made

    def hurry(self) -> None:
        """See :meth:`pipeline.worker.Worker.hurry`."""
        if self.worker is not None:
            self.worker.hurry()

    async def _stop(self, deadline: float) -> None:
        if self.worker is not None:
            await self.worker.stop_worker(deadline)


def probes(config: SystemConfig, specs: Iterable[WorkerSpec]) -> list[Worker]:
    """Make workers that will never run, with their middleware, to see whether that is possible.

    :raises ConfigError: as :func:`build`.
    """
    from twisted.internet.task import Clock

    from pipeline.brokers.memory import MemoryBroker

    clock = Clock()
    runtime = runtime_of(config, MemoryBroker(clock, namespace=config.namespace), clock)
    problems = Problems()
    made: list[Worker] = []
    with problems.collecting():
        options_of(config, {})
    for spec in specs:
        with problems.collecting():
            made.append(_probe(spec, config, runtime))
    problems.raise_any()
    return made


def _probe(spec: WorkerSpec, config: SystemConfig, runtime: Runtime) -> Worker:
    found = worker_class(spec.class_name, spec.class_at)
    problems = Problems()
    besides = ("middleware", "worker_name", *spec.middleware_names)
    problems.add(*found.CONFIG_CLASS.unknown_keys(spec.config, besides))
    worker = None
    with problems.collecting():
        worker = found(spec.name, _with_shared(spec, config, found), runtime)
    with problems.collecting():
        create_middlewares_from_config(worker, spec.config)
    if worker is not None:
        with problems.collecting():
            called(worker.validate_config)
    problems.raise_any()
    assert worker is not None
    return worker


def called(hook: Callable[[], Any]) -> bool:
    """Call a hook of a worker that doesn't run, and raise what it fails with at once.

    :return: whether it has ended; one that waits for something is cancelled.
    """
    done: Deferred[Any] = Deferred.fromCoroutine(finished(hook()))
    if not done.called:
        done.addErrback(lambda _: None).cancel()
        return False
    if isinstance(done.result, Failure):
        failure = done.result
        done.addErrback(lambda _: None)
        failure.raiseException()
    return True


def worker_of(spec: WorkerSpec, config: SystemConfig, runtime: Runtime) -> Worker:
    """Make a worker as its configuration says; it is not started.

    :raises ConfigError: an option is wrong.
    """
    found = worker_class(spec.class_name, spec.class_at)
    return found(spec.name, _with_shared(spec, config, found), runtime)


def runtime_of(
    config: SystemConfig,
    broker: Any,
    clock: Any,
    stop: Callable[[], None] = lambda: None,
    meter: Meter | None = None,
    tracing: Any = None,
) -> Runtime:
    """What the workers of a process share, on a broker.

    :param stop: how a worker ends the process.
    :param meter: what counts what they do; None: nothing does.
    :param tracing: see :class:`pipeline.worker.Runtime`.
    """
    return Runtime(
        broker=broker,
        codec=Codec("msgpack" if config.codec == "msgpack" else "json"),
        clock=clock,
        namespace=config.namespace,
        debug=config.debug,
        folder=config.folder,
        keep_task_states=config.keep_task_states,
        tracing=tracing,
        stop=stop,
        meter=meter,
    )


def worker_class(name: str, at: str | None = None) -> type[Worker]:
    """The class of a worker, by its dotted name.

    :param at: where the name is written, for errors.
    :raises ConfigError: it doesn't import, or is no worker.
    """
    found = resolve(name, at)
    if not (isinstance(found, type) and issubclass(found, Worker)):
        raise ConfigError(
            f"{name!r} is no worker",
            at=at,
            hint="a class that derives from Transport, Application or Dispatcher",
        )
    return found


def _faces_the_world(spec: WorkerSpec) -> bool:
    return issubclass(worker_class(spec.class_name, spec.class_at), Transport)


def _with_shared(spec: WorkerSpec, config: SystemConfig, found: type[Worker]) -> Section:
    known = {field.name for field in found.CONFIG_CLASS.fields()}
    shared = {name: getattr(config, name) for name in _SHARED if name in known}
    return merged(Section(shared), spec.config)


def chosen(config: SystemConfig, only: Iterable[str]) -> list[WorkerSpec]:
    """The workers of these names, in the order of the configuration; none for all.

    :raises ConfigError: there is no worker of such a name.
    """
    by_name = {spec.name: spec for spec in config.workers}
    names = list(dict.fromkeys(only)) or list(by_name)
    problems = Problems()
    for name in names:
        if name not in by_name:
            hint = suggestion(name, by_name)
            problems.add(ConfigError(f"there is no worker {name!r}", at="--worker", hint=hint))
    problems.raise_any()
    return [spec for spec in config.workers if spec.name in names]
