"""What became of failures, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.observe.letters import Letter, history_of
from pipeline.search.findings import Finding
from pipeline.search.trouble import Trouble

__all__ = ["end_of", "told"]

#: What becomes of a failed message, by the field that counts it, as a report says it.
_ENDS = {
    "retried": "went well when tried again",
    "put_back": "went well after being put back",
    "edited": "went well after being edited",
}

#: What operators do with letters, by the note in the history.
_TRIED = {"requeued": "put back, and dead again:", "edited": "edited"}


def told(
    trouble: Trouble, record: Mapping[str, str], letters: Sequence[Letter], most: int | None = None
) -> list[Finding]:
    """The story of a failure, then one for each queue where letters of it lie.

    :param record: what is noted: how often it ``failed`` and ``died``, when ``first`` and ``last``
        (seconds since the epoch), how often which end came of it, and how often what ended well had
        been put back (``times_put_back``).
    :param letters: that died of it.
    :param most: only so many letters were looked at; None: all.
    """
    by_queue: dict[str, list[Letter]] = {}
    for letter in letters:
        by_queue.setdefault(letter.entry.queue, []).append(letter)
    found = [_of_queue(queue, group) for queue, group in by_queue.items()]
    return [_of_record(trouble, record, letters, most), *found]


def end_of(history: bytes) -> tuple[str, int]:
    """What helped a message that has failed and went well, and how often it was put back."""
    events = _events(history_of(history))
    put_back = sum("requeued" in event for event in events)
    if any("edited" in event for event in events):
        return "edited", put_back
    return ("put_back" if put_back else "retried"), put_back


def _of_record(
    trouble: Trouble, record: Mapping[str, str], letters: Sequence[Letter], most: int | None
) -> Finding:
    """The whole story of a failure."""
    failed = max(int(record.get("failed", 0)), len(letters))
    place = f" in {trouble.place}" if trouble.place else ""
    times = [letter.died_at for letter in letters]
    times += [float(record[name]) for name in ("first", "last") if name in record]
    lines = [f"First {_when(min(times))}, last {_when(max(times))}.", ""]
    lines += [f"- {line}" for line in _ends(record, letters, most)]
    answer, note = "\n".join(lines), f"failed {_times(failed)}{place}"
    return Finding(trouble.title, "", failed, answer, note=note)


def _ends(record: Mapping[str, str], letters: Sequence[Letter], most: int | None) -> Iterator[str]:
    """What became of the messages that failed so."""
    looked = "" if most is None else f", of the first {most} letters, which were looked at"
    yield f"{len(letters)} still dead{looked}"
    for name, words in _ENDS.items():
        if int(record.get(name, 0)):
            yield f"{record[name]} {words}"
    requeued = sum("requeued" in event for each in letters for event in _events(each.history))
    back = requeued + int(record.get("times_put_back", 0))
    gone = int(record.get("died", 0)) - len(letters) - back
    if most is None and gone > 0:
        yield f"{gone} gone: thrown away, or put back and not done yet"


def _of_queue(queue: str, letters: Sequence[Letter]) -> Finding:
    """The letters of one queue."""
    newest = max(letters, key=lambda each: each.died_at)
    reasons = ", ".join(sorted({letter.text("reason") for letter in letters}))
    events = [event for letter in letters for event in _events(letter.history)]
    lines = [f"The newest is {newest.reference}, of {_when(newest.died_at)}:"]
    lines += [f"    pipeline dead show FILE {newest.reference}", ""]
    for name, words in _TRIED.items():
        count = sum(name in event for event in events)
        if count:
            lines.append(f"- {words} {_times(count)}")
    count = len(letters)
    note = "1 dead letter" if count == 1 else f"{count} dead letters"
    return Finding(f"{queue}: {reasons}", "", count, "\n".join(lines), note=note)


def _events(history: Sequence[Any]) -> list[dict[str, Any]]:
    return [event for event in history if isinstance(event, dict)]


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
