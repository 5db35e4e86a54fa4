"""Sends nothing again that is there already."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, ClassVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool
from pipeline.config.quantities import ConfigDuration
from pipeline.middleware.preconditions import (
    Version,
    as_tag,
    http_date,
    not_modified,
    refusal,
    seconds_of,
)
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response
from pipeline.state.unit import State
from pipeline.store import Store

__all__ = ["ConditionalMiddleware", "ConditionalMiddlewareConfig", "condition"]

#: Bytes of an entity tag, and of what is remembered of an answer.
_DIGEST = 16

_NOT_MODIFIED = 304

#: Statuses of responses that have no content, and no length of it.
_WITHOUT_CONTENT = frozenset({204, _NOT_MODIFIED})


class ConditionalMiddlewareConfig(Config):
    """The options of :class:`ConditionalMiddleware`."""

    etags = ConfigBool(
        "Make an `ETag` from the content of a response that has none; the content is sent once"
        " then, but the view runs every time.",
        default=True,
        static=True,
    )
    skip_unchanged = ConfigBool(
        "Don't answer a plain message when the last answer to this user was the same. Sessions are"
        " always answered.",
        default=False,
        static=True,
    )
    unchanged_for = ConfigDuration(
        "How long an answer counts as the last one.", default="1d", static=True
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a time of no length."""
        if not self.unchanged_for:
            self.raise_config_error("unchanged_for: must be longer than 0", "unchanged_for")


class ConditionalMiddleware(RequestMiddleware):
    """Answers 304 or 412 to a GET or HEAD whose conditions say so; sets ETag, Date and length.

    The conditions are looked at when the view has run, so for GET and HEAD only: what another
    method does must be known before, see :func:`condition`. Of plain messages, by option, an answer
    that the user has got before is not published again.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = ConditionalMiddlewareConfig
    MAY = ("change", "store")
    #: Compression changes the content, and must not change what the tag is made of.
    AFTER = ("GZipMiddleware",)
    config: ConditionalMiddlewareConfig

    def setup_middleware(self) -> None:
        """Have the options, and the store, at hand."""
        self._makes_tags = self.config.etags
        self._skips = self.config.skip_unchanged
        self._ttl = self.config.unchanged_for
        self._now = self.worker.clock.seconds
        self._state = State(self.worker)

    async def process_response(self, request: Request, response: Response) -> Response:
        """The response, a 304 or 412 instead of it, or one with nothing in it."""
        if request.is_http:
            return self._conditional(request, response)
        may_be_skipped = self._skips and _may_be_skipped(request, response)
        if may_be_skipped and await self._is_unchanged(request, response):
            response.content = b""
        return response

    # HTTP --------------------------------------------------------------------------------------

    def _conditional(self, request: Request, response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Date", http_date(self._now()))
        if response.status == 200 and request.method in ("GET", "HEAD"):
            self._tag(response)
            modified = seconds_of(headers.get("Last-Modified", ""))
            refused = refusal(request, Version(headers.get("ETag"), modified))
            if refused is not None:
                return _instead(request, refused, response)
        if response.status not in _WITHOUT_CONTENT and _is_whole(request, response):
            headers["Content-Length"] = str(len(response.content))
        return response

    def _tag(self, response: Response) -> None:
        wanted = self._makes_tags and response.content and "ETag" not in response
        if wanted and "no-store" not in response.headers.get("Cache-Control", "").lower():
            digest = blake2b(response.content, digest_size=_DIGEST).hexdigest()
            response["ETag"] = f'"{digest}"'

    # Messages ----------------------------------------------------------------------------------

    async def _is_unchanged(self, request: Request, response: Response) -> bool:
        digest = blake2b(response.content, digest_size=_DIGEST).digest()
        message = request.message
        user = f"{request.connector}:{message.to_addr}:{message.from_addr}"
        key = f"unchanged:{self.name}:{user}"

        async def work(store: Store) -> bool:
            if await store.get(key) == digest:
                return True
            store.set(key, digest, self._ttl)
            return False

        return await self._state.for_key(message.from_addr, work)


def condition(
    etag: Callable[..., Any] | None = None, last_modified: Callable[..., Any] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have a view run only when the conditions of a request of HTTP are met: else a 304 or 412.

    For methods that change something this is the only way, as the conditions must be looked at
    before. Needs no middleware. (Django's decorator of the same name, 5.2.)

    :param etag: given what the view is given, a text for the version that there is now; None:
        there is nothing. The functions are async where the view is, and plain where it is.
    :param last_modified: the same for the time when it was changed, in seconds since the epoch or
        as an aware datetime.
    """

    def around(view: Callable[..., Any]) -> Callable[..., Any]:
        asked = (etag, last_modified)

        @functools.wraps(view)
        async def conditional(request: Request, *args: Any, **kwargs: Any) -> Any:
            known = [each and await _there(each(request, *args, **kwargs)) for each in asked]
            now = _version(*known)
            refused = refusal(request, now) if request.is_http else None
            response = refused or await view(request, *args, **kwargs)
            return _marked(request, response, now)

        @functools.wraps(view)
        def blocking(request: Request, *args: Any, **kwargs: Any) -> Any:
            known = [each and each(request, *args, **kwargs) for each in asked]
            now = _version(*known)
            refused = refusal(request, now) if request.is_http else None
            response = refused or view(request, *args, **kwargs)
            return _marked(request, response, now)

        called = view if inspect.isroutine(view) else getattr(view, "__call__", view)  # noqa: B004 - not whether, but how
        return conditional if inspect.iscoroutinefunction(called) else blocking

    return around


async def _there(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


def _version(tag: Any, modified: Any) -> Version:
    seconds = modified.timestamp() if hasattr(modified, "timestamp") else modified
    return Version(
        None if tag is None else as_tag(tag),
        None if seconds is None else int(seconds),
        tag is not None or seconds is not None,
    )


def _marked(request: Request, response: Any, now: Version) -> Any:
    """The response with what it was asked about; of a change it is not true any more."""
    if request.method in ("GET", "HEAD") and isinstance(response, Response):
        if now.tag is not None:
            response.headers.setdefault("ETag", now.tag)
        if now.modified is not None:
            response.headers.setdefault("Last-Modified", http_date(now.modified))
        if response.status == _NOT_MODIFIED:
            return not_modified(request, response)
    return response


def _may_be_skipped(request: Request, response: Response) -> bool:
    in_session = request.session_event is not None or not response.continue_session
    return bool(response.content) and not in_session and request.message is not None


def _instead(request: Request, refused: Response, response: Response) -> Response:
    if refused.status == _NOT_MODIFIED:
        return not_modified(request, response)
    refused.cookies = response.cookies
    return refused


def _is_whole(request: Request, response: Response) -> bool:
    """Whether the content is what the length tells of; a HEAD may have been answered with none."""
    return request.method != "HEAD" or bool(response.content)
