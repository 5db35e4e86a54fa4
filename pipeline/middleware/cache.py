"""Keeps responses, and gives them again without asking a view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any, ClassVar

import msgspec

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.quantities import ConfigDuration, ConfigSize
from pipeline.middleware.field_path import ConfigFieldPaths, key_getter
from pipeline.middleware.freshness import lifetime, tell, varied
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response
from pipeline.state.unit import State
from pipeline.store import Store

__all__ = [
    "FetchFromCacheMiddleware",
    "FetchFromCacheMiddlewareConfig",
    "UpdateCacheMiddleware",
    "UpdateCacheMiddlewareConfig",
]

#: The attribute of a request whose response was looked for and not found: where it would be.
_PLACE = "cache_place"

_ASKED = ("GET", "HEAD")

_encode = msgspec.json.Encoder().encode


class _Entry(msgspec.Struct, omit_defaults=True):
    """What is kept: a response, or what responses at a place depend on.

    :param vary: names of headers, if it depends on some; it is elsewhere then.
    :param response: as it travels.
    :param at: when it was made, in seconds since the epoch.
    :param goes_on: whether the session does.
    """

    vary: tuple[str, ...] = ()
    response: dict[str, Any] = {}
    at: float = 0.0
    goes_on: bool = True


_decode = msgspec.json.Decoder(_Entry).decode


class _Place:
    """Where the responses to equal requests are.

    :param prefix: what all keys begin with.
    :param parts: what makes requests equal.
    :param request: the request.
    """

    __slots__ = ("_headers", "key")

    def __init__(self, prefix: str, parts: Sequence[Any], request: Request) -> None:
        self.key = f"cache:{prefix}:{_digest(parts)}"
        self._headers = request.headers

    def depending_on(self, names: Iterable[str]) -> str:
        """The key of the response for a request with these values in some headers."""
        values = [[name, self._headers.get_all(name)] for name in names]
        return f"{self.key}:{_digest(values)}"


def _digest(parts: Any) -> str:
    return blake2b(_encode(parts), digest_size=16).hexdigest()


class UpdateCacheMiddlewareConfig(Config):
    """The options of :class:`UpdateCacheMiddleware`."""

    timeout = ConfigDuration(
        "How long a response is kept that says nothing about it itself; 0: only those that do.",
        default="10m",
        static=True,
    )
    longest = ConfigDuration(
        "The longest that a response is kept, whatever it says.", default="1d", static=True
    )
    max_size = ConfigSize("A larger response is not kept.", default="1MB", static=True)


class UpdateCacheMiddleware(RequestMiddleware):
    """Keeps responses that :class:`FetchFromCacheMiddleware` has looked for in vain.

    Over HTTP those with status 200 to GET and HEAD that don't forbid it, set no cookie, and don't
    vary on everything; of plain messages those that are no failure. They are kept in the store with
    the settlement of the message, and forgotten after their time.

    It stands first in the list, before all that make the response depend on something.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = UpdateCacheMiddlewareConfig
    MAY = ("change", "store")
    NEEDS_BELOW = ("FetchFromCacheMiddleware",)
    #: What these add to ``Vary`` must be seen.
    BEFORE = (
        "SessionMiddleware",
        "LocaleMiddleware",
        "CsrfMiddleware",
        "AuthenticationMiddleware",
        "NoticesMiddleware",
    )
    config: UpdateCacheMiddlewareConfig

    def setup_middleware(self) -> None:
        """Have the options, and the store, at hand."""
        self._timeout, self._longest = self.config.timeout, self.config.longest
        self._max_size = self.config.max_size
        self._now = self.worker.clock.seconds
        self._state = State(self.worker)

    async def process_response(self, request: Request, response: Response) -> Response:
        """The response, which says how long it is good, and is kept if it may be."""
        place = getattr(request, _PLACE, None)
        if place is None:
            return response
        if not request.is_http:
            if not response.is_failure and self._timeout:
                await self._keep(place, response, (), self._timeout)
            return response
        seconds = self._seconds(response)
        if seconds:
            tell(response.headers, seconds, self._now())
            if response.status == 200:
                await self._keep(place, response, varied(response.headers), seconds)
        return response

    def _seconds(self, response: Response) -> float:
        """For how long the response to a request of HTTP may be kept; 0: not at all."""
        names = varied(response.headers)
        sets_cookie = response.cookies or "Set-Cookie" in response
        if response.status not in (200, 304) or sets_cookie or "*" in names:
            return 0.0
        return lifetime(response.headers, self._timeout, self._now())

    async def _keep(
        self, place: _Place, response: Response, names: tuple[str, ...], seconds: float
    ) -> None:
        fields, goes_on = response.to_fields(), response.continue_session
        entry = _encode(_Entry(response=fields, at=self._now(), goes_on=goes_on))
        if len(entry) > self._max_size:
            return
        ttl = min(seconds, self._longest)

        async def work(store: Store) -> None:
            if names:
                store.set(place.key, _encode(_Entry(vary=names)), ttl)
                store.set(place.depending_on(names), entry, ttl)
            else:
                store.set(place.key, entry, ttl)

        await self._state.for_key(place.key, work)


class FetchFromCacheMiddlewareConfig(Config):
    """The options of :class:`FetchFromCacheMiddleware`."""

    prefix = ConfigText(
        "What the keys in the store begin with; applications with one prefix share responses. None:"
        " the worker's name.",
        static=True,
    )
    message_fields = ConfigFieldPaths(
        "What makes plain messages to one destination equal, as `[content]` or `[content,"
        " from_addr]`; none: they are not looked for. Messages of a session never are.",
        default=(),
        static=True,
    )


class FetchFromCacheMiddleware(RequestMiddleware):
    """Answers with a response that is kept, if there is one; the view doesn't run then.

    Requests of HTTP are equal if host, path, query and language are, and the headers in the
    response's ``Vary``. A HEAD is answered with what is kept for GET. Requests with
    ``Authorization`` are never looked for. A response that is kept has an ``Age``.

    It stands last in the list, after all that make the response depend on something.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = FetchFromCacheMiddlewareConfig
    MAY = ("change", "respond")
    NEEDS = ("UpdateCacheMiddleware",)
    AFTER = (
        "SessionMiddleware",
        "LocaleMiddleware",
        "CsrfMiddleware",
        "AuthenticationMiddleware",
        "NoticesMiddleware",
        "SignCheckMiddleware",
        "CommonMiddleware",
        "SecurityMiddleware",
    )
    config: FetchFromCacheMiddlewareConfig

    def setup_middleware(self) -> None:
        """Have the options, and the store, at hand."""
        worker_name = getattr(self.worker, "name", "")
        self._prefix = worker_name if self.config.prefix is None else self.config.prefix
        self._fields: list[Callable[[Any], Any]] = [
            key_getter(path) for path in self.config.message_fields
        ]
        self._now = self.worker.clock.seconds
        self._state = State(self.worker)

    async def process_request(self, request: Request) -> Response | None:
        """The response that is kept; else None, and a place for one to come."""
        places = self._places(request)
        for place in places:
            found = await self._look(place)
            if found is not None:
                return found
        if places:
            setattr(request, _PLACE, places[-1])
        return None

    def _places(self, request: Request) -> list[_Place]:
        """Where to look, the last one for what this request will be answered."""
        if not request.is_http:
            return self._places_of_message(request)
        if request.method not in _ASKED or _is_named(request):
            return []
        path, language = request.path_prefix + request.path, request.language
        target = [request.scheme, request.host, path, request.query_string]
        methods = _ASKED[: _ASKED.index(request.method) + 1]
        return [_Place(self._prefix, [each, *target, language], request) for each in methods]

    def _places_of_message(self, request: Request) -> list[_Place]:
        message = request.message
        if not self._fields or message is None or request.session_event is not None:
            return []
        chosen = [key_of(message) for key_of in self._fields]
        parts = ["MESSAGE", request.connector, message.to_addr, chosen, request.language]
        return [_Place(self._prefix, parts, request)]

    async def _look(self, place: _Place) -> Response | None:
        entry = await self._state.for_key(place.key, _reading(place.key))
        if entry is not None and entry.vary:
            key = place.depending_on(entry.vary)
            entry = await self._state.for_key(place.key, _reading(key))
        return None if entry is None or entry.vary else self._response(entry)

    def _response(self, entry: _Entry) -> Response | None:
        try:
            response = Response.from_fields(entry.response)
        except ValueError:
            return None  # of another version
        response.continue_session = entry.goes_on
        response["Age"] = str(max(0, int(self._now() - entry.at)))
        return response


def _is_named(request: Request) -> bool:
    """Whether a request says who it is from: to us, or to the transport, which then tells it."""
    if "Authorization" in request.headers:
        return True
    return request.message is not None and "user" in request.message.transport_metadata


def _reading(key: str) -> Callable[[Store], Any]:
    async def work(store: Store) -> _Entry | None:
        # Not compared at the commit: what the cache has now decides nothing that must be exact.
        raw = await store.peek(key)
        try:
            return None if raw is None else _decode(raw)
        except msgspec.MsgspecError:
            return None

    return work
