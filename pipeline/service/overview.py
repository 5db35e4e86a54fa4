"""What a configuration would run, found without running it."""

from __future__ import annotations

from typing import Any

from pipeline.config.problems import Problems
from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.connector import Connector
from pipeline.connector.publishing import queue_of
from pipeline.errors import ConfigError, PipelineError
from pipeline.service.build import called, chosen, probes
from pipeline.worker import Worker

__all__ = ["connectors_of", "overview"]


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
    connectors = connectors_of(worker)
    return {
        "name": spec.name,
        "class": spec.class_name,
        "middleware": list(spec.middleware_names),
        "reads": [queue_of(each.name, kind) for each in connectors for kind in each.consumes],
        "writes": [queue_of(each.name, kind) for each in connectors for kind in each.publishes],
    }


def connectors_of(worker: Worker) -> list[Connector]:
    """The connectors of a worker that doesn't run; it makes them, and starts none.

    :raises ConfigError: it can't make them.
    """
    try:
        called(worker.setup_connectors)
    except ConfigError:
        raise
    except PipelineError as error:
        raise ConfigError(f"worker {worker.name!r}: {error}") from error
    return list(worker.connectors.values())
