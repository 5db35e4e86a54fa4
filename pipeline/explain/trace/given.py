"""The message that is tried out: what somebody typed, completed to a whole message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from pipeline.codec import MAX_BYTES
from pipeline.config.problems import described
from pipeline.errors import ConfigError, InvalidMessage
from pipeline.message import Message, from_payload, new_id

__all__ = ["KINDS", "Given"]

#: The kinds that can be asked for, and the type of message that each is unless it says so itself.
KINDS = {
    "inbound": "user_message",
    "outbound": "user_message",
    "event": "event",
    "failure": "failure",
    "status": "status_event",
    "task": "task",
}

#: The type of a message that doesn't say it, by a field that only this type has.
_TOLD_BY = {
    "task": "task",
    "event_type": "event",
    "user_message_id": "event",
    "component": "status_event",
    "reason": "failure",
}

#: The kind as which a type of message travels unless somebody says otherwise.
_TRAVELS = {
    "event": "event",
    "status_event": "status",
    "failure": "failure",
    "failure_message": "failure",
    "task": "task",
    "task_result": "outbound",
}

_USER = {"to_addr": "8000", "from_addr": "+27831234567", "transport_type": "trace"}
#: What is filled in where it is left out, by type.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "user_message": _USER,
    "event": {"event_type": "ack", "transport_type": "trace"},
    "status_event": {
        "component": "trace",
        "status": "ok",
        "type": "traced",
        "message": "a traced status",
    },
    "failure": {"message": {"content": "a message that failed"}, "reason": "a traced failure"},
}
#: What an event of each type must have.
_EVENTS = {"ack": "sent_message_id", "nack": "nack_reason", "delivery_report": "delivery_status"}
_EVENT_VALUES = {"sent_message_id": "traced", "nack_reason": "traced", "delivery_status": "pending"}


class Given(NamedTuple):
    """A message as it was given.

    :param kind: one of :data:`KINDS`.
    :param fields: with its ``message_type``, and with defaults for what was left out.
    """

    kind: str
    fields: dict[str, Any]

    @classmethod
    def read(cls, text: str | bytes, kind: str | None = None) -> Given:
        """Read a message of ours or Vumi's from JSON; what it lacks gets a default.

        :param kind: as which it travels; None: as its type or its fields say, else ``inbound``.
        :raise ConfigError: it is no JSON object, too long, or not of this kind.
        """
        if len(text) > MAX_BYTES:
            raise _wrong(f"{len(text)} bytes, over the limit of {MAX_BYTES}")
        try:
            fields = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise _wrong(f"no JSON: {error}") from None
        if not isinstance(fields, Mapping):
            raise _wrong(f"expected an object, got {described(fields)}")
        return cls.of(dict(fields), kind)

    @classmethod
    def of(cls, fields: dict[str, Any], kind: str | None = None) -> Given:
        """The same, of fields that were read already."""
        given = fields.get("message_type")
        for name in ("message_type", "event_type", "task", "transport_name"):
            if not isinstance(fields.get(name), str | None):
                raise _wrong(f"{name} must be a text, got {described(fields[name])}")
        told = next((_TOLD_BY[key] for key in _TOLD_BY if key in fields), "user_message")
        type_ = given or (KINDS[kind] if kind else told)
        travels = kind or _TRAVELS.get(type_, "inbound")
        if given and not _fits(given, travels):
            raise _wrong(f"a {given} does not travel as {travels}")
        return cls(travels, _completed({**fields, "message_type": type_}))

    @property
    def queue_kind(self) -> str:
        """The kind of its queue: a call of a task travels as inbound."""
        return "inbound" if self.kind == "task" else self.kind

    def message(self, connector: str) -> Message:
        """The message, as it is for a connector.

        :raise ConfigError: a field is wrong, or unknown as its type.
        """
        fields = self.fields
        if fields["message_type"] in ("user_message", "event"):
            fields = {"transport_name": connector, **fields}
        try:
            return from_payload(fields)
        except InvalidMessage as error:
            raise _wrong(str(error)) from None


def _fits(type_: str, kind: str) -> bool:
    own = _TRAVELS.get(type_)
    return own is None or own == kind or (own == "task" and kind == "inbound")


def _completed(fields: dict[str, Any]) -> dict[str, Any]:
    type_ = fields["message_type"]
    whole = {**_DEFAULTS.get(type_, {}), **fields}
    if type_ == "event":
        whole.setdefault("user_message_id", new_id())
        name = _EVENTS.get(whole["event_type"] or "")
        if name is not None and whole.get(name) is None:
            whole[name] = _EVENT_VALUES[name]
    return whole


def _wrong(what: str) -> ConfigError:
    hint = """as '{"content": "hi"}', a message of this system's wire, or Vumi's"""
    return ConfigError(what, at="--message", hint=hint)
