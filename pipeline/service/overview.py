"""What a configuration would run, found without running it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.config.problems import Problems
from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.connector.publishing import queue_of
from pipeline.errors import ConfigError, PipelineError
from pipeline.service.build import called, chosen, probes
from pipeline.worker import Worker

__all__ = ["overview"]


def overview(config: SystemConfig) -> dict[str, Any]:
    """The namespace and its workers, as JSON would say it.

    Each worker has ``name``, ``class``, ``middleware`` (names), and the queues that it ``reads``
    and ``writes``.

    :raises ConfigError: something is wrong; all of it is said.
    """
    specs = chosen(config, ())
    problems = Problems()
    workers: list[dict[str, Any]] = []
    with problems.collecting():
        made = probes(config, specs)
        for spec, worker in zip(specs, made, strict=True):
            with problems.collecting():
                workers.append(_described(spec, worker))
    problems.raise_any()
    return {"namespace": config.namespace, "workers": workers}


def _described(spec: WorkerSpec, worker: Worker) -> dict[str, Any]:
    queues = _Queues(worker)
    queues.look()
    return {
        "name": spec.name,
        "class": spec.class_name,
        "middleware": list(spec.middleware_names),
        "reads": queues.reads,
        "writes": queues.writes,
    }


class _Queues:
    """Sees which connectors a worker makes, without starting them."""

    def __init__(self, worker: Worker) -> None:
        self.reads: list[str] = []
        self.writes: list[str] = []
        self._worker = worker
        self._make = worker.setup_connector
        worker.setup_connector = self._note  # type: ignore[method-assign]  # a probe's own

    def look(self) -> None:
        """Have the worker make its connectors."""
        try:
            called(self._worker.setup_connectors)
        except ConfigError:
            raise
        except PipelineError as error:
            raise ConfigError(f"worker {self._worker.name!r}: {error}") from error

    def _note(self, name: str, consumes: Iterable[str] = (), publishes: Iterable[str] = ()) -> Any:
        consumes, publishes = tuple(consumes), tuple(publishes)
        self.reads += [queue_of(name, kind) for kind in consumes]
        self.writes += [queue_of(name, kind) for kind in publishes]
        return self._make(name, consumes, publishes)
