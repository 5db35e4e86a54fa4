"""Who sends a request, and what is theirs."""

from __future__ import annotations

from typing import Any, NamedTuple

from pipeline.transports.answers import HttpError, refusal, unavailable
from pipeline.transports.authentication import Authentication
from pipeline.transports.denied import Busy, Denied, TooManyFailures

__all__ = ["Caller", "Callers"]


class Caller(NamedTuple):
    """Who sends a request.

    :param user: their name; None where nobody is asked.
    :param peer: where from.
    """

    user: str | None
    peer: str

    @property
    def share(self) -> str:
        """Whose share of what is bounded a request takes; users and addresses are told apart."""
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
    """Finds out who sends a request.

    :param authentication: who there is.
    """

    def __init__(self, authentication: Authentication) -> None:
        self._authentication = authentication

    async def of(self, request: Any) -> Caller:
        """Who sends it.

        :raise HttpError: 401, 429 or 503.
        """
        peer: str = request.channel.peer
        if not self._authentication.is_required:
            return Caller(None, peer)
        given = request.requestHeaders.getRawHeaders("Authorization", [])
        header = given[0] if len(given) == 1 else None
        try:
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
