"""What clients say in JSON: user messages, arguments of calls; and how a reply is said to them."""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.errors import InvalidMessage
from pipeline.message import UserMessage
from pipeline.message.envelope import field_names, from_payload
from pipeline.requests.wire import HTTP
from pipeline.tasks.fitting import unfit
from pipeline.transports.answers import refusal

__all__ = ["arguments_in", "json_in", "object_in", "user_message_in", "user_message_out"]

#: What a client may not say about its message: where it goes and what middleware notes in it are
#: trusted inside. What a client wants to add lies in ``extra``, though not under ``http``: there
#: views find what the transport knows of a request, as where it is from.
_OURS = frozenset(
    {
        "helper_metadata",
        "in_reply_to",
        "routing_metadata",
        "transport_metadata",
        "transport_name",
        "transport_type",
    }
)


def json_in(body: bytes) -> Any:
    """The value of a body.

    :raise HttpError: 400: it is not JSON, or nested beyond reason.
    """
    try:
        value = msgspec.json.decode(body.decode())
    except UnicodeDecodeError as error:
        raise refusal(400, f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise refusal(400, "the body is nested too deep") from None
    except msgspec.MsgspecError as error:
        raise refusal(400, f"the body is not JSON: {error}") from None
    wrong = unfit(value)
    if wrong is not None:
        raise refusal(400, f"the body can't be taken: {wrong}")
    return value


def arguments_in(body: bytes) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a task call.

    ``{"args": [..], "kwargs": {..}}``, or an array of positional arguments, or an object of named
    ones; nothing for none. An object is the first form when it has no other keys than these two.

    :raise HttpError: 400.
    """
    if not body.strip():
        return [], {}
    value = json_in(body)
    if isinstance(value, list):
        return value, {}
    if not isinstance(value, dict):
        raise refusal(400, "the body must be an array or an object of arguments")
    if not value or value.keys() - {"args", "kwargs"}:
        return [], value
    return _checked(value.get("args", []), value.get("kwargs", {}))


def _checked(args: Any, kwargs: Any) -> tuple[list[Any], dict[str, Any]]:
    if not isinstance(args, list):
        raise refusal(400, "args must be an array", field="args")
    if not isinstance(kwargs, dict):
        raise refusal(400, "kwargs must be an object", field="kwargs")
    return args, kwargs


def object_in(body: bytes) -> dict[str, Any]:
    """The object that a body says.

    :raise HttpError: 400: it says something else.
    """
    value = json_in(body)
    if not isinstance(value, dict):
        raise refusal(400, f"the body must be an object, got {_kind(value)}")
    return value


def user_message_in(value: dict[str, Any], transport_name: str, transport_type: str) -> UserMessage:
    """The user message that an object says.

    Fields of :class:`~pipeline.message.UserMessage`; other keys go to ``extra``. Addresses are
    None unless given.

    :raise HttpError: 400; names the field.
    """
    extra = value.get("extra")
    reserved = {HTTP} & (value.keys() | (extra.keys() if isinstance(extra, dict) else set()))
    for name in sorted(value.keys() & _OURS | reserved):
        raise refusal(400, f"{name} is not the client's to say", field=name)
    if value.setdefault("message_type", "user_message") != "user_message":
        raise refusal(400, "message_type must be user_message", field="message_type")
    _check_extra(value)
    filled = {"to_addr": None, "from_addr": None, **value}
    filled.update(transport_name=transport_name, transport_type=transport_type)
    return _made(filled)


def user_message_out(message: Any) -> dict[str, Any]:
    """What a client is told of a message for it."""
    content = {
        "id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "content": message.content,
        "from_addr": message.from_addr,
        "to_addr": message.to_addr,
        "session_event": message.session_event,
    }
    if message.extra:
        content["extra"] = message.extra
    return content


def _check_extra(value: dict[str, Any]) -> None:
    if not isinstance(value.get("extra", {}), dict):
        raise refusal(400, "extra must be an object", field="extra")
    message_id = value.get("message_id", "-")
    if not isinstance(message_id, str) or not 0 < len(message_id) <= 200:
        raise refusal(400, "message_id must be text of 1 to 200 characters", field="message_id")


def _made(filled: dict[str, Any]) -> UserMessage:
    try:
        message = from_payload(filled)
    except InvalidMessage as error:
        raise refusal(400, str(error), **_field_of(str(error))) from None
    assert isinstance(message, UserMessage)
    return message


def _field_of(text: str) -> dict[str, Any]:
    """The field that an error is about: ``user_message.x must ..`` or ``.. - at `$.x```."""
    for name in sorted(field_names(UserMessage), key=len, reverse=True):
        if f".{name} " in text or f"$.{name}" in text:
            return {"field": name}
    return {}


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a text", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
