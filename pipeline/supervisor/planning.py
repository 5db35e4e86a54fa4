"""Reads a configuration and makes its plan, in a process of its own.

So the supervisor itself imports nothing of what it runs, stays small, and checks a configuration
together with the code as it is now, whatever it was when the supervisor began.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any
from urllib.parse import unquote

import msgspec

from pipeline.config.problems import Problems, flattened, suggestion
from pipeline.config.schemas import SystemConfig
from pipeline.errors import ConfigError
from pipeline.service.brokers import folder_of
from pipeline.service.build import chosen, load, probes
from pipeline.supervisor.plan import Answer, Asked, Plan, Problem
from pipeline.transports.binding import Binding
from pipeline.transports.listening import Listening, ListeningConfig
from pipeline.worker import Worker

__all__ = ["main", "plan_of"]


def main() -> None:
    """Answer on standard output what is asked on standard input, both in JSON."""
    # What the code of workers prints while it is imported goes where errors go.
    answer = os.dup(1)
    os.dup2(2, 1)
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    with open(answer, "wb") as out:
        out.write(msgspec.json.encode(_answered(asked)))


def _answered(asked: Asked) -> Answer:
    try:
        plan = plan_of(load(asked.file, asked.set_option), asked.workers)
        return Answer(_with_log(plan, asked))
    except ConfigError as error:
        return Answer(problems=tuple(map(Problem.of, flattened(error))))


def _with_log(plan: Plan, asked: Asked) -> Plan:
    """The command line goes before the file."""
    return msgspec.structs.replace(
        plan,
        log_format=asked.log_format or plan.log_format,
        log_level=asked.log_level or plan.log_level,
    )


def plan_of(config: SystemConfig, only: Sequence[str] = ()) -> Plan:
    """Make the plan of a configuration.

    :param only: the names of the workers to run; none for all.
    :raise ConfigError: something is wrong, or can't be done in several processes;
        :class:`~pipeline.config.problems.ConfigErrors` when several things are.
    """
    problems = Problems()
    with problems.collecting():
        _check_broker(config)
    with problems.collecting():
        _check_single(config)
    workers: list[Worker] = []
    with problems.collecting():
        workers = probes(config, chosen(config, only))
    bindings: dict[str, Binding] = {}
    with problems.collecting():
        bindings = _bindings(workers)
    problems.raise_any()
    return _plan(config, workers, bindings)


def _plan(config: SystemConfig, workers: list[Worker], bindings: dict[str, Binding]) -> Plan:
    options = config.supervisor
    single = [each.name for each in workers if each.is_single or each.name in options.single]
    several = [each.name for each in workers if each.name not in single]
    scheme, _, folder = config.redis.partition("://")
    is_private = scheme.lower() == "embedded"
    return Plan(
        namespace=config.namespace,
        folder=folder_of(config, unquote(folder)) if is_private else None,
        is_private=is_private,
        workers=tuple(several),
        single=tuple(single),
        processes=(options.processes or 1) if several else 1,
        bindings=bindings,
        stop_timeout=config.stop_timeout,
        hung_after=options.hung_after,
        start_timeout=options.start_timeout,
        max_memory=options.max_memory,
        monitor=None if config.monitor is None else msgspec.to_builtins(config.monitor),
        log_format=config.log_format,
        log_level=config.log_level,
    )


def _check_broker(config: SystemConfig) -> None:
    if config.redis.lower().startswith("memory:"):
        raise ConfigError(
            f"redis: {config.redis} is within one process, and a supervisor runs several",
            hint="embedded:// is a server of theirs",
        )


def _check_single(config: SystemConfig) -> None:
    known = {spec.name for spec in config.workers}
    problems = Problems()
    for name in config.supervisor.single:
        if name not in known:
            what = f"supervisor: single: there is no worker {name!r}"
            problems.add(ConfigError(what, hint=suggestion(name, known)))
    problems.raise_any()


def _bindings(workers: Sequence[Worker]) -> dict[str, Binding]:
    listening = list(_listening(workers))
    problems = Problems()
    for (name, _, one), (other, _, same) in combinations(listening, 2):
        if one.place == same.place and not (one.reuse_port and same.reuse_port):
            what = f"workers {name!r} and {other!r} both listen on {one.place}"
            problems.add(ConfigError(what, hint="give each a port of its own"))
    problems.raise_any()
    return {description: binding for _, description, binding in listening}


def _listening(workers: Sequence[Worker]) -> Iterator[tuple[str, str, Binding]]:
    for worker in workers:
        config: Any = worker.config
        if isinstance(config, ListeningConfig):
            yield worker.name, str(config.listen), _binding(worker, config)


def _binding(worker: Worker, config: Any) -> Binding:
    try:
        return Listening.of(config).binding()
    except ConfigError as error:
        what = f"worker {worker.name!r}: listen: {error.what}"
        raise ConfigError(what, at=error.at, hint=error.hint) from None


if __name__ == "__main__":
    main()
