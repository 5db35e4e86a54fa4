"""A worker: middleware, connectors and code of yours, started and stopped together."""

from pipeline.worker.options import WorkerConfig
from pipeline.worker.runtime import Runtime
from pipeline.worker.worker import Worker

__all__ = ["Runtime", "Worker", "WorkerConfig"]
