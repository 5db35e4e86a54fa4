"""Looking at a configuration as a whole: its explanation, and the mistakes in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from pipeline.config.schemas import SystemConfig
from pipeline.errors import ConfigError
from pipeline.explain import views
from pipeline.explain.explanation import explained
from pipeline.explain.lint.rules import Finding
from pipeline.explain.lint.run import findings_of
from pipeline.explain.prepared import prepared, put_away
from pipeline.service.build import chosen

__all__ = ["Look", "look_at"]


class Look(NamedTuple):
    """What was seen.

    :param findings: the worst first.
    """

    system: views.System
    findings: list[Finding]


def look_at(config: SystemConfig, only: Collection[str] = ()) -> Look:
    """Explain a configuration, and look for mistakes.

    Mistakes are looked for in the whole of it, since queues lead from worker to worker. If workers
    that aren't asked for can't be made here, there is an explanation only.

    :param only: the names of the workers to be told of; none for all.
    :raises ConfigError: something is wrong; all of it is said.
    """
    names = {spec.name for spec in chosen(config, only)}
    try:
        whole = _whole(config)
    except ConfigError:
        if not only:
            raise
        workers = prepared(config, only)
        try:
            return Look(explained(config.namespace, workers), [])
        finally:
            put_away(workers)
    workers_told = tuple(each for each in whole.system.workers if each.name in names)
    told = [each for each in whole.findings if not only or each.worker in names]
    return Look(replace(whole.system, workers=workers_told), told)


def _whole(config: SystemConfig) -> Look:
    workers = prepared(config)
    try:
        system = explained(config.namespace, workers)
        return Look(system, findings_of(config, workers, system))
    finally:
        put_away(workers)
