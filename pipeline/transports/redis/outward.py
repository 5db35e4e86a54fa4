"""From messages to what is written."""

from __future__ import annotations

from typing import Any

from pipeline.errors import InvalidMessage, PermanentFailure
from pipeline.middleware.field_path import value_getter
from pipeline.transports.redis.config import WriteConfig
from pipeline.transports.redis.payloads import as_bytes, encoded
from pipeline.transports.rules import MISSING, WHOLE, Rule, converted

__all__ = ["Outward"]

#: What is written of a message where no rules are given.
_USUAL = ("message_id", "in_reply_to", "to_addr", "from_addr", "content")


class Outward:
    """Makes what is written of messages, as the options say.

    :param options: of the sink.
    """

    def __init__(self, options: WriteConfig) -> None:
        self._format = options.payload_format
        self._payload_field = options.payload_field
        rules = options.rules
        if rules is None:
            rules = {name: Rule(name) for name in _USUAL}
            rules = {WHOLE: Rule("content")} if self._format == "text" else rules
        self._parts = [
            (name, None if rule.path is None else value_getter(rule.path), rule)
            for name, rule in rules.items()
        ]

    def fields(self, message: Any) -> list[bytes]:
        """The fields and values of a stream's entry, flat.

        :raise PermanentFailure: the message has nothing to be written, or can't be written so.
        """
        if self._format != "fields":
            return [self._payload_field.encode(), self.payload(message)]
        parts = self._values(message).items()
        flat = [part for name, value in parts for part in (name.encode(), as_bytes(value))]
        if not flat:
            raise PermanentFailure("nothing to be written: no field of the message has a value")
        return flat

    def payload(self, message: Any) -> bytes:
        """The payload.

        :raise PermanentFailure: the message can't be written so.
        """
        return encoded(self._values(message), self._format)

    def _values(self, message: Any) -> dict[str, Any]:
        try:
            values = {name: _value(message, getter, rule) for name, getter, rule in self._parts}
        except InvalidMessage as error:
            raise PermanentFailure(f"{message!r} can't be written: {error}") from error
        return {name: value for name, value in values.items() if value is not None}


def _value(message: Any, getter: Any, rule: Rule) -> Any:
    value = None if getter is None else getter(message)
    if value is None:
        return None if rule.default is MISSING else rule.default
    return converted(value, rule.kind or "as_is")
