"""What happens to the message that is tried out, step by step."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.explain.trace.differences import Change

__all__ = ["Happening", "Stored"]


@dataclass(slots=True)
class Stored:
    """Something that is written to the store; values are nobody's business.

    :param op: as ``hset``, of :data:`pipeline.store.WRITES`.
    :param key: the key.
    :param at_once: whether it was written at once, and not staged with the message in hand.
    """

    op: str
    key: str
    at_once: bool = False


@dataclass(slots=True)
class Happening:
    """One step on the way of a message.

    :param what: ``middleware``, a ``hook`` around a view or a task, a ``view`` or a ``handler`` was
        called; ``reached`` a handler that is not called; ``published``, or ``refused`` to be;
        ``settled``.
    :param worker: whose.
    :param connector: the connector's name.
    :param kind: the message's, as ``inbound``.
    :param message_id: the message's.
    :param direction: ``consume`` or ``publish``, of middleware.
    :param name: of middleware, as in the configuration; else what is meant for people.
    :param class_name: of middleware.
    :param method: what was called.
    :param at: where that is written, as ``shop/stamp.py:12``.
    :param result: ``passed``, ``dropped``, ``answered``, ``retry``, ``error`` or ``waiting``; of
        what was settled ``done``, ``retry``, ``dropped`` or ``dead letter``.
    :param detail: why, or the error.
    :param where: of an error, which middleware or line.
    :param took: seconds that it ran, as far as it ran at all.
    :param waited: seconds of the clock that it let pass.
    :param changes: what is different in the message after it.
    :param stored: what it writes to the store.
    :param logs: what it logged.
    :param message: the message itself, of what entered or was published.
    """

    what: str
    worker: str
    connector: str
    kind: str
    message_id: str = ""
    direction: str = ""
    name: str = ""
    class_name: str = ""
    method: str = ""
    at: str = ""
    result: str = "waiting"
    detail: str = ""
    where: str = ""
    took: float = 0.0
    waited: float = 0.0
    changes: list[Change] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    message: Any = None

    def as_json(self) -> dict[str, Any]:
        """The same for programs; what is empty is left out."""
        changes = [change._asdict() for change in self.changes]
        whole = {**asdict(self), "changes": changes}
        return {key: value for key, value in whole.items() if value not in ("", None, [])}
