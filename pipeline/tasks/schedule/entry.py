"""An entry of a schedule: which task is called, when, and with what."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.errors import ConfigError
from pipeline.tasks.call import check_fit, packed
from pipeline.tasks.schedule.when import When

if TYPE_CHECKING:
    from pipeline.tasks.registry import Task

__all__ = ["CATCH_UP", "LONGEST_CATCH_UP", "MISSED", "PATIENCE", "Entry"]

#: What may become of missed slots.
MISSED = ("skip", "last", "all")

#: Seconds back to which missed slots are made up for; as in redis-tasks.
CATCH_UP = 3600.0
LONGEST_CATCH_UP = 31 * 86400.0

#: Seconds after which a call that has not ended holds up the next one no longer.
PATIENCE = 86400.0


class Entry:
    """Which task is called, when, and with what.

    :param name: what its position is kept under; unique among those of a connector.
    :param task: the task.
    :param when: as :func:`~pipeline.tasks.schedule.cron` and its like make it.
    :param args: positional arguments of each call.
    :param kwargs: named ones.
    :param singleton: whether a slot is left out while the call of an earlier one is queued, is
        tried again or runs.
    :param missed: what becomes of slots in which no worker was there: ``skip``: nothing; ``last``:
        the last one is called; ``all``: each is.
    :param catch_up: seconds back to which that goes.
    :param patience: seconds after which a call that has not ended holds up the next one no longer.
    :raise ConfigError: something is wrong.
    """

    def __init__(
        self,
        name: str,
        task: Task[Any, Any],
        when: When,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        singleton: bool = True,
        missed: str = "last",
        catch_up: float = CATCH_UP,
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self.task = task
        self.when = when
        self.args = args if isinstance(args, str) else list(args)
        self.kwargs = dict(kwargs or {})
        self.singleton = singleton
        self.missed = missed
        self.catch_up = catch_up
        self.patience = patience
        self._check()

    def __repr__(self) -> str:
        return f"<Entry {self.name}: {self.task.name}, {self.when}>"

    def next(self, count: int = 1, after: datetime | None = None) -> list[datetime]:
        """The times of the next slots, in UTC; fewer than asked for where there are no more.

        :param after: with a time zone; None: now, by this host's clock.
        """
        ms = int((time.time() if after is None else after.timestamp()) * 1000)
        found: list[datetime] = []
        while len(found) < count and (slot := self.when.after(ms)) is not None:
            found.append(datetime.fromtimestamp(slot / 1000, UTC))
            ms = slot
        return found

    def check_values(self) -> None:
        """Check that the arguments can travel.

        Not at once, as type hints may name what comes later in a module.

        :raise ConfigError: one can't; names it.
        """
        try:
            packed(self.task, self.args, self.kwargs)
        except TypeError as error:
            raise self._wrong(str(error)) from None

    def _check(self) -> None:
        if not isinstance(self.name, str) or not 0 < len(self.name) <= 200:
            raise ConfigError(f"a schedule's name has 1 to 200 characters, got {self.name!r}")
        if not callable(getattr(self.when, "after", None)):
            raise self._wrong(f"no rhythm: {self.when!r}", 'as cron("5 4 * * *") or every("5m")')
        if self.missed not in MISSED:
            raise self._wrong(f"missed must be one of {', '.join(MISSED)}, got {self.missed!r}")
        if self.missed == "all" and self.singleton:
            raise self._wrong(
                "with missed: all, singleton must be false",
                "as it is, each would be left out while the one before it runs",
            )
        for option, most in (("catch_up", LONGEST_CATCH_UP), ("patience", float("inf"))):
            amount = getattr(self, option)
            if isinstance(amount, bool) or not isinstance(amount, (int, float)):
                raise self._wrong(f"{option} must be seconds, got {amount!r}")
            if not 0 <= amount <= most:
                raise self._wrong(f"{option} must be from 0 to {most:g} seconds, got {amount:g}")
        self._check_call()

    def _check_call(self) -> None:
        if isinstance(self.args, str) or not isinstance(self.args, Sequence):
            raise self._wrong(f"args must be a list, got {self.args!r}")
        try:
            check_fit(self.task, self.args, self.kwargs)
        except TypeError as error:
            raise self._wrong(str(error)) from None

    def _wrong(self, what: str, hint: str | None = None) -> ConfigError:
        return ConfigError(f"schedule {self.name!r}: {what}", hint=hint)
