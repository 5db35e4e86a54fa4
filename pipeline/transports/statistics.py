"""What a transport counts, for whoever wants to know: the log, a status page, metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

__all__ = ["Statistics"]


class Statistics:
    """Counts and gauges of one transport, under names.

    A count only grows, from the start of the process; a gauge is asked when somebody looks. Both
    cost the one who counts no more than an addition.

    :ivar counts: name -> how often; as ``connections``, ``refused``, ``messages_in``.
    """

    __slots__ = ("_gauges", "counts")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._gauges: dict[str, Callable[[], float]] = {}

    def count(self, name: str, by: int = 1) -> None:
        """Something has happened, so many times."""
        self.counts[name] += by

    def gauge(self, name: str, value: Callable[[], float]) -> None:
        """Have a value asked for, as the number of open connections, when somebody looks.

        :raise ValueError: the name is a count's.
        """
        if name in self.counts:
            raise ValueError(f"{name!r} is counted already")
        self._gauges[name] = value

    @property
    def gauges(self) -> dict[str, float]:
        """name -> what it is now."""
        return {name: value() for name, value in self._gauges.items()}

    def snapshot(self) -> dict[str, float]:
        """Everything, as it is now."""
        return {**self.counts, **self.gauges}
