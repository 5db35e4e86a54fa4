"""Messages in queues, laid out for a person or for another program."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from pipeline.cli.table import Table, span, visible
from pipeline.codec import Codec, Undecodable
from pipeline.observe.letters import history_of
from pipeline.observe.queues import reference
from pipeline.operating import Found

__all__ = ["Shown", "rows", "shown"]

_JSON = Codec("json")
#: The last title, which depends on the kind.
_HEADS = {"waiting": (), "delayed": ("DUE IN",), "in_hand": ("WORKER",)}


class Shown:
    """A message as it is shown.

    :param found: as it was found.
    :param kind: ``waiting``, ``delayed`` or ``in_hand``.
    :param codec: the namespace's.
    :param now: the server's time, in ms.
    """

    def __init__(self, found: Found, kind: str, codec: Codec, now: int) -> None:
        self.found = found
        self.kind = kind
        self.now = now
        decoded = codec.decode(found.delivery.payload)
        #: Why it is no message; None when it is one.
        self.undecodable: str | None = None
        #: The message as a JSON object; None when it is none.
        self.message: dict[str, Any] | None = None
        if isinstance(decoded, Undecodable):
            self.undecodable = decoded.reason
        else:
            self.message = json.loads(_JSON.encode(decoded))

    def summary(self) -> dict[str, Any]:
        """All but its history, as JSON can hold it; ``hex`` has the bytes of what is no message."""
        delivery, found = self.found.delivery, self.found
        return {
            "id": reference(found),
            "queue": delivery.queue,
            "partition": delivery.partition,
            "kind": self.kind,
            "since": _iso(found.since) if found.since else None,
            "due_at": _iso(found.due) if found.due else None,
            "worker": found.worker or None,
            "attempt": delivery.attempt,
            "deaths": delivery.deaths,
            "enqueued_at": _iso(delivery.enqueued_at) if delivery.enqueued_at else None,
            "bytes": len(delivery.payload),
            "message": self.message,
            "undecodable": self.undecodable,
            "hex": None if self.undecodable is None else delivery.payload.hex(),
        }

    def whole(self) -> dict[str, Any]:
        """All that is known of it, with its failed attempts in ``history``."""
        return {**self.summary(), "history": history_of(self.found.delivery.history)}

    def text(self) -> str:
        """The message on a line."""
        if self.undecodable is not None:
            return f"undecodable: {self.found.delivery.payload.hex()}"
        return json.dumps(self.message, ensure_ascii=False)

    def row(self) -> Sequence[str]:
        """A row of :func:`rows`."""
        found = self.found
        more = {
            "waiting": (),
            "delayed": (span((found.due - self.now) / 1000),),
            "in_hand": (found.worker,),
        }[self.kind]
        tries, age = str(found.delivery.attempt), span((self.now - found.since) / 1000)
        return (reference(found), tries, age if found.since else "?", *more, self.text())


def rows(messages: Sequence[Shown], kind: str, stream: TextIO) -> Iterator[str]:
    """A line for each, below titles; nothing where there is none.

    :param stream: where they will be printed.
    """
    if messages:
        head = ("ID", "TRIES", "AGE", *_HEADS[kind], "MESSAGE")
        yield from Table(stream, head).lines([each.row() for each in messages])


def shown(message: Shown) -> str:
    """All that is known of a message, as text with no line that a terminal would obey."""
    told = message.whole()
    lines = [
        f"{name:<12}{visible(str(told[name]))}"
        for name in told
        if name not in ("message", "history", "hex") and told[name] not in (None, "")
    ]
    lines += [f"{'failed':<12}{visible(json.dumps(each))}" for each in told["history"]]
    if message.undecodable is not None:
        return "\n".join([*lines, f"{'hex':<12}{told['hex']}"])
    text = json.dumps(message.message, indent=2, ensure_ascii=False)
    return "\n".join([*lines, "message", *(f"  {visible(line)}" for line in text.split("\n"))])


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
