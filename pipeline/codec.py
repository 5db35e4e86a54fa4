"""Message to bytes and back, versioned by the first byte.

====================  ===============================================
first byte            what follows
====================  ===============================================
``{``                 version 1, JSON: one object, Vumi's included
0x80-0x8f, 0xde/df    version 1, msgpack: one map
0x01-0x1f             kept for later versions of the wire
====================  ===============================================

Both formats are always readable, so a namespace can change its format while it runs. Nothing is
ever pickled. In JSON, bytes travel as base64 text, NaN as null, and tuples and sets as lists.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Union

import msgspec

from pipeline.errors import InvalidMessageField
from pipeline.message.envelope import Message, from_payload, registered

__all__ = ["MAX_BYTES", "Codec", "Undecodable"]

#: The default limit of one message's size on the wire, in bytes: 16 MiB.
MAX_BYTES = 16 * 1024 * 1024

_JSON = ord("{")
_MSGPACK_MAPS = frozenset({*range(0x80, 0x90), 0xDE, 0xDF})
_LATER = range(0x01, 0x20)


_Decode = Callable[[bytes], Any]


class Undecodable(msgspec.Struct, frozen=True):
    """Bytes that are no message, to be dead-lettered as they are.

    :param raw: the bytes as they came.
    :param reason: what is wrong, with the path of the field where there is one.
    """

    raw: bytes
    reason: str


class Codec:
    """Encode messages in one format, decode them from any.

    Messages of all registered kinds are known, also of those registered later.

    :param format: what ``encode`` writes: ``'json'`` or ``'msgpack'``.
    :param max_bytes: the size limit of a message, both ways.
    """

    def __init__(
        self, format: Literal["json", "msgpack"] = "json", max_bytes: int = MAX_BYTES
    ) -> None:
        if format not in _ENCODERS:
            raise ValueError(f"format must be 'json' or 'msgpack', got {format!r}")
        self.format = format
        self.max_bytes = max_bytes
        self._encode = _ENCODERS[format].encode
        self._known: tuple[type[Message], ...] = ()

    def encode(self, message: Message) -> bytes:
        """The message as bytes.

        Field types are not checked here: a number where text belongs, or in msgpack a dict key that
        is no text, is found by who decodes it.

        :raise InvalidMessageField: it holds something that can't travel, or is too large; the text
            names the message's type and the path.
        """
        try:
            data: bytes = self._encode(message)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise self._unencodable(message, error) from error
        if len(data) > self.max_bytes:
            raise InvalidMessageField(
                f"a {message.message_type} of {len(data)} bytes is over the limit of "
                f"{self.max_bytes}: send a reference to large content instead"
            )
        return data

    def _unencodable(self, message: Message, error: Exception) -> InvalidMessageField:
        path, value = _culprit(self._encode, message.payload, "$")
        what = f"{type(value).__name__} value - at `{path}`"
        return InvalidMessageField(f"a {message.message_type} can't be encoded: {what}: {error}")

    def decode(self, data: bytes) -> Message | Undecodable:
        """The message that these bytes are; never raises.

        Keys that the kind doesn't know go to ``extra``.
        """
        # What a registered class's own checks raise can't be named, and a message that makes
        # decoding raise would be read for ever.
        try:
            if data[0] == _JSON and len(data) <= self.max_bytes and self._known is registered():
                return self._json(data)  # type: ignore[no-any-return]  # as most are
        except Exception:  # noqa: BLE001 - it is looked at more closely
            pass
        try:
            return self._read(data)
        except Exception as error:  # noqa: BLE001 - said above
            return Undecodable(data, _reason(error))

    def _read(self, data: bytes) -> Message | Undecodable:
        if self._known is not registered():
            self._learn()
        if len(data) > self.max_bytes:
            return Undecodable(data, f"{len(data)} bytes, over the limit of {self.max_bytes}")
        first = data[0] if data else 0
        if first == _JSON:
            return _tolerant(self._json, _PLAIN_JSON, data)
        if first in _MSGPACK_MAPS:
            return _tolerant(self._msgpack, _PLAIN_MSGPACK, data)
        return Undecodable(data, _unreadable(data))

    def _learn(self) -> None:
        kinds = registered()
        any_kind: Any = Union[kinds]  # noqa: UP007 - a tuple of classes
        self._json: _Decode = msgspec.json.Decoder(any_kind).decode
        self._msgpack: _Decode = msgspec.msgpack.Decoder(any_kind).decode
        self._known = kinds


_ENCODERS: dict[str, Any] = {"json": msgspec.json.Encoder(), "msgpack": msgspec.msgpack.Encoder()}
_PLAIN_JSON: _Decode = msgspec.json.Decoder().decode
_PLAIN_MSGPACK: _Decode = msgspec.msgpack.Decoder().decode


def _tolerant(decode: _Decode, decode_plain: _Decode, data: bytes) -> Message:
    """Decode; only where there are unknown keys, or a kind by another name, go the long way."""
    try:
        message: Message = decode(data)
    except msgspec.ValidationError as error:
        what = str(error)
        if "unknown field" not in what and not what.endswith("`$.message_type`"):
            raise
        return from_payload(decode_plain(data))
    return message


def _unreadable(data: bytes) -> str:
    if not data:
        return "empty: there are no bytes"
    if data[0] in _LATER:
        return f"wire version {data[0]} is newer than this program"
    return f"neither JSON nor msgpack of a message: the first byte is 0x{data[0]:02x}"


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, ValueError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _culprit(encode: Any, value: Any, path: str) -> tuple[str, Any]:
    """The path of the innermost value that can't be encoded, and the value."""
    while True:
        refused = next((item for item in _parts(value) if not _goes(encode, item[1])), None)
        if refused is None:
            return path, value
        path, value = path + refused[0], refused[1]


def _goes(encode: Any, value: Any) -> bool:
    try:
        encode(value)
    except RecursionError:
        # Nothing to be told from a path of a thousand steps: name where it begins.
        return True
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f".{key}", part) for key, part in value.items()]
    if isinstance(value, list | tuple):
        return [(f"[{index}]", part) for index, part in enumerate(value)]
    return []
