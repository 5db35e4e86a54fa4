"""Mappings and lists that remember where in which file their parts were written.

They are a dict and a list like any other, and equal to them; who asks for a position of a plain
one learns nothing and comes to no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Items", "Path", "Place", "Section", "copied", "key_position", "merged", "position"]

#: The way from the top of a document to a value in it: keys, and indices of lists.
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands, as ``worker.yaml:12:9``.

    :param key: the position of its key (in a list: of the item).
    :param value: the position of its value.
    """

    key: str
    value: str


class Section(dict[str, Any]):
    """A mapping that remembers its position and its entries'.

    :param values: the entries.
    :param places: where each entry stands; entries may be missing.
    :param here: where the mapping itself stands.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        places: Mapping[str, Place] | None = None,
        here: str | None = None,
    ) -> None:
        super().__init__(values)
        self.places = dict(places or {})
        self.here = here

    def without(self, *keys: str) -> Section:
        """Give a copy that lacks these entries."""
        kept = {key: value for key, value in self.items() if key not in keys}
        return Section(kept, self.places, self.here)

    def only(self, *keys: str) -> Section:
        """Give a copy that has no other entries than these."""
        kept = {key: value for key, value in self.items() if key in keys}
        return Section(kept, self.places, self.here)


class Items(list[Any]):
    """A list that remembers its position and its items'.

    :param values: the items.
    :param places: where each item stands, by its index.
    :param here: where the list itself stands.
    """

    def __init__(
        self,
        values: Iterable[Any] = (),
        places: Mapping[int, Place] | None = None,
        here: str | None = None,
    ) -> None:
        super().__init__(values)
        self.places = dict(places or {})
        self.here = here


def position(data: Any, path: Path = ()) -> str | None:
    """Say where a value stands, or the nearest thing around it that has a position.

    A scalar stands where it is written, a mapping or a list where its key is.

    :return: as ``worker.yaml:12:9``; None when nothing on the way has a position.
    """
    found: str | None = getattr(data, "here", None)
    for step in path:
        child = _child(data, step)
        place = _place(data, step)
        if place is None and child is None:
            return found
        if place is not None:
            found = place.key if isinstance(child, (Mapping, list)) else place.value
        else:
            found = getattr(child, "here", None) or found
        data = child
    return found


def key_position(data: Any, key: str) -> str | None:
    """Say where a key of a mapping is written, else where the mapping is."""
    place = _place(data, key)
    return place.key if place is not None else position(data)


def merged(*sections: Mapping[str, Any]) -> Section:
    """Give one mapping of several, later ones first in right, each entry with its own position.

    The merge is shallow, and the position of the whole is the last one's.
    """
    result = Section()
    for section in sections:
        result.update(section)
        for key in section:
            result.places.pop(key, None)
        places: Mapping[str, Place] = getattr(section, "places", {})
        result.places.update({key: places[key] for key in section if key in places})
        result.here = getattr(section, "here", None) or result.here
    return result


def copied(value: Any) -> Any:
    """Copy mappings and lists all the way down, into plain ones; share everything else."""
    if isinstance(value, Mapping):
        return {key: copied(each) for key, each in value.items()}
    if isinstance(value, list):
        return [copied(each) for each in value]
    return value


def _child(data: Any, step: str | int) -> Any:
    if isinstance(data, Mapping):
        return data.get(step)
    if isinstance(data, list) and isinstance(step, int) and -1 < step < len(data):
        return data[step]
    return None


def _place(data: Any, step: str | int) -> Place | None:
    places: Mapping[Any, Place] = getattr(data, "places", {})
    return places.get(step)
