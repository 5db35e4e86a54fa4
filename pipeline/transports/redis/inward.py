"""From entries to messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.delivery import derived_id
from pipeline.errors import InvalidMessage, InvalidMessageField
from pipeline.message import UserMessage, new_id
from pipeline.transports.redis.config import ReadConfig
from pipeline.transports.redis.entry import Entry, Malformed
from pipeline.transports.redis.payloads import decoded, named
from pipeline.transports.rules import WHOLE, Rule
from pipeline.transports.targets import kind_of, target

__all__ = ["Inward"]


#: The longest id that a producer may give; it is remembered as long as the window.
LONGEST_ID = 255


class Inward:
    """Makes messages of entries, as the options say.

    :param options: of the source.
    :param transport_name: what the messages say they came through.
    :param transport_type: the same, what kind of transport.
    """

    def __init__(self, options: ReadConfig, transport_name: str, transport_type: str) -> None:
        self._format = options.payload_format
        self._payload_field = options.payload_field
        self._max_entry = options.max_entry
        self._constants = {"transport_name": transport_name, "transport_type": transport_type}
        self._kind, self._place = options.place or ("", "")
        rules = _usual(self._format, self._place) if options.rules is None else options.rules
        rules = {"from_addr": _NOBODY, "to_addr": Rule(default=self._place), **rules}
        self._rules = [(target(name), kind_of(name), rule) for name, rule in rules.items()]
        self._keeps_rest = options.unmapped == "extra"
        self._used = {part for rule in rules.values() if rule.path for part in _firsts(rule.path)}

    def message(self, entry: Entry) -> UserMessage:
        """The message that an entry is.

        :raise Malformed: it is none.
        """
        if entry.size > self._max_entry:
            told = f"{entry.size} bytes, over the limit of {self._max_entry} (`max_entry`)"
            raise Malformed(told, "oversized")
        try:
            return self._message(entry)
        except InvalidMessage as error:
            raise Malformed(str(error)) from error

    def _message(self, entry: Entry) -> UserMessage:
        values = self._values(entry)
        fields: dict[str, Any] = {"message_id": self._id(entry), **self._constants}
        if self._keeps_rest and isinstance(values, Mapping):
            fields["extra"] = self._rest(values)
        for (field, key), kind, rule in self._rules:
            try:
                value = rule.value_in(values, kind)
            except InvalidMessage as error:
                raise type(error)(f"{field}{'.' * bool(key)}{key}: {error}") from None
            if key:
                fields.setdefault(field, {})[key] = value
            else:
                fields[field] = value
        if not 0 < len(fields["message_id"] or "") <= LONGEST_ID:
            raise InvalidMessageField(f"message_id: expected 1 to {LONGEST_ID} characters")
        metadata = fields.setdefault("transport_metadata", {})
        metadata["redis"] = {self._kind: entry.place, "id": entry.id}
        return UserMessage(**fields)

    def _id(self, entry: Entry) -> str:
        return derived_id(entry.key, 0) if entry.id else new_id()

    def _values(self, entry: Entry) -> Any:
        value = entry.value
        if isinstance(value, bytes):
            return decoded(value, self._format)
        values = named(value)
        if self._format == "fields":
            return values
        payload = values.get(self._payload_field)
        if payload is None:
            raise Malformed(f"it has no field {self._payload_field!r} (`payload_field`)")
        return decoded(payload, self._format)

    def _rest(self, values: Mapping[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in values.items() if name not in self._used}
        rule = Rule(WHOLE)
        return {str(name): rule.value_in(value, "as_is") for name, value in rest.items()}


_NOBODY = Rule(default=None)


def _usual(format: str, place: str) -> dict[str, Rule]:
    """The rules where none are given."""
    if format == "text":
        return {"content": Rule(WHOLE)}
    named = {name: Rule(name, default=None) for name in ("content", "from_addr", "group")}
    return {**named, "to_addr": Rule("to_addr", default=place)}


def _firsts(path: str) -> set[str]:
    """The names of an entry's own fields that a path may mean."""
    return {path, path.partition(".")[0]}
