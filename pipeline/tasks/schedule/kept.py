"""An entry as one worker keeps it."""

from __future__ import annotations

from pipeline.tasks.schedule.entry import Entry
from pipeline.tasks.schedule.state import EntryState

__all__ = ["AHEAD", "Kept"]

#: A position so far ahead, in ms, was written while the server's clock was wrong.
AHEAD = 3_600_000


class Kept:
    """An entry as one worker keeps it.

    :param entry: the entry.
    :ivar begun: slots up to then are not this worker's, in ms since the epoch; None: it has not
        begun.
    :ivar leads: whether the last slot was called from here.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.name = entry.name
        self.begun: int | None = None
        self.leads = False
        self._asked: tuple[int, int | None] = (-1, None)

    def goes_on(self, state: EntryState | None, now: int) -> bool:
        """Whether it has begun, and what the store has can be believed.

        :param now: in ms since the epoch.
        """
        return self.begun is not None and state is not None and not _is_ahead(state, now)

    def since(self, state: EntryState) -> int:
        """The slots up to here are dealt with, or not this worker's; in ms since the epoch."""
        return max(state.position, self.begun or 0)

    def after(self, since: int) -> int | None:
        """The next slot; looked for once, as many entries are asked at each look."""
        if self._asked[0] != since:
            self._asked = (since, self.entry.when.after(since))
        return self._asked[1]

    def begin(self, state: EntryState | None, now: int) -> EntryState:
        """Begin with what the store has: go on if that is of the same rhythm, else from now.

        With another rhythm the position stays: a worker that has the old one may still keep it.

        :param now: in ms since the epoch.
        :return: what the store should have.
        """
        text = str(self.entry.when)
        if state is None or _is_ahead(state, now):
            state = EntryState(position=now, when=text)
        self.begun = state.position if state.when == text else now
        state.when = text
        state.task = self.entry.task.name
        state.due = self.after(self.since(state))
        return state


def _is_ahead(state: EntryState, now: int) -> bool:
    return state.position > now + AHEAD
