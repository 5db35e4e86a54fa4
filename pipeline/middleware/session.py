"""Sessions: what is remembered of a browser, or of an address, from one request to the next."""

from __future__ import annotations

import re
import secrets
from typing import Any, ClassVar, NamedTuple

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigText
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.message import UserMessage
from pipeline.middleware.cookie import Cookie, CookieConfig
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.session_mapping import Session
from pipeline.middleware.session_shelf import Shelf
from pipeline.state.partition import owner_of

__all__ = ["BROKEN", "Session", "SessionMiddleware", "SessionMiddlewareConfig"]

#: Random bytes of an id.
BYTES = 32
_ID = re.compile(r"[A-Za-z0-9_-]{43}")

#: The status from which on a response means that the request has come to nothing.
BROKEN = 500


class SessionMiddlewareConfig(CookieConfig):
    """The options of :class:`SessionMiddleware`."""

    age = ConfigDuration(
        "How long a session lives after its last change.", default="14d", static=True
    )
    rolling = ConfigBool(
        "Have it live that long after its last use, not only after its last change.",
        default=False,
        static=True,
    )
    until_closed = ConfigBool(
        "Have browsers forget it when they are closed.", default=False, static=True
    )
    max_size = ConfigSize(
        "How large a session may be, as JSON; one that gets larger is not kept, and the request"
        " fails.",
        default="64kB",
        static=True,
    )
    prefix = ConfigText(
        "What its keys in the store begin with: workers that give the same share sessions.",
        default="session",
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: no such cookie, or an age of no length."""
        super().post_validate()
        if self.age < 1:
            self.raise_config_error("age: must be 1 s or longer", "age")


class _Place(NamedTuple):
    """A session's place, and whether a cookie tells it."""

    shelf: Shelf
    is_cookie: bool


class SessionMiddleware(RequestMiddleware):
    """Gives each request a ``session``, and keeps what changes in it.

    A browser is known by a cookie with a random id, anybody else by transport and address. The
    session is kept in the step that settles the message, or not at all: if another request has
    changed it meanwhile this one is handled again. A response of status 500 or above keeps
    nothing. The store knows ids by their hash only.

    Behaviour follows Django (``django.contrib.sessions``); see the page for what is otherwise.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = SessionMiddlewareConfig
    MAY = ("change", "retry", "store")

    def setup_middleware(self) -> None:
        """Look the options up."""
        self._cookie = Cookie(self.config)
        self._broker = self.worker.broker
        self._prefix: str = self.config.prefix

    async def process_request(self, request: Any) -> None:
        """Fetch the session."""
        place = self._place_of(request)
        stored = None if place is None else await place.shelf.read()
        known = stored is not None or (place is not None and not place.is_cookie)
        # An id that was not made here is never used: another may have planted it.
        request.session_place = place if known else None
        request.session = Session(stored)
        if request.session_event == UserMessage.SESSION_NEW:
            request.session.flush()

    async def process_response(self, request: Any, response: Any) -> Any:
        """Keep what has changed, unless the request has failed."""
        session = getattr(request, "session", None)
        if not isinstance(session, Session):
            return response
        if request.is_http and session.is_accessed:
            response.vary_on("Cookie")
        if response.status >= BROKEN:
            return response
        if not request.is_http and _ends(request, response):
            session.flush()
        if session.is_accessed:
            await self._keep(request, response, session)
        return response

    async def _keep(self, request: Any, response: Any, session: Session) -> None:
        value = session.encoded()
        place: _Place | None = request.session_place
        if value is None:
            await self._forget(request, response, session, place)
            return
        if len(value) > self.config.max_size:
            most = self.config.max_size
            raise ValueError(f"the session has {len(value)} bytes, more than max_size ({most})")
        if value == session.stored and not session.is_renewed:
            await self._prolong(request, response, session, place)
        elif place is None or (session.is_renewed and place.is_cookie):
            await self._begin(request, response, session, value)
        else:
            seconds = self._seconds(session)
            await place.shelf.keep(value, session.stored, seconds)
            if place.is_cookie:
                self._tell(request, response, session, self._cookie.of(request) or "")

    async def _begin(self, request: Any, response: Any, session: Session, value: bytes) -> None:
        """Keep it under a new id, and forget the old one."""
        place: _Place | None = request.session_place
        if place is not None:
            await place.shelf.forget(session.stored)
        if not request.is_http:
            return  # nobody can be told the id of a session that belongs to no address
        new = secrets.token_urlsafe(BYTES)
        await self._by_cookie(request, new).shelf.keep(value, None, self._seconds(session))
        self._tell(request, response, session, new)

    async def _prolong(
        self, request: Any, response: Any, session: Session, place: _Place | None
    ) -> None:
        if not self.config.rolling or place is None:
            return
        await place.shelf.prolong(self._seconds(session))
        if place.is_cookie:
            self._tell(request, response, session, self._cookie.of(request) or "")

    async def _forget(
        self, request: Any, response: Any, session: Session, place: _Place | None
    ) -> None:
        if place is None or session.stored is None:
            return
        await place.shelf.forget(session.stored)
        if place.is_cookie:
            self._cookie.clear(request, response)

    def _tell(self, request: Any, response: Any, session: Session, id: str) -> None:
        own = session.expiry
        until_closed = self.config.until_closed if own is None else not own
        self._cookie.put(request, response, id, None if until_closed else self._seconds(session))

    def _seconds(self, session: Session) -> float:
        return session.expiry or float(self.config.age)

    # Where it lies -----------------------------------------------------------------------------

    def _place_of(self, request: Any) -> _Place | None:
        if request.is_http:
            id = self._cookie.of(request)
            return self._by_cookie(request, id) if id and _ID.fullmatch(id) else None
        if not request.remote_addr:
            return None
        name = getattr(request.message, "transport_name", None) or request.connector
        key = f"{self._prefix}:address:{len(name)}:{name}:{request.remote_addr}"
        return _Place(self._shelf(request, key, request.remote_addr), False)

    def _by_cookie(self, request: Any, id: str) -> _Place:
        owner = owner_of(id)
        return _Place(self._shelf(request, f"{self._prefix}:cookie:{owner}", owner), True)

    def _shelf(self, request: Any, key: str, owner: str) -> Shelf:
        return Shelf(self._broker, request.message, key, owner)


def _ends(request: Any, response: Any) -> bool:
    """Whether the user, or the answer, ends the transport's session."""
    return request.session_event == UserMessage.SESSION_CLOSE or not response.continue_session
