"""Rules that a file turns off: for one place, by a comment, or as a whole, by ``lint: ignore``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pipeline.config.problems import suggestion
from pipeline.explain.lint.rules import Finding

__all__ = ["Ignored"]

_COMMENT = re.compile(r"#\s*pipeline:\s*ignore\s+(?P<rules>[\w-]+(?:\s*,\s*[\w-]+)*)")
_PLACE = re.compile(r"(?P<file>.*):(?P<line>\d+):\d+")
#: How much of a file is looked through, in bytes; a configuration is not larger.
MOST = 1024 * 1024


class Ignored:
    """What a configuration doesn't want to hear of.

    A comment ``# pipeline: ignore RULE, RULE`` is for what is found on its line; one that stands
    alone, for the line below it.

    :param everywhere: rules that are off in the whole file.
    """

    def __init__(self, everywhere: Iterable[str] = ()) -> None:
        self._everywhere = frozenset(everywhere)
        self._files: dict[str, dict[int, frozenset[str]]] = {}

    def __contains__(self, finding: Finding) -> bool:
        if finding.rule in self._everywhere:
            return True
        place = _PLACE.fullmatch(finding.at or "")
        if place is None:
            return False
        return finding.rule in self._of(place["file"]).get(int(place["line"]), ())

    def unknown(
        self, files: Iterable[str], known: Collection[str]
    ) -> Iterator[tuple[str, str, str]]:
        """The names that are no rules: each with where it stands ("" for ``lint``), and a hint.

        :param files: the files to look through.
        """
        for name in sorted(self._everywhere - set(known)):
            yield name, "", _meant(name, known)
        for file in dict.fromkeys(files):
            for line, names in self._of(file).items():
                for name in sorted(names - set(known)):
                    yield name, f"{file}:{line}:1", _meant(name, known)

    def _of(self, file: str) -> dict[int, frozenset[str]]:
        if file not in self._files:
            self._files[file] = _comments(_text_of(file))
        return self._files[file]


def _comments(text: str) -> dict[int, frozenset[str]]:
    """By line: the rules that are off there."""
    found: dict[int, frozenset[str]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        comment = _COMMENT.search(line)
        if comment is None:
            continue
        alone = not line[: comment.start()].strip()
        rules = frozenset(re.split(r"\s*,\s*", comment["rules"]))
        at = number + 1 if alone else number
        found[at] = found.get(at, frozenset()) | rules
    return found


def _text_of(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            return opened.read(MOST).decode("utf-8", "replace")
    except OSError:
        return ""  # the place is on the command line, or the file is gone


def _meant(name: str, known: Collection[str]) -> str:
    return suggestion(name, known) or "pipeline explain --rules lists them"
