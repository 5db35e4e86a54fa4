"""Who may talk to a transport: by a bearer token, or by name and password.

What is compared are digests, in constant time. Who fails too often from one address is refused for
a while, whatever they say.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from twisted.logger import Logger

from pipeline.identity.challenge import ChallengeConfig, challenges
from pipeline.identity.credentials import ConfigPasswords, ConfigTokens, name_and_password
from pipeline.identity.denied import TooManyFailures, Unknown
from pipeline.identity.failures import Failures
from pipeline.identity.passwords import Passwords
from pipeline.transports.statistics import Statistics

__all__ = ["Authentication", "AuthenticationConfig"]


class AuthenticationConfig(ChallengeConfig):
    """Options that say who may talk to a transport. Without bearer and basic, anybody may."""

    bearer = ConfigTokens(
        "Names and their tokens: each the text, of at least 16 characters, or {file: path}, or"
        " sha256:... as `pipeline hash --token` makes it.",
        default={},
        static=True,
    )
    basic = ConfigPasswords(
        "Names and their passwords: each the text, of at least 8 characters, or {file: path}, or"
        " scrypt:... as `pipeline hash` makes it.",
        default={},
        static=True,
    )


class Authentication:
    """Says who a client is.

    :param config: who there is.
    :param clock: the reactor.
    :param statistics: counts ``auth_failures`` and ``auth_refused``.
    """

    log = Logger()

    def __init__(self, config: AuthenticationConfig, clock: Any, statistics: Statistics) -> None:
        #: Nobody may talk to it without saying who they are.
        self.is_required = bool(config.bearer or config.basic)
        self._realm = config.realm
        self._statistics = statistics
        self._key = os.urandom(32)
        self._tokens = {self._keyed(each.digest): who for who, each in config.bearer.items()}
        self._passwords = Passwords(config.basic, clock)
        self._failures = Failures(config.max_failures, config.failure_window, clock)

    def start(self) -> None:
        """Be ready to check passwords."""
        self._passwords.start()

    def stop(self) -> None:
        """Let go of what :meth:`start` made."""
        self._passwords.stop()

    @property
    def challenges(self) -> tuple[str, ...]:
        """The values of ``WWW-Authenticate`` for who is unknown."""
        known = {"Bearer": bool(self._tokens), "Basic": bool(self._passwords)}
        return challenges(self._realm, (scheme for scheme, is_known in known.items() if is_known))

    async def by_header(self, header: str | None, peer: str) -> str:
        """Who sends this ``Authorization``.

        :param peer: where from, as :func:`pipeline.transports.peers.peer_of` says.
        :return: the name of who it is.
        :raise Denied: :class:`~pipeline.identity.denied.Unknown`, ``TooManyFailures`` or
            ``Busy``.
        """
        scheme, _, said = (header or "").strip().partition(" ")
        if not scheme:
            raise Unknown("say who you are: send an Authorization header")
        if scheme.lower() == "bearer" and self._tokens:
            return self.by_token(said.strip(), peer)
        if scheme.lower() == "basic" and self._passwords:
            return await self.by_password(*_basic(said.strip()), peer)
        known = " or ".join(each.partition(" ")[0] for each in self.challenges)
        raise Unknown(f"expected Authorization: {known}")

    def by_token(self, token: str, peer: str) -> str:
        """Whose token this is.

        :raise Denied: nobody's, or the address has failed too often.
        """
        self._admit(peer)
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        # Of what is looked up here a client knows nothing, so the time it takes says nothing.
        who = self._tokens.get(self._keyed(digest))
        if who is None:
            raise self._failed(peer, "this token is nobody's")
        return who

    async def by_password(self, name: str, password: str, peer: str) -> str:
        """The name, if the password is theirs.

        :raise Denied: it is not, the address has failed too often, or too many are being checked.
        """
        self._admit(peer)
        if not await self._passwords.match(name, password, peer):
            raise self._failed(peer, "this name and password are nobody's")
        return name

    def _admit(self, peer: str) -> None:
        seconds = self._failures.seconds_left(peer)
        if seconds:
            self._statistics.count("auth_refused")
            raise TooManyFailures(seconds)

    def _failed(self, peer: str, reason: str) -> Unknown:
        self._statistics.count("auth_failures")
        if self._failures.count(peer):
            self.log.warn("too many failed attempts from {peer}", peer=peer or "a local client")
        return Unknown(reason)

    def _keyed(self, data: bytes) -> bytes:
        return hmac.digest(self._key, data, "sha256")


def _basic(said: str) -> tuple[str, str]:
    found = name_and_password(said)
    if found is None:
        raise Unknown("Basic credentials must be base64 of name:password in UTF-8")
    return found
