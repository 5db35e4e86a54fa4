"""From a line to the message that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from pipeline.errors import InvalidMessage, InvalidMessageField, MissingMessageField
from pipeline.message import UserMessage, from_payload
from pipeline.message.envelope import unshared
from pipeline.transports.connections import CONNECTION
from pipeline.transports.rules import Rule
from pipeline.transports.targets import kind_of, target

__all__ = ["Entries"]

#: Whom a recorded message came from is not there any more.
_WAYS_BACK = ("reply_instance", CONNECTION)
#: Fields in which a number is taken as the text it is written as.
_TEXTS = ("to_addr", "from_addr", "content", "message_id", "in_reply_to", "group", "provider")

_decode = msgspec.json.Decoder().decode


class Entries:
    """Makes messages of lines.

    :param transport_name: whose messages they become.
    :param format: ``json``: an object; ``text``: the line is the content.
    :param rules: where in the object each field of the message is; when there are none, the
        object's members are the message's fields.
    :param defaults: fields of messages that don't have them.
    """

    def __init__(
        self,
        transport_name: str,
        format: str = "json",
        rules: Mapping[str, Rule] | None = None,
        defaults: Mapping[str, Any] | None = None,
    ) -> None:
        self._transport_name = transport_name
        self._rules = [(target(name), kind_of(name), rule) for name, rule in (rules or {}).items()]
        self._defaults = {"to_addr": None, "from_addr": None, "transport_type": "file"}
        self._defaults.update(defaults or {})
        self._values: Callable[[bytes], Any] = self._text if format == "text" else self._object

    def message(self, line: bytes, id: str) -> UserMessage:
        """The message of a line.

        :param id: its id, unless it says one itself.
        :raise InvalidMessage: the line is something else.
        """
        values = self._values(line)
        if not self._rules and "message_type" in values:
            return self._recorded(values)
        fields = self._mapped(values) if self._rules else values
        given = {"message_id": id, **unshared(self._defaults), **fields}
        for name in _TEXTS:
            if isinstance(given.get(name), int | float) and not isinstance(given[name], bool):
                given[name] = msgspec.json.encode(given[name]).decode()
        return self._ours({**given, "message_type": "user_message"})

    def _recorded(self, values: dict[str, Any]) -> UserMessage:
        """A whole message, as ``to_json`` writes it."""
        metadata = values.get("transport_metadata")
        if isinstance(metadata, dict):
            kept = {key: metadata[key] for key in metadata if key not in _WAYS_BACK}
            values = {**values, "transport_metadata": kept}
        if "reply_to" in values:
            values = {**values, "reply_to": None}
        return self._ours(values)

    def _ours(self, values: dict[str, Any]) -> UserMessage:
        message = from_payload({**values, "transport_name": self._transport_name})
        if not isinstance(message, UserMessage):
            raise InvalidMessageField(f"a {message.message_type} is no inbound message")
        return message

    def _mapped(self, values: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for (field, key), kind, rule in self._rules:
            try:
                value = rule.value_in(values, kind)
            except MissingMessageField:
                if key or field not in self._defaults or self._defaults[field] is None:
                    raise
                continue
            if key:
                fields.setdefault(field, {})[key] = value
            else:
                fields[field] = value
        return fields

    def _text(self, line: bytes) -> dict[str, Any]:
        try:
            return {"content": line.decode()}
        except UnicodeError as error:
            raise InvalidMessage(f"not utf-8: {error}") from None

    def _object(self, line: bytes) -> Any:
        try:
            values = _decode(line)
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors
            raise InvalidMessage(f"not JSON: {error}") from None
        if not isinstance(values, dict):
            raise InvalidMessage(f"expected an object of fields, got {type(values).__name__}")
        return values
