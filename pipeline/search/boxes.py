"""What was found, in boxes for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pipeline.search.findings import Finding
from pipeline.search.plain import cleaned, columns, on_one_line, wrapped

__all__ = ["NOTHING", "report"]

#: What is said when nothing was found.
NOTHING = "No result found."

#: How many findings are shown.
MOST = 3

#: How wide a box is, in columns.
WIDTH = 80

#: The most lines of a title, and of an answer.
TITLE_LINES = 4
ANSWER_LINES = 30

_INNER = WIDTH - 4
_RULE = f"+{'-' * (WIDTH - 2)}+"


def report(findings: Iterable[Finding], exception: str) -> str:
    """What a developer is shown: at most three findings, the best last, then the exception.

    :param exception: its traceback.
    """
    best = sorted(findings, key=lambda each: each.votes, reverse=True)[:MOST]
    shown = [_box(each) for each in reversed(best)] or [f"{NOTHING}\n"]
    return "\n".join([*shown, cleaned(exception).rstrip("\n") + "\n"])


def _box(finding: Finding) -> str:
    lines = [_RULE, *_rows(_head(finding)), _RULE, *_rows(_answer(finding)), _RULE]
    return "\n".join(lines) + "\n"


def _head(finding: Finding) -> Iterator[str]:
    yield from _cut(on_one_line(finding.title) or "(without a title)", TITLE_LINES)
    if finding.link:
        yield from _cut(on_one_line(finding.link), TITLE_LINES)
    yield from _cut(on_one_line(finding.note) or _votes(finding.votes), TITLE_LINES)


def _answer(finding: Finding) -> Iterator[str]:
    if not finding.answer:
        yield "No answer."
        return
    if finding.answer_votes is not None:
        yield f"Best answer, {_votes(finding.answer_votes)}:"
        yield ""
    yield from _cut(cleaned(finding.answer).strip("\n"), ANSWER_LINES)


def _votes(count: int) -> str:
    return "1 vote" if count == 1 else f"{count} votes"


def _cut(text: str, most: int) -> Sequence[str]:
    """The first lines of a text, with dots where there are more."""
    lines = list(islice(wrapped(text, _INNER), most + 1))
    return lines if len(lines) <= most else [*lines[:most], "(...)"]


def _rows(lines: Iterable[str]) -> Iterator[str]:
    return (f"| {line}{' ' * (_INNER - columns(line))} |" for line in lines)
