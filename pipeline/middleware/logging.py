"""Logs every message that passes."""

from __future__ import annotations

from copy import copy
from typing import Any, ClassVar

from twisted.logger import InvalidLogLevelError, Logger, LogLevel

from pipeline.config.base import Config
from pipeline.config.fields import ConfigField
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.families import KINDS
from pipeline.requests.wire import HTTP, without_secrets

__all__ = ["LoggingMiddleware", "LoggingMiddlewareConfig"]

#: Names of levels that Python and Vumi know and Twisted spells otherwise.
_SPELLINGS = {"warning": "warn"}


class ConfigLevel(ConfigField[Any]):
    """A level of the log; the value is Twisted's."""

    kind = "debug | info | warn | error | critical"

    def clean(self, value: Any) -> Any:
        """:raises ConfigError: there is no such level."""
        spelt = value.lower() if isinstance(value, str) else ""
        try:
            return LogLevel.levelWithName(_SPELLINGS.get(spelt, spelt))
        except InvalidLogLevelError:
            known = ", ".join(level.name for level in LogLevel.iterconstants())
            raise self._expected(f"one of {known}", value) from None


class LoggingMiddlewareConfig(Config):
    """The options of :class:`LoggingMiddleware`."""

    log_level = ConfigLevel("The level of everything but failures.", default="info", static=True)
    failure_log_level = ConfigLevel("The level of failures.", default="error", static=True)


class LoggingMiddleware(BaseMiddleware):
    """Logs every message that passes, as JSON, in either direction.

    Behaviour and text follow Vumi (0.6.19, ``vumi.middleware.logging.LoggingMiddleware``), which
    doesn't log statuses, nor say which worker has consumed or published it; here it does.
    Contents and addresses are in the log: mind who reads it. Of requests for views and their
    responses it has no cookies, credentials and bodies.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = LoggingMiddlewareConfig
    MAY = ()
    config: LoggingMiddlewareConfig

    #: Where it logs to.
    log = Logger()

    def setup_middleware(self) -> None:
        """Look the levels up, and the worker's name."""
        self._worker_name = getattr(self.worker, "name", "-")
        self._levels = dict.fromkeys(KINDS, self.config.log_level)
        self._levels["failure"] = self.config.failure_log_level

    def handle_consume_inbound(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("inbound", "consumed", message, connector_name)

    def handle_consume_outbound(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("outbound", "consumed", message, connector_name)

    def handle_consume_event(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("event", "consumed", message, connector_name)

    def handle_consume_failure(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("failure", "consumed", message, connector_name)

    def handle_consume_status(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("status", "consumed", message, connector_name)

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("inbound", "published", message, connector_name)

    def handle_publish_outbound(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("outbound", "published", message, connector_name)

    def handle_publish_event(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("event", "published", message, connector_name)

    def handle_publish_failure(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("failure", "published", message, connector_name)

    def handle_publish_status(self, message: Any, connector_name: str) -> Any:
        """Log it."""
        return self._log("status", "published", message, connector_name)

    def _log(self, kind: str, done: str, message: Any, connector_name: str) -> Any:
        self.log.emit(
            self._levels[kind],
            "Processed {kind} message for {connector}, {done} by {worker}: {json}",
            kind=kind,
            done=done,
            worker=self._worker_name,
            connector=connector_name,
            json=_json(message),
        )
        return message


def _json(message: Any) -> str:
    """A message's JSON; what has none, as a plain text, by its representation."""
    to_json = getattr(message, "to_json", None)
    if to_json is None:
        return repr(message)
    try:
        return str(_for_log(message).to_json())
    except (TypeError, ValueError, OverflowError, RecursionError):
        return repr(message)  # the log is no place to fail at


def _for_log(message: Any) -> Any:
    """The message; without what a request for a view has of secrets, also one that has failed."""
    for name in ("extra", "message"):  # what failed is a payload, where extra keys are fields
        held: Any = getattr(message, name, None)
        if isinstance(held, dict) and HTTP in held:
            message = copy(message)
            setattr(message, name, {**held, HTTP: without_secrets(held[HTTP])})
    return message
