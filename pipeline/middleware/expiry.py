"""Stops messages that come too late to be of use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice, ConfigDict
from pipeline.config.problems import suggestion
from pipeline.config.quantities import ConfigDuration, parse_duration
from pipeline.delivery import delivery_of
from pipeline.errors import ConfigError, Drop, Expired, PermanentFailure
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import KINDS
from pipeline.middleware.selection import ConfigKinds, Handler, attach

__all__ = ["ExpiryMiddleware", "ExpiryMiddlewareConfig"]


class ConfigDurations(ConfigDict):
    """Spans of time by kind of message."""

    kind = "mapping of kinds to durations"

    def clean(self, value: Any) -> dict[str, Any]:
        """:raises ConfigError: no such kind, or no span of time."""
        given = super().clean(value)
        for kind in given:
            if kind not in KINDS:
                what = f"there is no kind of message {kind!r}"
                raise ConfigError(what, hint=suggestion(str(kind), KINDS))
        return {kind: parse_duration(each) for kind, each in given.items()}


class ExpiryMiddlewareConfig(Config):
    """The options of :class:`ExpiryMiddleware`."""

    ttl = ConfigDuration(
        "How old a message may be that says nothing itself; none: as old as it likes.",
        static=True,
    )
    ttl_by_kind = ConfigDurations(
        "The same for single kinds, as `{event: 1h}`; they are then looked at even if `kinds` lacks"
        " them.",
        default={},
        static=True,
    )
    on_expired = ConfigChoice(
        "What becomes of it. `dead_letter`: buried with the reason `expired`. `drop`: it is"
        " settled, and nothing more; an outbound message makes a nack.",
        default="dead_letter",
        static=True,
        values=("dead_letter", "drop"),
    )
    kinds = ConfigKinds("The kinds of message that are looked at.", default=("inbound", "outbound"))


class ExpiryMiddleware(BaseMiddleware):
    """Stops a message that is read too late.

    Its age counts from when the server took it in, so the clock of who sent it does not matter.
    A message may say for itself, in ``helper_metadata`` or in ``extra``: ``ttl``, a span of time
    from then on in seconds or as ``5m``; ``expires_at``, seconds since the epoch or an ISO date.
    If it says both, the earlier counts; what it says goes before the options.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = ExpiryMiddlewareConfig
    MAY = ("drop", "refuse")
    config: ExpiryMiddlewareConfig

    def setup_middleware(self) -> None:
        """Put the handlers in place."""
        self._now = self.worker.clock.seconds
        self._stop = Drop if self.config.on_expired == "drop" else Expired
        kinds = dict.fromkeys((*self.config.kinds, *self.config.ttl_by_kind))
        attach(self, "consume", kinds, self._on)

    def _on(self, kind: str) -> Handler:
        ttl: float | None = self.config.ttl_by_kind.get(kind, self.config.ttl)

        def handle(message: Any, connector_name: str) -> Any:
            own = _own_end(message)
            if own is not None:
                end = own
            elif ttl is not None:
                end = _born(message) + ttl
            else:
                return message
            late = self._now() - end
            if late >= 0:
                raise self._stop(f"{late:.3f} s too late, {self._now() - _born(message):.3f} s old")
            return message

        return handle


def _born(message: Any) -> float:
    """When the server took it in, in seconds since the epoch."""
    delivery = delivery_of(message)
    if delivery is not None and delivery.enqueued_at:
        return delivery.enqueued_at / 1000
    return message.timestamp.timestamp()  # type: ignore[no-any-return]  # a datetime


def _own_end(message: Any) -> float | None:
    """When it ends by what it says itself; None if it says nothing."""
    told, extra = message.helper_metadata, message.extra
    if not told and not extra:
        return None
    ttl, at = (told.get(name, extra.get(name)) for name in ("ttl", "expires_at"))
    ends = [] if ttl is None else [_born(message) + _seconds(ttl)]
    if at is not None:
        ends.append(_instant(at))
    return min(ends, default=None)


def _seconds(ttl: Any) -> float:
    try:
        return parse_duration(ttl)
    except ConfigError as error:
        raise PermanentFailure(f"ttl: {error}") from error


def _instant(at: Any) -> float:
    if isinstance(at, int | float) and not isinstance(at, bool):
        return at
    try:
        moment = at if isinstance(at, datetime) else datetime.fromisoformat(at)
    except (TypeError, ValueError) as error:
        what = f"expires_at: expected seconds since the epoch or an ISO date, got {at!r}"
        raise PermanentFailure(what) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
