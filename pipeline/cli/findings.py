"""Mistakes in a configuration, told to a person or to a program that knows compilers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO

from pipeline.cli.report import Colours
from pipeline.cli.table import Table, visible

__all__ = ["finding_lines", "is_refused", "rule_lines"]

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def finding_lines(findings: Sequence[Any], stream: TextIO) -> Iterator[str]:
    """Each finding in three lines, the first as compilers write it; then how many there were.

    :param findings: as :func:`pipeline.explain.look.look_at` gives them.
    :param stream: where it will be printed.
    """
    colours = Colours(stream)
    for each in findings:
        level = colours(each.level, _COLOURS[each.level], "bold")
        place = f"{visible(each.at)}: " if each.at else ""
        yield f"{place}{level}: {visible(each.what)} [{each.rule}]"
        yield f"    why: {visible(each.why)}"
        yield f"    do:  {visible(each.hint)}"
    if findings:
        yield ", ".join(_counted(findings))


def _counted(findings: Sequence[Any]) -> Iterator[str]:
    for level in _COLOURS:
        count = sum(each.level == level for each in findings)
        if count:
            yield f"{count} {level}{'s' if count > 1 else ''}"


def is_refused(findings: Iterable[Any], *, strict: bool = False) -> bool:
    """Whether a configuration with these shall not pass.

    :param strict: warnings count, too.
    """
    bad = ("error", "warning") if strict else ("error",)
    return any(each.level in bad for each in findings)


def rule_lines(rules: Iterable[Any], stream: TextIO) -> Iterator[str]:
    """The rules that there are, a line each."""
    rows = [(rule.name, rule.level, rule.about.replace("`", "")) for rule in rules]
    return Table(stream, ("rule", "level", "looks for")).lines(rows)
