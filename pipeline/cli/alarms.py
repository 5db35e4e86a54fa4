"""Conditions on a status, for scripts: ``dead>0``, ``tasks.inbound:oldest>60``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from operator import eq, ge, gt, le, lt
from typing import Any, NamedTuple

__all__ = ["Alarm"]

_WRITTEN = re.compile(
    r"(?:(?P<queue>[^\s:]+):)?(?P<what>\w+)\s*(?P<how>[<>]=?|=)\s*(?P<than>[\d.]+)"
)
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": gt,
    ">=": ge,
    "<": lt,
    "<=": le,
    "=": eq,
}
_OF_QUEUES = ("waiting", "in_hand", "delayed", "dead")
#: What is said of workers -> their state.
_OF_WORKERS = {"alive": "alive", "late": "late", "gone": "dead"}


class Alarm(NamedTuple):
    """A condition.

    :param text: as it was written.
    :param queue: the queue that it is about; "": all of them.
    :param what: what is compared.
    :param how: the comparison's sign.
    :param than: what it is compared with.
    """

    text: str
    queue: str
    what: str
    how: str
    than: float

    @classmethod
    def parse(cls, text: str) -> Alarm:
        """Read one.

        :raise ValueError: it is none; the text says what would be.
        """
        found = _WRITTEN.fullmatch(text.strip())
        known = (*_OF_QUEUES, "oldest", *_OF_WORKERS)
        if found is None or found["what"] not in known:
            raise ValueError(f"expected as dead>0, of {', '.join(known)}, got {text!r}")
        if found["queue"] and found["what"] in _OF_WORKERS:
            raise ValueError(f"{found['what']} is about workers, not about a queue, in {text!r}")
        than = float(found["than"])
        return cls(text.strip(), found["queue"] or "", found["what"], found["how"], than)

    def raised_by(self, status: dict[str, Any]) -> str:
        """What is to be said of a status for which this holds; "" when it doesn't.

        :param status: as of :func:`pipeline.observe.status.status_of`.
        """
        value = self._value(status)
        if not _COMPARED[self.how](value, self.than):
            return ""
        return f"{self.text}: it is {value:g}"

    def _value(self, status: dict[str, Any]) -> float:
        if self.what in _OF_WORKERS:
            states = Counter(worker["state"] for worker in status["workers"])
            return states[_OF_WORKERS[self.what]]
        queues = [q for q in status["queues"] if self.queue in ("", q["queue"])]
        if self.what == "oldest":
            return max((queue["oldest_age"] or 0 for queue in queues), default=0)
        return float(sum(queue[self.what] for queue in queues))
