"""What is different between two states of a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

__all__ = ["Change", "differences", "plain"]

#: Deeper than this, what has changed is shown as a whole.
DEEPEST = 20


class Change(NamedTuple):
    """A field that is not as it was.

    :param path: the field's name; within a mapping with dots, as ``helper_metadata.session.age``.
    :param sort: ``added``, ``removed`` or ``changed``.
    :param before: what it was; None if it was not there.
    :param after: what it is; None if it is not there any more.
    """

    path: str
    sort: str
    before: Any = None
    after: Any = None


def differences(before: Any, after: Any) -> list[Change]:
    """What has changed between two values, by field.

    :param before: as of :func:`plain`.
    :param after: the same.
    """
    return list(_changes("", before, after, 0))


def _changes(path: str, before: Any, after: Any, depth: int) -> Iterator[Change]:
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)) or depth == DEEPEST:
        if type(before) is not type(after) or before != after:
            yield Change(path or ".", "changed", before, after)
        return
    for key in {**before, **after}:
        name = f"{path}.{key}" if path else str(key)
        if key not in before:
            yield Change(name, "added", after=after[key])
        elif key not in after:
            yield Change(name, "removed", before=before[key])
        else:
            yield from _changes(name, before[key], after[key], depth + 1)


def plain(value: Any) -> Any:
    """A copy of a message, or of what is in one, that nothing can change any more.

    It is of mappings, lists, texts and numbers; what else there is becomes a text.
    """
    payload = getattr(value, "payload", value)
    if isinstance(payload, Mapping):
        return {str(key): plain(item) for key, item in payload.items()}
    if isinstance(payload, list | tuple):
        return [plain(item) for item in payload]
    if isinstance(payload, set | frozenset):
        return sorted((plain(item) for item in payload), key=repr)
    if isinstance(payload, datetime):
        return payload.isoformat()
    if payload is None or isinstance(payload, bool | int | float | str):
        return payload
    return repr(payload)
