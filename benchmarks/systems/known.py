"""Which systems there are, how their workers are started, and when they acknowledge."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import NamedTuple

__all__ = ["OURS", "SYSTEMS", "System"]

_HERE = "benchmarks.systems"
_DRAMATIQ = ("-m", "dramatiq", f"{_HERE}.in_dramatiq", "-p", "1", "--skip-logging", "-t")
_CELERY = ("-m", "celery", "-A", f"{_HERE}.in_celery", "worker", "-l", "ERROR", "-c")
_QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")
_TASKIQ = ("-m", "taskiq", "worker", "-w", "1", "--log-level", "ERROR", "--no-parse")
_HUEY = ("-m", "huey.bin.huey_consumer", f"{_HERE}.in_huey.huey", "-q", "-k", "thread")
_OURS = ("-c", "from pipeline.cli.main import main; main()", "run")


def _both(*command: str) -> Mapping[str, tuple[str, ...]]:
    """One command for async tasks and for those in threads."""
    return {"async": command, "thread": command}


class System(NamedTuple):
    """One framework in one setting.

    :param module: in this package.
    :param acks: when a call is acknowledged, so what a worker that dies loses or does again.
    :param setting: what was set to make it fast.
    :param workers: the arguments of the interpreter that start a worker, by the kind of the tasks;
        ``{folder}`` in them stands for a folder of the run.
    :param needs: the distribution that must be there.
    :param share: how many calls a round has, of those that the fastest has.
    :param env: of the worker.
    """

    module: str
    acks: str
    setting: str
    workers: Mapping[str, tuple[str, ...]]
    needs: str = ""
    share: float = 0.25
    env: Mapping[str, str] = {}

    @property
    def is_there(self) -> bool:
        """Whether what it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None


OURS = {
    "pipeline": System(
        "in_pipeline",
        "after the work, with all that it stages, in one step",
        "defaults: the states of calls are kept; ignore_result; many by send_many",
        {kind: (*_OURS, f"{{folder}}/{kind}.yaml") for kind in ("async", "thread", "process")},
        share=1,
    ),
    "pipeline, fast": System(
        "in_pipeline",
        "after the work, with all that it stages, in one step",
        "ignore_result, keep_task_states: 0, max_in_flight: 400; many by send_many",
        {kind: (*_OURS, f"{{folder}}/{kind}-fast.yaml") for kind in ("async", "thread", "process")},
        share=1,
    ),
}
PEERS = {
    "bare loop": System(
        "in_bare",
        "after the work, a batch at a time",
        "XREADGROUP COUNT 100, one script for each batch",
        {"async": ("-m", f"{_HERE}.in_bare")},
        share=2,
    ),
    "dramatiq": System(
        "in_dramatiq",
        "after the work",
        "prefetch 500, 8 threads",
        _both(*_DRAMATIQ, "8"),
        needs="dramatiq",
        env={"dramatiq_queue_prefetch": "500"},
    ),
    "celery": System(
        "in_celery",
        "after the work (acks_late)",
        "prefetch without limit, no results, no events, 8 threads",
        {
            "thread": (*_CELERY, "8", "-P", "threads", *_QUIET),
        },
        needs="celery",
    ),
    "taskiq, streams": System(
        "in_taskiq",
        "after the work",
        "uvloop, 500 at a time, reads 500",
        _both(*_TASKIQ, "--max-async-tasks", "500", f"{_HERE}.in_taskiq:broker"),
        needs="taskiq_redis",
    ),
    "faststream, streams": System(
        "in_faststream",
        "after the work",
        "uvloop, reads 500; many in pipelines of 500",
        _both("-m", "faststream", "run", f"{_HERE}.in_faststream:app", "--log-level", "error"),
        needs="faststream",
    ),
    "huey": System(
        "in_huey",
        "before the work: a worker that dies loses it",
        "no results, 8 threads",
        {"thread": (*_HUEY, "-w", "8", "-n")},
        needs="huey",
    ),
    "arq": System(
        "in_arq",
        "after the work",
        "uvloop, 500 jobs at a time, polls each 10 ms, no results",
        {"async": ("-m", f"{_HERE}.in_arq")},
        needs="arq",
        share=0.1,
    ),
}
SYSTEMS = {**OURS, **PEERS}
