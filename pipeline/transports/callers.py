"""Who a client is, and what is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.identity.denied import Busy, Denied, TooManyFailures
from pipeline.transports.answers import HttpError, refusal, unavailable
from pipeline.transports.authentication import Authentication

__all__ = ["Caller", "Callers"]


class Caller(NamedTuple):
    """A client.

    :param user: their name; None where nobody is asked.
    :param peer: where from.
    """

    user: str | None
    peer: str

    @property
    def share(self) -> str:
        """Whose share of what is bounded it takes; users and addresses are told apart."""
        return f"address {self.peer}" if self.user is None else f"user {self.user}"

    def inside(self, own_id: str) -> str:
        """What a message with an id of the caller's own is called: two may have the same.

        No name has a slash in it.
        """
        return own_id if self.user is None else f"{self.user}/{own_id}"

    def outside(self, id: str) -> str:
        """What the caller calls a message."""
        return id if self.user is None else id.removeprefix(f"{self.user}/")


class Callers:
    """Finds out who a client is.

    :param authentication: who there is.
    """

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    async def of(self, request: Any) -> Caller:
        """Who sends a request.

        :raise HttpError: 401, 429 or 503.
        """
        # As bytes: of text Twisted expects that it is UTF-8, and fails.
        given = request.requestHeaders.getRawHeaders(b"Authorization", [])
        said = [each.decode("latin-1") for each in given]
        return await self.named(said, request.channel.peer)

    async def named(self, headers: Sequence[str], peer: str, token: str | None = None) -> Caller:
        """Who says these.

        :param headers: the values of ``Authorization``; more than one are as good as none.
        :param peer: where from.
        :param token: one that has come without a header; a header goes before it.
        :raise HttpError: 401, 429 or 503.
        """
        if not self._authentication.is_required:
            return Caller(None, peer)
        try:
            if token is not None and not headers:
                return Caller(self._authentication.by_token(token, peer), peer)
            header = headers[0] if len(headers) == 1 else None
            return Caller(await self._authentication.by_header(header, peer), peer)
        except Denied as denied:
            raise self._refused(denied) from None

    def _refused(self, denied: Denied) -> HttpError:
        if isinstance(denied, Busy):
            return unavailable(denied.reason)
        if isinstance(denied, TooManyFailures):
            headers = (("Retry-After", str(denied.retry_after)),)
            return refusal(429, denied.reason, headers=headers)
        challenges = self._authentication.challenges
        return refusal(
            401, denied.reason, headers=tuple(("WWW-Authenticate", each) for each in challenges)
        )
