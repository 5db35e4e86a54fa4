"""Signs what goes out, and stops what comes in unsigned, changed or too late."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import Forged, Stale
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.keys import ConfigSecrets, KeyedConfig
from pipeline.middleware.selection import ConfigKinds, attach

__all__ = ["FIELD", "SigningMiddleware", "SigningMiddlewareConfig", "canonical"]

#: The key of ``helper_metadata`` in which the signature travels.
FIELD = "signature"

#: What is signed begins with this, so that no signature serves for anything else.
_PURPOSE = b"pipeline signature 1"

_encode = msgspec.json.Encoder().encode


class SigningMiddlewareConfig(KeyedConfig):
    """The options of :class:`SigningMiddleware`."""

    keys = ConfigSecrets(
        "Secrets by name, each of 16 bytes or more; take them from the environment, as"
        " `{2026a: ${SIGNING_KEY}}`. They are never shown in an error, a log or a representation.",
        required=True,
        static=True,
    )
    algorithm = ConfigChoice(
        "The signature: HMAC with SHA-256, or keyed BLAKE2b of 256 bits, which is faster. The same"
        " on all sides: a message does not choose.",
        default="hmac-sha256",
        static=True,
        values=("hmac-sha256", "blake2b"),
    )
    max_age = ConfigDuration(
        "How long after it was signed a message is accepted; none: for ever.", static=True
    )
    kinds = ConfigKinds(
        "The kinds of message that are signed and verified; the same on all sides.",
        default=("inbound", "outbound", "event"),
    )


class SigningMiddleware(BaseMiddleware):
    """Signs messages that go out and verifies those that are read.

    The signature is over everything in the message and the time of signing. A message whose
    signature is missing or wrong is dead-lettered with the reason ``forged``, one that was signed
    more than ``max_age`` ago with ``stale``. What was verified is taken out of the message.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = SigningMiddlewareConfig
    MAY = ("change", "refuse")
    config: SigningMiddlewareConfig

    def setup_middleware(self) -> None:
        """Make the functions that sign, one for each key."""
        maker = _MAKERS[self.config.algorithm]
        self._signers = {name: maker(secret.reveal()) for name, secret in self.config.keys.items()}
        self._active = self.config.active_key
        self._sign_active = self._signers[self._active]
        self._max_age = self.config.max_age
        self._now = self.worker.clock.seconds
        self._as_sent = _round_trip(self.worker.codec)
        attach(self, "publish", self.config.kinds, lambda kind: self._sign)
        attach(self, "consume", self.config.kinds, lambda kind: self._verify)

    def _sign(self, message: Any, connector_name: str) -> Any:
        at = round(self._now() * 1000)
        mac = self._sign_active(_signed(self._as_sent(message), self._active, at))
        return _with_metadata(
            message, {**message.helper_metadata, FIELD: {"key": self._active, "at": at, "mac": mac}}
        )

    def _verify(self, message: Any, connector_name: str) -> Any:
        metadata = message.helper_metadata
        name, at, mac = _parts(metadata.get(FIELD))
        signer = self._signers.get(name)
        if signer is None:
            raise Forged(f"signed with a key that is not listed here: {name!r}")
        if not hmac.compare_digest(signer(_signed(message, name, at)).encode(), mac):
            raise Forged(f"its signature with key {name!r} is wrong: it was changed or made up")
        if self._max_age is not None:
            self._check_age(at)
        return _with_metadata(
            message, {key: value for key, value in metadata.items() if key != FIELD}
        )

    def _check_age(self, at: int) -> None:
        age = self._now() - at / 1000
        if abs(age) > self._max_age:
            when = f"{age:.0f} s ago" if age > 0 else f"{-age:.0f} s in the future"
            raise Stale(f"signed {when}: more than the {self._max_age:g} s that are allowed")


def canonical(message: Any) -> bytes:
    """Everything in a message but its signature, as bytes that are the same at both ends.

    JSON in the order of the fields and of the dicts themselves, which travelling keeps; fields
    that are None are left out.
    """
    fields = msgspec.structs.asdict(message)
    body = {name: value for name, value in fields.items() if value is not None}
    body["message_type"] = message.message_type
    metadata = message.helper_metadata
    if FIELD in metadata:
        body["helper_metadata"] = {k: v for k, v in metadata.items() if k != FIELD}
    return _encode(body)


def _round_trip(codec: Any) -> Callable[[Any], Any]:
    """What makes of a message the one that will arrive, as far as it matters to JSON."""
    if codec.format == "json":
        return lambda message: message
    # msgpack turns some values into others, as a time of another zone into one in UTC.
    return lambda message: codec.decode(codec.encode(message))


def _signed(message: Any, key: str, at: int) -> bytes:
    return b"%b\n%b\n%d\n%b" % (_PURPOSE, key.encode(), at, canonical(message))


def _parts(signature: Any) -> tuple[str, int, bytes]:
    if signature is None:
        raise Forged("it is not signed")
    if type(signature) is dict and len(signature) == 3:
        name, at, mac = signature.get("key"), signature.get("at"), signature.get("mac")
        if type(name) is str and type(at) is int and type(mac) is str:
            return name, at, mac.encode("utf-8", "replace")
    raise Forged("its signature is not of the form that is written here")


def _with_metadata(message: Any, metadata: dict[str, Any]) -> Any:
    """The same message with other metadata; who holds the message sees no change."""
    twin = message.__copy__()
    twin.helper_metadata = metadata
    return twin


def _hmac_sha256(secret: bytes) -> Callable[[bytes], str]:
    keyed = hmac.new(secret, digestmod="sha256")

    def sign(data: bytes) -> str:
        signer = keyed.copy()
        signer.update(data)
        return signer.hexdigest()

    return sign


def _blake2b(secret: bytes) -> Callable[[bytes], str]:
    key = secret if len(secret) <= blake2b.MAX_KEY_SIZE else blake2b(secret).digest()
    keyed = partial(blake2b, key=key, digest_size=32)
    return lambda data: keyed(data).hexdigest()


_MAKERS = {"hmac-sha256": _hmac_sha256, "blake2b": _blake2b}
