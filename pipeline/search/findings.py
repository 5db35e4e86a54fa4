"""What a search finds."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.errors import PipelineError

__all__ = ["Finding", "SearchFailed"]


class SearchFailed(PipelineError):
    """A service could not search; the text says why. It is logged, and breaks nothing."""


@dataclass(frozen=True)
class Finding:
    """A question and its best answer, as text; nothing in it is trusted.

    :param title: the question, in a line.
    :param link: where it is to be read; '' when there is no such place.
    :param votes: how much it is worth: more is better.
    :param answer: its best answer; '' when there is none.
    :param answer_votes: how much that is worth; None: unknown.
    :param note: what is shown instead of the votes.
    """

    title: str
    link: str = ""
    votes: int = 0
    answer: str = ""
    answer_votes: int | None = None
    note: str = ""
