"""Delivers replies to the addresses that clients have left for them.

Whoever takes the reply from the transport's queue sends it, in whichever process, so it outlives
the one that took the request. What fails is an error of the message in hand: the worker's policy
says when it is tried again, and when it becomes a dead letter.
"""

from __future__ import annotations

import random
from typing import Any

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import PermanentFailure, RetryLater
from pipeline.identity.peers import Shares
from pipeline.middleware.keys import ConfigSecrets, Secret
from pipeline.transports.answers import Answer
from pipeline.transports.http.callbacks import Callback, ConfigCallbacks, allowed_callback
from pipeline.transports.http.poster import NotTaken, Poster
from pipeline.transports.http.signature import signature
from pipeline.transports.statistics import Statistics

__all__ = ["WebhookConfig", "Webhooks"]

#: What says that there is no point in trying again.
_FINAL = frozenset({301, 302, 303, 307, 308, 410})


class WebhookConfig(Config):
    """Options of replies that are sent to an address of the client's. Without allow there are
    none."""

    allow = ConfigCallbacks(
        "The addresses that clients may give, as https://example.org/hooks/: what is below the"
        " path, on that host and port only.",
        default=[],
        static=True,
    )
    secrets = ConfigSecrets(
        "What requests are signed with, each of at least 16 bytes: {default: ${SECRET}}, and by"
        " the names of users for those who have one of their own.",
        static=True,
    )
    timeout = ConfigDuration("How long one attempt may take.", default="10s", static=True)
    max_in_flight = ConfigInt(
        "How many attempts may be under way in each process, and never more than half of the"
        " worker's max_in_flight; others are put off.",
        default=50,
        minimum=1,
        static=True,
    )
    max_in_flight_per_host = ConfigInt(
        "How many of them may go to one host.", default=10, minimum=1, static=True
    )
    ca = ConfigText(
        "A file with the certificates, as PEM, that are trusted; by default the system's.",
        static=True,
    )

    def post_validate(self) -> None:
        super().post_validate()
        if self.allow and "default" not in (self.secrets or {}):
            self.raise_config_error("secrets: 'default' is required, to sign requests", "secrets")


class Webhooks:
    """Sends requests to addresses that the configuration allows.

    TLS certificates are verified, no redirect is followed, and of an answer no more than its status
    is looked at.

    :param config: which.
    :param clock: the reactor.
    :param statistics: counts ``webhooks_sent`` and ``webhooks_failed``, and has
        ``webhooks_in_flight``.
    :param hands: how many messages the worker has in hand at most; half of them at most are
        webhooks, so that replies to requests that wait are not held up.
    :raise ConfigError: ``ca`` can't be read.
    """

    def __init__(
        self, config: WebhookConfig, clock: Any, statistics: Statistics, hands: int
    ) -> None:
        self._config = config
        self._most = min(config.max_in_flight, max(1, hands // 2))
        self._clock = clock
        self._statistics = statistics
        each = config.max_in_flight_per_host
        self._poster = Poster(clock, config.timeout, each, config.ca)
        self._hosts = Shares(each)
        self._in_flight = 0
        statistics.gauge("webhooks_in_flight", lambda: self._in_flight)

    def check(self, url: str) -> str:
        """An address as it will be called.

        :raise ValueError: it may not be called; says why.
        """
        if not self._config.allow:
            raise ValueError("callbacks are not allowed here")
        return allowed_callback(url, self._config.allow).url

    async def send(self, url: str, answer: Answer, id: str, user: str | None) -> None:
        """Deliver a reply, once.

        :param answer: what is said; its body is the request's.
        :param id: the reply's; the same however often it is sent.
        :param user: whose it is, if that is known.
        :raise NotTaken: it may be taken later.
        :raise PermanentFailure: it never will.
        :raise RetryLater: too many are under way.
        """
        try:
            callback = allowed_callback(url, self._config.allow)
        except ValueError as error:
            raise PermanentFailure(f"webhook: {error}") from None
        await self._in_turn(callback, answer.body(), id, user)
        self._statistics.count("webhooks_sent")

    async def stop(self) -> None:
        """Close what connections are left."""
        await self._poster.stop()

    async def _in_turn(self, callback: Callback, body: bytes, id: str, user: str | None) -> None:
        full = self._in_flight >= self._most
        if full or not self._hosts.take(callback.host):
            raise RetryLater(0.5 + random.random(), "too many webhooks are under way")
        self._in_flight += 1
        try:
            await self._posted(callback, body, id, user)
        except (NotTaken, PermanentFailure):
            self._statistics.count("webhooks_failed")
            raise
        finally:
            self._in_flight -= 1
            self._hosts.give_back(callback.host)

    async def _posted(self, callback: Callback, body: bytes, id: str, user: str | None) -> None:
        where = f"webhook to {callback.host}"
        try:
            headers = self._headers(body, id, user)
            status, retry_after = await self._poster.post(callback.url, headers, body)
        except NotTaken as error:
            raise NotTaken(f"{where}: {error}") from None
        if 200 <= status < 300:
            return
        what = f"{where}: it answered {status}"
        raise PermanentFailure(what) if status in _FINAL else NotTaken(what, retry_after)

    def _headers(self, body: bytes, id: str, user: str | None) -> dict[str, str]:
        secrets: dict[str, Secret] = self._config.secrets
        secret = secrets.get(user or "default", secrets["default"])
        return {
            "Content-Type": "application/json",
            "User-Agent": "txpipeline",
            "Idempotency-Key": id,
            "Pipeline-Signature": signature(secret.reveal(), int(self._clock.seconds()), body),
        }
