"""Lets only signed requests through."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import Drop, PermissionDenied
from pipeline.middleware.keys import ConfigSecrets
from pipeline.middleware.patterns import ConfigPatterns
from pipeline.middleware.request import RequestMiddleware
from pipeline.state.partition import partition_of
from pipeline.state.unit import alone
from pipeline.store import Store

__all__ = ["HEADER", "SignCheckMiddleware", "SignCheckMiddlewareConfig", "signature"]

#: Where a request carries its signature: key's name, seconds since the epoch, MAC in hexadecimal.
HEADER = "X-Signature"

#: What is signed begins with this, so that no signature serves for anything else.
_PURPOSE = "pipeline request 1"

_FORM = re.compile(r"(?P<key>[\w.-]{1,100}):(?P<at>[0-9]{1,12}):(?P<mac>[0-9a-f]{64})", re.ASCII)


def signature(
    key: str, secret: bytes, at: int, method: str, path: str, query: str = "", body: bytes = b""
) -> str:
    """The value of the header :data:`HEADER` for a request.

    HMAC with SHA-256 over these lines: ``pipeline request 1``, the key's name, the time, the
    method, the path, the query, and the body's SHA-256 in hexadecimal; no line break at the end.

    :param key: the name of the key.
    :param secret: the key.
    :param at: now, in seconds since the epoch.
    :param method: as ``POST``.
    :param path: decoded, without the query.
    :param query: what stands behind the question mark, as it is sent.
    """
    lines = (_PURPOSE, key, str(at), method, path, query, hashlib.sha256(body).hexdigest())
    mac = hmac.new(secret, "\n".join(lines).encode(), "sha256").hexdigest()
    return f"{key}:{at}:{mac}"


class SignCheckMiddlewareConfig(Config):
    """The options of :class:`SignCheckMiddleware`."""

    keys = ConfigSecrets(
        "Secrets by name, each of 16 bytes or more; take them from the environment, as"
        " `{partner: ${PARTNER_KEY}}`. They are never shown in an error, a log or a"
        " representation.",
        required=True,
        static=True,
    )
    max_age = ConfigDuration(
        "By how much the time of signing may differ from now. In this time a signature counts"
        " once.",
        default="5m",
        static=True,
    )
    exempt = ConfigPatterns(
        "Paths that need no signature: regular expressions for the whole path.", static=True
    )
    messages = ConfigChoice(
        "What becomes of what did not come over HTTP, and so has no signature: `pass`, or `drop`.",
        default="pass",
        static=True,
        values=("pass", "drop"),
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a time of no length."""
        if not self.max_age:
            self.raise_config_error("max_age: must be longer than 0", "max_age")


class SignCheckMiddleware(RequestMiddleware):
    """Answers 403 to a request of HTTP that nobody with a key has signed, or that came before.

    A signature covers method, path, query, body and time. That it was seen is written before the
    view runs, together with the id of the message that it came in: the same message may be tried
    again, another one with the same signature is refused, whichever worker and partition it meets.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = SignCheckMiddlewareConfig
    MAY = ("drop", "respond", "store")
    config: SignCheckMiddlewareConfig

    def setup_middleware(self) -> None:
        """Take the keys out of the options."""
        self._keys = {name: secret.reveal() for name, secret in self.config.keys.items()}
        self._max_age = self.config.max_age
        self._exempt = self.config.exempt
        self._drops = self.config.messages == "drop"
        self._now = self.worker.clock.seconds
        self._broker = self.worker.broker

    async def process_request(self, request: Any) -> None:
        """:raises PermissionDenied: it is not signed as it must be; a 403."""
        if not request.is_http:
            return self._not_http()
        if self._exempt is not None and self._exempt.whole(request.path):
            return None
        found = _FORM.fullmatch(request.headers.get(HEADER, ""))
        if found is None:
            raise PermissionDenied(f"the request has no signature in {HEADER}")
        self._check(request, found["key"], int(found["at"]), found[0])
        if not await self._is_first(request, found["mac"]):
            raise PermissionDenied("the request has been sent before")
        return None

    def _not_http(self) -> None:
        if self._drops:
            raise Drop("it is not signed: it did not come over HTTP")

    def _check(self, request: Any, key: str, at: int, given: str) -> None:
        secret = self._keys.get(key)
        if secret is None:
            raise PermissionDenied("the request is signed with a key that nobody knows")
        expected = signature(
            key, secret, at, request.method, request.path, request.query_string, request.body
        )
        if not hmac.compare_digest(expected.encode(), given.encode()):
            raise PermissionDenied("the signature is wrong: the request was changed or made up")
        if abs(self._now() - at) > self._max_age:
            raise PermissionDenied("the request was signed too long ago, or clocks differ")

    async def _is_first(self, request: Any, mac: str) -> bool:
        mark = f"signed:{self.name}:{mac}"
        holder = getattr(request.message, "message_id", "").encode()
        work = _marking(mark, holder, 2 * self._max_age)
        return await alone(self._broker, partition_of(mac, self._broker.partitions), work)


def _marking(mark: str, holder: bytes, ttl: float) -> Callable[[Store], Awaitable[bool]]:
    async def work(store: Store) -> bool:
        known = await store.get(mark)
        if known is None:
            store.set(mark, holder, ttl)
            return True
        return bool(holder) and known == holder

    return work
