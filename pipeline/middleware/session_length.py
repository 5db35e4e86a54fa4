"""Notes in each message when its session began, and when it ended."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice, ConfigText
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import SessionLengthMiddlewareError
from pipeline.message import UserMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.tagger import TaggingMiddleware
from pipeline.state.unit import State, Work
from pipeline.store import Store

__all__ = [
    "SessionLengthMiddleware",
    "SessionLengthMiddlewareConfig",
    "SessionLengthMiddlewareError",
]


class SessionLengthMiddlewareConfig(Config):
    """The options of :class:`SessionLengthMiddleware`."""

    timeout = ConfigDuration(
        "How long the start of a session is remembered.", default=600, static=True
    )
    namespace_type = ConfigChoice(
        "What sessions belong to besides an address: the message's `transport_name`, or its tag,"
        " which the [tagger](tagger.md) must have given before.",
        default="transport_name",
        static=True,
        values=("transport_name", "tag"),
    )
    field_name = ConfigText(
        "The key of `helper_metadata` under which the times are noted.",
        default="session",
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a timeout of no length."""
        if not self.timeout:
            self.raise_config_error("timeout: must be longer than 0", "timeout")


class SessionLengthMiddleware(BaseMiddleware):
    """Notes when a session began and ended, in seconds since the epoch.

    ``helper_metadata[field_name]`` has ``session_start`` in all messages of a session, and
    ``session_end`` in the one that closes it. What is noted already stays as it is.

    Behaviour and keys follow Vumi (0.6.19,
    ``vumi.middleware.session_length.SessionLengthMiddleware``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = SessionLengthMiddlewareConfig
    MAY = ("change", "store")
    config: SessionLengthMiddlewareConfig

    SESSION_NEW, SESSION_CLOSE = UserMessage.SESSION_NEW, UserMessage.SESSION_CLOSE
    SESSION_START, SESSION_END = "session_start", "session_end"

    log = Logger()

    def setup_middleware(self) -> None:
        """Look the options up."""
        self._timeout = self.config.timeout
        self._field = self.config.field_name
        self._namespace_of = {"transport_name": _transport_name, "tag": _tag}[
            self.config.namespace_type
        ]
        self._now = self.worker.clock.seconds
        self._state = State(self.worker)

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """Note the times of the sender's session."""
        return self._noted("inbound", message, message.from_addr)

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """Note the times of the receiver's session."""
        return self._noted("outbound", message, message.to_addr)

    def _noted(self, kind: str, message: Any, address: str | None) -> Any:
        """The message, or a coroutine of it if the store has to be asked."""
        namespace = self._namespace_of(message)
        known = message.helper_metadata.get(self._field, {})
        problem = _problem(namespace, address, known)
        if problem:
            return self._skipped(message, problem)
        is_close = message.session_event == self.SESSION_CLOSE
        if is_close and self.SESSION_END not in known:
            self._note(message, self.SESSION_END, self._now())
        if self.SESSION_START in known:
            return message
        key = f"{namespace}:{address}:session_created"
        if message.session_event == self.SESSION_NEW:
            return self._begin(kind, message, key)
        look = self._end(key) if is_close else self._look(key)
        return self._note_start(kind, message, look)

    async def _begin(self, kind: str, message: Any, key: str) -> Any:
        now = self._now()

        async def work(store: Store) -> None:
            store.set(key, repr(now), self._timeout)

        await self._state.for_message(kind, message, work)
        self._note(message, self.SESSION_START, now)
        return message

    async def _note_start(self, kind: str, message: Any, look: Work[bytes | None]) -> Any:
        started = await self._state.for_message(kind, message, look)
        if started is not None:
            self._note(message, self.SESSION_START, started)
        return message

    def _look(self, key: str) -> Work[bytes | None]:
        async def look(store: Store) -> bytes | None:
            # That another message ends the session meanwhile changes nothing for this one.
            return await store.peek(key)

        return look

    def _end(self, key: str) -> Work[bytes | None]:
        started: bytes | None = None

        async def look(store: Store) -> bytes | None:
            nonlocal started
            found = await store.get(key)
            if found is not None:
                store.delete(key)
            # On a second run at the edge the first one may have removed it.
            started = found or started
            return started

        return look

    def _note(self, message: Any, name: str, seconds: float | bytes) -> None:
        message.helper_metadata.setdefault(self._field, {})[name] = float(seconds)

    def _skipped(self, message: Any, problem: str) -> Any:
        error = SessionLengthMiddlewareError(f"{problem}: no times are noted in {message!r}")
        self.log.failure("{name}", Failure(error), LogLevel.error, name=self.name)
        return message


def _problem(namespace: str | None, address: str | None, known: Any) -> str:
    """Why no session can be told of, or nothing."""
    if namespace is None:
        return "there is no namespace"
    if address is None:
        return "there is no address"
    return "" if isinstance(known, dict) else f"what is noted is no mapping, but {known!r:.40}"


def _transport_name(message: Any) -> str | None:
    return message.transport_name  # type: ignore[no-any-return]  # a field of user messages


def _tag(message: Any) -> str | None:
    tag = TaggingMiddleware.map_msg_to_tag(message)
    return None if tag is None else f"{tag[0]}:{tag[1]}"
