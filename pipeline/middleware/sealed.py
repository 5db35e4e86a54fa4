"""Taking the content out of a message, as bytes, and putting it back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

__all__ = ["NEEDED", "Plan", "Plans"]

#: What a ciphertext is bound to, as far as a message has it.
BOUND = ("message_id", "event_id", "task", "in_reply_to", "status")

#: Fields that must stay readable: they say what a message is and where it belongs.
NEEDED = frozenset(
    {
        *BOUND,
        "message_type",
        "message_version",
        "timestamp",
        "routing_metadata",
        "helper_metadata",
        "transport_name",
        "transport_type",
        "reply_to",
    }
)

_ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "json": msgspec.json.Encoder().encode,
    "msgpack": msgspec.msgpack.Encoder().encode,
}


class Plan:
    """How the content of one class of message is taken out and put back.

    :param cls: the class.
    :param names: the fields that are content, as far as the class has them.
    :param format: ``json`` or ``msgpack``, that of the wire, so that values change as they would
        on it. Both can be read.
    """

    __slots__ = ("_blanks", "_decode_json", "_decode_msgpack", "_encode", "bound")

    def __init__(self, cls: type[Any], names: Iterable[str], format: str) -> None:
        fields = {field.name: field for field in msgspec.structs.fields(cls)}
        #: The fields that the ciphertext is bound to.
        self.bound = tuple(name for name in BOUND if name in fields)
        self._blanks = [(name, _blank(fields[name])) for name in names if name in fields]
        self._encode = _ENCODERS[format]
        # Of the sender's fields, which may be others than ours; with the types of the class.
        content: Any = msgspec.defstruct(
            f"{cls.__name__}Content",
            [
                (name, field.type | msgspec.UnsetType, msgspec.UNSET)
                for name, field in fields.items()
                if name not in NEEDED
            ],
            forbid_unknown_fields=True,
        )
        self._decode_json: Callable[[bytes], Any] = msgspec.json.Decoder(content).decode
        self._decode_msgpack: Callable[[bytes], Any] = msgspec.msgpack.Decoder(content).decode

    def pack(self, message: Any) -> bytes:
        """The content of a message as bytes."""
        return self._encode({name: getattr(message, name) for name, _ in self._blanks})

    def emptied(self, message: Any) -> Any:
        """A copy of a message without its content."""
        twin = message.__copy__()
        for name, blank in self._blanks:
            setattr(twin, name, blank())
        return twin

    def unpack(self, data: bytes, message: Any) -> None:
        """Put content back into a message.

        :raise msgspec.MsgspecError: it is not the content of such a message.
        """
        decode = self._decode_json if data[:1] == b"{" else self._decode_msgpack
        content = decode(data)
        for name in content.__struct_fields__:
            value = getattr(content, name)
            if value is not msgspec.UNSET:
                setattr(message, name, value)


class Plans:
    """The plans of all classes of message; each is made when it is first asked for.

    :param names: the fields that are content.
    :param format: see :class:`Plan`.
    """

    def __init__(self, names: Iterable[str], format: str) -> None:
        self._names = tuple(names)
        self._format = format
        self._by_class: dict[type[Any], Plan] = {}

    def of(self, cls: type[Any]) -> Plan:
        """The plan of a class."""
        plan = self._by_class.get(cls)
        if plan is None:
            plan = self._by_class[cls] = Plan(cls, self._names, self._format)
        return plan


def _blank(field: Any) -> Callable[[], Any]:
    """What makes the value of a field that is taken out."""
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory  # type: ignore[no-any-return]  # of msgspec, untyped
    default = field.default
    if default is msgspec.NODEFAULT or default is msgspec.UNSET:
        default = "" if field.type is str else None
    return lambda: default
