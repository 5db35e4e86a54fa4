"""What all kinds of message have in common, and the register of kinds.

A message is a msgspec Struct, tagged on the wire by ``message_type``. The mapping style is Vumi's
(``vumi.message.Message``): ``message["content"]`` is ``message.content``, and a key that is no
field lives in ``extra``, which travels. Unlike Vumi's, a constructor takes only fields: pass
``extra={"key": value}``.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeVar, cast

import msgspec

from pipeline.errors import InvalidMessage, InvalidMessageField, MissingMessageField
from pipeline.message.ids import new_id
from pipeline.signals import class_prepared

__all__ = [
    "UNSET",
    "Message",
    "field_names",
    "from_payload",
    "make",
    "register",
    "registered",
    "unshared",
]

MadeT = TypeVar("MadeT", bound="Message")
MessageT = TypeVar("MessageT", bound="type[Message]")

#: The default of a required field: not given. ``__post_init__`` checks it, so that what is missing
#: is a :class:`MissingMessageField` and not a TypeError.
UNSET: Any = msgspec.UNSET

#: Classes whose values are shared by a copy, because nothing can change them.
_ATOMS = frozenset({str, int, float, bool, bytes, type(None), datetime})


def _utc_now() -> datetime:
    return datetime.now(UTC)


def unshared(value: Any) -> Any:
    """A copy that shares no dict, list or other mutable value with the original."""
    kind = type(value)
    if kind is dict:
        if not value:
            return {}
        return {
            key: item if type(item) in _ATOMS else unshared(item) for key, item in value.items()
        }
    if kind in _ATOMS:
        return value
    if kind is list:
        return [unshared(item) for item in value]
    return copy.deepcopy(value)


_names_by_class: dict[type, frozenset[str]] = {}


def field_names(cls: type[Message]) -> frozenset[str]:
    """The names of a class's fields, ``extra`` left out."""
    try:
        return _names_by_class[cls]
    except KeyError:
        names = frozenset(cls.__struct_fields__) - {"extra"}
        return _names_by_class.setdefault(cls, names)


class _Tag:
    """The tag of a class, which instances have as ``message_type``."""

    def __get__(self, message: Any, cls: type[Message]) -> str:
        return str(cls.__struct_config__.tag)


class Message(
    msgspec.Struct, tag_field="message_type", kw_only=True, dict=True, forbid_unknown_fields=True
):
    """What all kinds of message have in common.

    A class of your own derives from this or from another kind, passes ``tag="its_type"``, and is
    made known with :func:`register`. If it has a ``__post_init__``, that calls the inherited one.

    :param timestamp: when it was made; always aware, always UTC. A naive one is taken as UTC.
    :param routing_metadata: for dispatchers; holds the endpoint's name.
    :param helper_metadata: for middleware and helpers.
    :param extra: keys that are no field.
    :raise MissingMessageField: a required field was not given.
    :raise InvalidMessageField: a field has a value that its kind doesn't allow.
    """

    DEFAULT_ENDPOINT_NAME = "default"

    #: The kind's name on the wire.
    MESSAGE_TYPE = _Tag()

    #: What ``message_version`` must be: fields of another version may mean something else.
    MESSAGE_VERSION = "20110921"

    #: The delivery in hand, attached by the connector. Not a field: never sent, never copied.
    _delivery = cast(Any, None)

    message_version: str = "20110921"
    timestamp: datetime = msgspec.field(default_factory=_utc_now)
    routing_metadata: dict[str, Any] = {}
    helper_metadata: dict[str, Any] = {}
    extra: dict[str, Any] = {}

    #: Fields that may not be left out.
    REQUIRED: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        if getattr(self.timestamp, "tzinfo", None) is not UTC:
            self._to_utc()
        if self.message_version != self.MESSAGE_VERSION:
            self._require_one_of("message_version", {self.MESSAGE_VERSION})

    def _to_utc(self) -> None:
        timestamp = self.timestamp
        if not isinstance(timestamp, datetime):
            raise InvalidMessageField(f"{self._at('timestamp')} must be a datetime")
        aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
        try:
            self.timestamp = aware.astimezone(UTC)
        except OverflowError:
            raise InvalidMessageField(f"{self._at('timestamp')} is out of range in UTC") from None

    def _require(self) -> None:
        for name in self.REQUIRED:
            if getattr(self, name) is UNSET:
                raise MissingMessageField(f"{self._at(name)} is required")

    def _require_text(self, *names: str) -> None:
        """Check that required fields are there and that these are text or None."""
        self._require()
        for name in names:
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise InvalidMessageField(f"{self._at(name)} must be text or None, got {value!r}")

    def _require_one_of(self, name: str, allowed: Collection[str | None]) -> None:
        value = getattr(self, name)
        if not (value is None or isinstance(value, str)) or value not in allowed:
            expected = ", ".join(sorted(map(repr, allowed)))
            raise InvalidMessageField(f"{self._at(name)} must be one of {expected}, got {value!r}")

    @classmethod
    def _at(cls, name: str) -> str:
        return f"{cls.__struct_config__.tag}.{name}"

    @staticmethod
    def generate_id() -> str:
        """A new id, for who wants one before the message is made."""
        return new_id()

    @property
    def message_type(self) -> str:
        """The tag that names this kind on the wire."""
        return cast(str, self.__struct_config__.tag)

    def set_routing_endpoint(self, endpoint_name: str | None = None) -> None:
        """Name the endpoint that this message belongs to; None means ``'default'``."""
        self.routing_metadata["endpoint_name"] = endpoint_name or self.DEFAULT_ENDPOINT_NAME

    def get_routing_endpoint(self) -> str:
        """The endpoint that this message belongs to; ``'default'`` if none was set."""
        return self.routing_metadata.get("endpoint_name") or self.DEFAULT_ENDPOINT_NAME

    def __getitem__(self, key: str) -> Any:
        if key in field_names(type(self)):
            return getattr(self, key)
        return self.message_type if key == "message_type" else self.extra[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if key in field_names(type(self)):
            setattr(self, key, value)
        elif key != "message_type":
            self.extra[key] = value
        elif value != self.message_type:
            raise InvalidMessageField(f"a {self.message_type} can't become a {value!r}")

    def __delitem__(self, key: str) -> None:
        if key in field_names(type(self)) or key == "message_type":
            raise InvalidMessageField(f"{self._at(key)} is a field: set it to None instead")
        del self.extra[key]

    def __contains__(self, key: object) -> bool:
        return key in field_names(type(self)) or key in self.extra or key == "message_type"

    def __iter__(self) -> Iterator[str]:
        return iter(self.payload)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a field or of an extra key, else ``default``."""
        try:
            return self[key]
        except KeyError:
            return default

    def keys(self) -> list[str]:
        """The names of all fields and extra keys."""
        return list(self.payload)

    def items(self) -> list[tuple[str, Any]]:
        """All fields and extra keys with their values."""
        return list(self.payload.items())

    def update(self, other: Message | Mapping[str, Any]) -> None:
        """Set every key of ``other``."""
        for key, value in other.items():
            self[key] = value

    @property
    def payload(self) -> dict[str, Any]:
        """Fields and extra keys as one new flat dict; changing it doesn't change the message."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name != "extra"}
        return {"message_type": self.message_type, **fields, **self.extra}

    def copy(self) -> Self:
        """The same message again, same ids, that shares nothing mutable with this one."""
        twin = copy.copy(self)
        for name in self.__struct_fields__:
            value = getattr(twin, name)
            if type(value) not in _ATOMS:
                setattr(twin, name, unshared(value))
        return twin

    def to_json(self) -> str:
        """The message as JSON, as it goes over the wire."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """A message from its JSON, Vumi's included.

        :raise InvalidMessageField: not JSON, not this kind, or a field is wrong.
        :raise MissingMessageField: a required field is not there.
        """
        try:
            message = from_payload(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise InvalidMessageField(f"not JSON: {error}") from error
        if not isinstance(message, cls):
            raise InvalidMessageField(f"expected a {cls.__name__}, got a {message.message_type}")
        return message

    def __repr__(self) -> str:
        named = ("message_id", "event_id", "from_addr", "to_addr", "content", "task", "status")
        known = [
            (name, getattr(self, name, None)) for name in named if name in field_names(type(self))
        ]
        shown = ("".join((f" {name}=", _short(value))) for name, value in known if value)
        return f"<{type(self).__name__}{''.join(shown)}>"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


_by_tag: dict[str, type[Message]] = {}
#: Tags by which peers of other systems know a kind, and our own.
_aliases = {"failure_message": "failure"}
_registered: tuple[type[Message], ...] = ()


def register(cls: MessageT) -> MessageT:
    """Make a kind of message known, so that it can be decoded. Usable as a decorator.

    :param cls: a class derived from :class:`Message` with a ``tag`` of its own.
    :raise ValueError: another class has this tag.
    """
    global _registered
    tag = str(cls.__struct_config__.tag)
    is_known = tag in _by_tag
    if _by_tag.setdefault(tag, cls) is not cls:
        raise ValueError(f"{cls.__name__} and {_by_tag[tag].__name__} both have the tag {tag!r}")
    _registered = tuple(_by_tag.values())
    if not is_known:
        class_prepared.send_robust(cls)
    return cls


def registered() -> tuple[type[Message], ...]:
    """All kinds that can be decoded; the same tuple until another one is registered."""
    return _registered


def make(cls: type[MadeT], fields: Mapping[str, Any]) -> MadeT:
    """A message of a class from its fields; names that are no field go to ``extra``.

    :raise MissingMessageField: a required field is not there.
    :raise InvalidMessageField: a field is wrong.
    """
    names = field_names(cls)
    if names.issuperset(fields):
        return cls(**fields)
    unknown = [name for name in fields if name not in names and name != "extra"]
    known = {name: value for name, value in fields.items() if name in names}
    others = {name: fields[name] for name in unknown}
    return cls(**known, extra={**fields.get("extra", {}), **others})


def from_payload(payload: Any) -> Message:
    """A message from its flat dict, as :attr:`Message.payload` or a peer's JSON gives it.

    Keys that are no field go to ``extra``, so that nothing a peer sends is lost.

    :raise InvalidMessageField: no such kind, or a field is wrong.
    :raise MissingMessageField: a required field is not there.
    """
    if not isinstance(payload, Mapping):
        raise InvalidMessageField(f"a message is a mapping, got {type(payload).__name__}")
    tag = payload.get("message_type")
    cls = _by_tag.get(_aliases.get(tag, tag)) if isinstance(tag, str) else None
    if cls is None:
        raise InvalidMessageField(f"unknown message_type {_short(tag)} - at `$.message_type`")
    fields = _with_extra(cls, payload)
    fields["message_type"] = cls.__struct_config__.tag
    return _converted(cls, fields)


def _with_extra(cls: type[Message], payload: Mapping[str, Any]) -> dict[str, Any]:
    names = field_names(cls) | {"message_type", "extra"}
    fields = {key: payload[key] for key in payload if key in names}
    unknown = {key: payload[key] for key in payload if key not in names}
    if unknown:
        fields["extra"] = {**(fields.get("extra") or {}), **unknown}
    return fields


def _converted(cls: type[Message], fields: dict[str, Any]) -> Message:
    try:
        return msgspec.convert(fields, cls)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, InvalidMessage):
            raise error.__cause__ from None
        missing = "missing required field" in str(error)
        wrong = MissingMessageField if missing else InvalidMessageField
        raise wrong(f"{cls.__struct_config__.tag}: {error}") from error
