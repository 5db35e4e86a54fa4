"""What messages look like on the wire: JSON, or nothing but their content."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from pipeline.message import ResultMessage, UserMessage
from pipeline.transports.answers import HttpError, refusal
from pipeline.transports.bodies import object_in, user_message_in, user_message_out
from pipeline.transports.callers import Caller

__all__ = ["Frames", "JsonFrames", "Said", "TextFrames", "error_frame"]

#: Characters of an id of the client's own.
LONGEST_ID = 200


class Said(NamedTuple):
    """What a client has said.

    :param message: the message.
    :param id: what the client wants to see in the answer that the message is stored; None: it
        wants none.
    :param is_known: it has a ``message_id`` of the client's own.
    """

    message: UserMessage
    id: str | None = None
    is_known: bool = False


class Frames(Protocol):
    """A form of messages."""

    def read(self, text: str, fields: Mapping[str, Any]) -> Said:
        """What a frame says.

        :param fields: of the message, that are not the client's to say; ``to_addr`` is, where
            the form has a place for it.
        :raise HttpError: nothing that can be taken.
        """

    def write(self, message: UserMessage, caller: Caller) -> str | None:
        """The frame of a message for the client; None if there is nothing to be said."""

    def stored(self, said: Said, caller: Caller) -> str | None:
        """The frame that says that a message is stored; None if it wasn't asked for."""


class JsonFrames:
    """Objects, as of HTTP's ``POST /messages``.

    :param name: the transport's.
    :param transport_type: and its type.
    """

    def __init__(self, name: str, transport_type: str) -> None:
        self._name = name
        self._type = transport_type

    def read(self, text: str, fields: Mapping[str, Any]) -> Said:
        """See :class:`Frames`."""
        value = object_in(text.encode())
        id = _id_in(value)
        try:
            message = self._message(value, fields)
        except HttpError as error:
            if id is not None:
                error.answer.content["error"]["id"] = id
            raise
        return Said(message, id, "message_id" in value)

    def write(self, message: UserMessage, caller: Caller) -> str | None:
        """See :class:`Frames`."""
        if isinstance(message, ResultMessage):
            return _failed(message, caller)
        told = user_message_out(message)
        if message.in_reply_to is not None:
            told["in_reply_to"] = caller.outside(message.in_reply_to)
        return _encoded(told)

    def stored(self, said: Said, caller: Caller) -> str | None:
        """See :class:`Frames`."""
        if said.id is None:
            return None
        own_id = caller.outside(said.message.message_id)
        return _encoded({"ack": said.id, "message_id": own_id})

    def _message(self, value: dict[str, Any], fields: Mapping[str, Any]) -> UserMessage:
        if "from_addr" in value:
            raise refusal(400, "from_addr is not the client's to say", field="from_addr")
        if value.get("session_event") not in (None, "resume", "close"):
            what = "session_event must be resume or close: the connection is the session"
            raise refusal(400, what, field="session_event")
        message = user_message_in(value, self._name, self._type)
        for name, own in fields.items():
            if name != "to_addr" or message.to_addr is None:
                setattr(message, name, own)
        return message


class TextFrames:
    """Contents, and nothing else. Errors are JSON nevertheless.

    :param name: the transport's.
    :param transport_type: and its type.
    """

    def __init__(self, name: str, transport_type: str) -> None:
        self._name = name
        self._type = transport_type

    def read(self, text: str, fields: Mapping[str, Any]) -> Said:
        """See :class:`Frames`."""
        message = UserMessage(
            content=text, transport_name=self._name, transport_type=self._type, **fields
        )
        return Said(message)

    def write(self, message: UserMessage, caller: Caller) -> str | None:
        """See :class:`Frames`."""
        if isinstance(message, ResultMessage):
            return _failed(message, caller)
        return message.content

    def stored(self, said: Said, caller: Caller) -> str | None:
        """See :class:`Frames`."""
        return None


def error_frame(error: HttpError, **details: str | None) -> str:
    """The frame of an error: ``{"error": {"code", "message", ..}}``.

    :param details: more members of the error; those that are None are left out.
    """
    given = {name: text for name, text in details.items() if text is not None}
    return _encoded({"error": {**error.answer.content["error"], **given}})


def _failed(result: ResultMessage, caller: Caller) -> str:
    what = result.error or "this went wrong"
    return error_frame(refusal(500, what), in_reply_to=caller.outside(result.in_reply_to or ""))


def _id_in(value: dict[str, Any]) -> str | None:
    id = value.pop("id", None)
    if id is None or (isinstance(id, str) and 0 < len(id) <= LONGEST_ID):
        return id
    raise refusal(400, f"id must be text of 1 to {LONGEST_ID} characters", field="id")


def _encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()
