"""What a configuration would run, found without running it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from pipeline.config.problems import Problems
from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.connector.publishing import queue_of
from pipeline.errors import ConfigError, PipelineError
from pipeline.service.build import called, chosen, probes
from pipeline.worker import Worker

__all__ = ["Line", "lines_of", "overview"]


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
    lines = lines_of(worker)
    return {
        "name": spec.name,
        "class": spec.class_name,
        "middleware": list(spec.middleware_names),
        "reads": [queue_of(line.name, kind) for line in lines for kind in line.consumes],
        "writes": [queue_of(line.name, kind) for line in lines for kind in line.publishes],
    }


class Line(NamedTuple):
    """A connector: which kinds it reads and publishes."""

    name: str
    consumes: tuple[str, ...]
    publishes: tuple[str, ...]


def lines_of(worker: Worker) -> list[Line]:
    """The connectors of a worker that doesn't run; it makes them, and starts none.

    :raises ConfigError: it can't make them.
    """
    connectors = _Connectors(worker)
    connectors.look()
    return connectors.lines


class _Connectors:
    """Sees which connectors a worker makes, without starting them."""

    def __init__(self, worker: Worker) -> None:
        self.lines: list[Line] = []
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
        line = Line(name, tuple(consumes), tuple(publishes))
        self.lines.append(line)
        return self._make(*line)
