"""All rules, applied to a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pipeline.config.schemas import SystemConfig
from pipeline.explain import views
from pipeline.explain.lint import endpoints, entries, order, pairs, retries, wiring
from pipeline.explain.lint.ignoring import Ignored
from pipeline.explain.lint.rules import LEVELS, Finding, Given, Rule
from pipeline.explain.prepared import Prepared

__all__ = ["RULES", "UNKNOWN", "findings_of"]

#: Every rule, in the order in which they are listed.
RULES: Final[tuple[Rule, ...]] = (
    *order.RULES,
    *pairs.RULES,
    *wiring.RULES,
    *endpoints.RULES,
    *retries.RULES,
    *entries.RULES,
)

#: What is said of the names of rules themselves; it can't be turned off.
UNKNOWN: Final = Rule(
    "unknown-rule",
    "warning",
    "A rule that shall be ignored, and that there is not.",
    "nothing is turned off by it",
    lambda given: (),
)


def findings_of(
    config: SystemConfig, workers: Sequence[Prepared], system: views.System
) -> list[Finding]:
    """What is, or may be, a mistake, the worst first; without what the file ignores.

    :param workers: all of the configuration.
    :param system: the same, explained.
    """
    given = Given(config, workers, system)
    ignored = Ignored(config.lint.ignore)
    found = [each for rule in RULES for each in rule.findings(given) if each not in ignored]
    found += _unknown(ignored, workers)
    return sorted(found, key=lambda each: LEVELS.index(each.level))


def _unknown(ignored: Ignored, workers: Sequence[Prepared]) -> Iterator[Finding]:
    places = (each.spec.at() or "" for each in workers)
    files = [place.rsplit(":", 2)[0] for place in places if place.count(":") >= 2]
    known = [rule.name for rule in RULES]
    for name, at, hint in ignored.unknown(files, known):
        what = f"there is no rule {name!r} to be ignored"
        yield Finding(UNKNOWN.name, UNKNOWN.level, what, UNKNOWN.why, hint, at or None)
