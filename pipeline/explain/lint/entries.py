"""Entries of a ``middleware:`` list that do nothing, or not what they seem to."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.explain.lint.rules import Found, Given, Rule
from pipeline.middleware.families import Family

__all__ = ["RULES"]


def _without_effect(given: Given) -> Iterator[Found]:
    """What is skipped by every worker that lists it."""
    lists: dict[tuple[str | None, str], int] = {}
    for worker in given.workers:
        for entry in worker.loaded.entries:
            lists[entry.at, entry.name] = lists.get((entry.at, entry.name), 0) + 1
    skipped: dict[tuple[str | None, str], list[tuple[str, str]]] = {}
    for view in given.system.workers:
        for each in view.skipped:
            if each.sort == "idle":
                skipped.setdefault((each.at, each.name), []).append((view.name, each.why))
    for (at, name), found in skipped.items():
        if len(found) == lists[at, name]:
            name_of_first, why = found[0]
            where = f"in {name_of_first!r}" if len(found) == 1 else "anywhere"
            yield Found(
                f"{name!r} does nothing {where}: {why}",
                "take it out, or list it in the worker that it is for",
                at,
                name_of_first if len(found) == 1 else "",
            )


def _priorities(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        for entry in worker.loaded.entries:
            has = entry.consume_priority or entry.publish_priority
            if has and entry.family is not Family.MESSAGE:
                yield Found(
                    f"{entry.name!r} has a priority, and is middleware of {entry.family.value}s",
                    "put it where it belongs in the list instead",
                    entry.at,
                    worker.name,
                )


def _twice(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        seen = set()
        for entry in worker.loaded.entries:
            key = (entry.name, entry.middleware)
            if key in seen and entry.family is Family.MESSAGE:
                yield Found(
                    f"{entry.name!r} is listed twice, with the same class",
                    "give it another name, if that is meant: what it stores is kept by its name",
                    entry.at,
                    worker.name,
                )
            seen.add(key)


def _unready(given: Given) -> Iterator[Found]:
    for worker in given.workers:
        for name, why in worker.unready:
            entries = (entry for entry in worker.loaded.entries if entry.name == name)
            yield Found(
                f"{name!r} could not be set up: {why}",
                "see whether it is so where the worker runs",
                next((entry.at for entry in entries), None),
                worker.name,
            )


RULES = (
    Rule(
        "no-effect",
        "warning",
        "Middleware does nothing in any worker that lists it.",
        "it is of another family, or handles what no message is there",
        _without_effect,
    ),
    Rule(
        "useless-priority",
        "warning",
        "Middleware of tasks or requests has a priority.",
        "priorities order message middleware only",
        _priorities,
    ),
    Rule(
        "listed-twice",
        "warning",
        "The same message middleware is listed twice under one name.",
        "the second takes what the first has stored for its own, as `dedup` does",
        _twice,
    ),
    Rule(
        "not-set-up",
        "warning",
        "The setup of a middleware failed, or waited, when the file was looked at.",
        "its worker may not start",
        _unready,
    ),
)
