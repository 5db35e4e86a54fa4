"""Encrypts what messages say while they travel and wait."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Any, ClassVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigList
from pipeline.errors import InvalidMessageField, Undecryptable
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.keys import ConfigAesKeys, KeyedConfig
from pipeline.middleware.sealed import NEEDED, Plan, Plans
from pipeline.middleware.selection import ConfigKinds, attach

__all__ = ["FIELD", "EncryptionMiddleware", "EncryptionMiddlewareConfig"]

#: The key of ``extra`` in which the ciphertext travels.
FIELD = "encrypted"

#: Bytes of a nonce; 96 bits is what GCM is made for.
NONCE = 12

_PURPOSE = "pipeline encryption 1"

_encode_json = msgspec.json.Encoder().encode


class ConfigContentFields(ConfigList):
    """Names of fields that may be encrypted."""

    kind = "list of fields"

    def clean(self, value: Any) -> list[Any]:
        """:raises ConfigError: not a list of names, or one of a field that has to be readable."""
        names = super().clean(value)
        for name in names:
            if not isinstance(name, str):
                raise self._expected("a list of names", value)
            if name in NEEDED:
                raise self._expected("fields that nobody needs on the way", name)
        return names


class EncryptionMiddlewareConfig(KeyedConfig):
    """The options of :class:`EncryptionMiddleware`."""

    keys = ConfigAesKeys(
        "AES keys by name, each 16, 24 or 32 bytes in base64; take them from the environment, as"
        " `{2026a: ${CONTENT_KEY}}`. They are never shown in an error, a log or a representation.",
        required=True,
        static=True,
    )
    encrypt = ConfigContentFields(
        "The fields that are encrypted, as far as a message has them. Those that say what a message"
        " is, and where it belongs, are refused. Reader and sender may differ.",
        default=["content", "extra", "args", "kwargs", "value", "error", "traceback"],
        static=True,
    )
    accept_clear = ConfigBool(
        "Also take messages that are not encrypted: while encryption is being introduced.",
        default=False,
        static=True,
    )
    kinds = ConfigKinds(
        "The kinds of message; tasks are inbound, their results outbound.",
        default=("inbound", "outbound"),
    )


class EncryptionMiddleware(BaseMiddleware):
    """Encrypts the content of messages that go out, decrypts that of messages that are read.

    AES-GCM with a random nonce. What is encrypted leaves its fields, and travels as text in
    ``extra``; the rest stays readable, so that messages can be routed without a key. The
    ciphertext is bound to the message's type and id, to its task and to what it answers: it can't
    be moved to another message.

    What can't be decrypted is dead-lettered with the reason ``undecryptable``. A dead letter is as
    it was on the wire, in ciphertext, also when the message fails later on.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = EncryptionMiddlewareConfig
    MAY = ("change", "refuse")
    config: EncryptionMiddlewareConfig

    def setup_middleware(self) -> None:
        """Make the ciphers, one for each key."""
        self._ciphers = {name: AESGCM(key.reveal()) for name, key in self.config.keys.items()}
        self._active = self.config.active_key
        self._plans = Plans(self.config.encrypt, self.worker.codec.format)
        self._accepts_clear = self.config.accept_clear
        attach(self, "publish", self.config.kinds, lambda kind: self._encrypt)
        attach(self, "consume", self.config.kinds, lambda kind: self._decrypt)

    def _encrypt(self, message: Any, connector_name: str) -> Any:
        plan = self._plans.of(type(message))
        nonce = os.urandom(NONCE)
        bound = _bound(message, plan, self._active)
        sealed = nonce + self._ciphers[self._active].encrypt(nonce, plan.pack(message), bound)
        twin = plan.emptied(message)
        if FIELD in twin.extra:
            raise InvalidMessageField(f"extra has a key {FIELD!r}, which holds the ciphertext")
        text = base64.b64encode(sealed).decode()
        twin.extra = {**twin.extra, FIELD: {"key": self._active, "data": text}}
        return twin

    def _decrypt(self, message: Any, connector_name: str) -> Any:
        sealed = message.extra.get(FIELD)
        if sealed is None:
            if self._accepts_clear:
                return message
            raise Undecryptable("it is not encrypted")
        plan = self._plans.of(type(message))
        name, data = _parts(sealed)
        opened = self._opened(name, data, _bound(message, plan, name))
        twin = message.__copy__()
        twin.extra = {key: value for key, value in message.extra.items() if key != FIELD}
        try:
            plan.unpack(opened, twin)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise Undecryptable(f"what was encrypted is no content: {error}") from error
        return twin

    def _opened(self, name: str, data: bytes, bound: bytes) -> bytes:
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise Undecryptable(f"encrypted with a key that is not listed here: {name!r}")
        try:
            return cipher.decrypt(data[:NONCE], data[NONCE:], bound)
        except (InvalidTag, ValueError) as error:
            what = f"its ciphertext with key {name!r} was changed, or belongs to another message"
            raise Undecryptable(what) from error


def _bound(message: Any, plan: Plan, key: str) -> bytes:
    """What the ciphertext is bound to."""
    values = [getattr(message, name) for name in plan.bound]
    return _encode_json([_PURPOSE, key, message.message_type, *values])


def _parts(sealed: Any) -> tuple[str, bytes]:
    if type(sealed) is dict and len(sealed) == 2:
        name, text = sealed.get("key"), sealed.get("data")
        if type(name) is str and type(text) is str:
            return name, _decoded(text)
    raise Undecryptable("its ciphertext is not of the form that is written here")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Undecryptable("its ciphertext is not base64") from error
