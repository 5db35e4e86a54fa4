"""Workers that are ready to run, and never will: over memory, their queues unread."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import CancelledError

from pipeline.applications.base import Application
from pipeline.config.problems import Problems
from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.connector import Connector
from pipeline.connector.publishing import queue_of
from pipeline.dispatchers.base import Dispatcher
from pipeline.errors import ConfigError
from pipeline.middleware.load import LoadedMiddlewares, create_middlewares_from_config
from pipeline.service.build import called, chosen, probes
from pipeline.service.overview import connectors_of
from pipeline.transports.base import Transport
from pipeline.worker import Worker

__all__ = ["Prepared", "prepared", "put_away"]

_SORTS = ((Transport, "transport"), (Dispatcher, "dispatcher"), (Application, "application"))


@dataclass
class Prepared:
    """A worker whose middleware is set up and whose connectors are made.

    :param spec: what the configuration says of it.
    :param unready: the middlewares that could not be set up here: the name, and why.
    """

    spec: WorkerSpec
    worker: Worker
    unready: list[tuple[str, str]]

    @property
    def name(self) -> str:
        """Its name in the configuration."""
        return self.spec.name

    @property
    def sort(self) -> str:
        """``transport``, ``dispatcher``, ``application`` or ``worker``."""
        return next((sort for cls, sort in _SORTS if isinstance(self.worker, cls)), "worker")

    @property
    def loaded(self) -> LoadedMiddlewares:
        """Its middlewares."""
        return self.worker.middlewares

    def queues(self, direction: str) -> dict[str, list[str]]:
        """Kind -> the queues that it reads (``consume``), or writes to (``publish``)."""
        found: dict[str, list[str]] = {}
        reads = direction == "consume"
        for connector in self.worker.connectors.values():
            for kind in connector.consumes if reads else self._published(connector):
                found.setdefault(kind, []).append(queue_of(connector.name, kind))
            for kind, queue in connector.further if reads else ():
                found.setdefault(kind, []).append(queue)
        return found

    def _published(self, connector: Connector) -> Iterable[str]:
        """What is really published; failures and statuses are options of a transport."""
        config: Any = self.worker.config
        off = {
            kind
            for kind, option in (("status", "publish_status"), ("failure", "publish_failures"))
            if isinstance(self.worker, Transport) and not getattr(config, option)
        }
        return [kind for kind in connector.publishes if kind not in off]


def prepared(config: SystemConfig, only: Iterable[str] = ()) -> list[Prepared]:
    """Make the workers of a configuration, set their middleware up, have them make connectors.

    Nothing is started, nothing connected by the workers: their broker is memory, their clock
    stands. What a middleware does in ``setup_middleware`` it does here as well; one that has to
    wait for something there, or fails, is ``unready``, and shown as its class alone has it.
    :func:`put_away` ends it.

    :param only: the names of the workers; none for all.
    :raises ConfigError: something is wrong; all of it is said.
    """
    specs = chosen(config, only)
    problems = Problems()
    made: list[Prepared] = []
    for spec, worker in zip(specs, probes(config, specs), strict=True):
        with problems.collecting():
            worker.middlewares = create_middlewares_from_config(worker, spec.config)
            # From here on there is something to be put away, whatever happens.
            made.append(Prepared(spec, worker, []))
            made[-1].unready += _set_up(worker)
            connectors_of(worker)
    if problems.errors:
        put_away(made)
    problems.raise_any()
    return made


def _set_up(worker: Worker) -> Iterator[tuple[str, str]]:
    for middleware in worker.middlewares.made:
        why = _trouble(getattr(middleware, "setup_middleware", None))
        if why:
            yield getattr(middleware, "name", type(middleware).__name__), why
    worker.use_middlewares(worker.middlewares)


def put_away(workers: Iterable[Prepared]) -> None:
    """Tear the middlewares down that were set up; what goes wrong doesn't matter any more."""
    for each in workers:
        unready = {name for name, _ in each.unready}
        for middleware in reversed(each.loaded.made):
            if getattr(middleware, "name", None) not in unready:
                _trouble(getattr(middleware, "teardown_middleware", None))


def _trouble(hook: Any) -> str:
    """Why a hook doesn't come to its end at once; "" if it does."""
    if hook is None:
        return ""
    try:
        is_done = called(hook)
    except ConfigError:
        raise
    except CancelledError:
        is_done = False
    except Exception as error:  # noqa: BLE001 - whatever it is, the explanation goes on
        return f"{type(error).__name__}: {error}"
    return "" if is_done else "it waits for something that isn't here"
