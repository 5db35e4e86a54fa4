"""Requests for views: each becomes a message, whose reply is the whole response."""

from __future__ import annotations

import re
from typing import Any

from pipeline.config.fields import ConfigField
from pipeline.errors import SuspiciousOperation
from pipeline.message import UserMessage
from pipeline.requests import Request as Asked
from pipeline.requests.wire import HTTP
from pipeline.state.partition import owner_of
from pipeline.transports.answers import Page, refusal
from pipeline.transports.callers import Caller, Callers
from pipeline.transports.http.exchange import Exchange
from pipeline.transports.http.hops import end_to_end
from pipeline.transports.http.protocol import Request
from pipeline.transports.http.proxies import Origin, Proxies, address_of
from pipeline.transports.http.replies import page_of

__all__ = ["ConfigPrefix", "Views", "is_below", "session_key"]

#: What a method is; it goes on as it is written.
_METHOD = re.compile(r"[A-Z][A-Z-]{0,31}")

#: Methods that no view gets: for proxies; one that shows cookies to scripts; and what stands for
#: messages that did not come over HTTP.
_REFUSED = frozenset({"CONNECT", "TRACE", "TRACK", "MESSAGE"})


class ConfigPrefix(ConfigField[Any]):
    """The beginning of paths, as ``/shop``; true is ``/``, false none.

    Its value is the beginning without a slash at its end, ``""`` for ``/``; False for none.
    """

    kind = "path, or true or false"

    def clean(self, value: Any) -> Any:
        """:raises ConfigError: not the beginning of a path."""
        if isinstance(value, bool):
            return "" if value else False
        if not isinstance(value, str) or not re.fullmatch(r"(/[\w.~-]+)*/?", value) or not value:
            raise self._expected("the beginning of paths, or true or false", value, "as /shop")
        return value.rstrip("/")


class Views:
    """Answers requests with what the application replies.

    :param exchange: sends messages and waits for replies.
    :param callers: says who sends a request; None: nobody is asked.
    :param proxies: say for whom they ask.
    :param prefix: what the paths begin with, as of :class:`ConfigPrefix`.
    :param scheme: of the connections.
    :param name: the transport's name, for its messages.
    :param transport_type: and its type.
    :param wait: seconds that a request waits.
    :param debug: whether answers show tracebacks.
    """

    def __init__(
        self,
        exchange: Exchange,
        callers: Callers | None,
        proxies: Proxies,
        *,
        prefix: str,
        scheme: str,
        name: str,
        transport_type: str,
        wait: float,
        debug: bool,
    ) -> None:
        self._exchange = exchange
        self._callers = callers
        self._proxies = proxies
        self._prefix = prefix
        self._scheme = scheme
        self._name = name
        self._type = transport_type
        self._wait = wait
        self._debug = debug

    def takes(self, path: str) -> bool:
        """Whether a path is here."""
        return is_below(path, self._prefix)

    async def answer(self, request: Request, path: str) -> Page:
        """The response of a view.

        :param path: decoded.
        :raise HttpError: there is none, or the request makes no sense.
        """
        method = _method(request)
        origin = self._origin(request)
        caller = await self._caller(request, origin)
        message = self._message(_asked(request, method, path, origin, caller), caller)
        reply = await self._exchange.ask(message, self._wait, share=caller.share)
        return page_of(reply, method, self._debug)

    def _origin(self, request: Request) -> Origin:
        address = address_of(request.channel.getPeer())
        raw = request.requestHeaders.getAllRawHeaders()
        # Latin-1, as WSGI has it: every byte comes out again as it was.
        pairs = [(n.decode("latin-1"), v.decode("latin-1")) for n, vs in raw for v in vs]
        return self._proxies.origin(address, self._scheme, end_to_end(pairs))

    async def _caller(self, request: Request, origin: Origin) -> Caller:
        if self._callers is None:
            return Caller(None, origin.remote)
        caller = await self._callers.of(request)
        return caller._replace(peer=origin.remote)

    def _message(self, asked: Asked, caller: Caller) -> UserMessage:
        message = UserMessage(
            from_addr=caller.user or asked.remote_addr or None,
            to_addr=asked.host or None,
            transport_name=self._name,
            transport_type=self._type,
            extra={HTTP: asked.to_fields()},
        )
        if caller.user is not None:
            message.transport_metadata["user"] = caller.user
        return message


def is_below(path: str, prefix: str) -> bool:
    """Whether a path begins with a prefix, at a slash."""
    return path.startswith(f"{prefix}/") or path == prefix != ""


def session_key(message: Any, cookie: str) -> str | None:
    """What requests of one session have in common; None: it is of none, or is no request."""
    try:
        id = Asked.from_message(message).cookies.get(cookie)
    except SuspiciousOperation:
        return None
    return owner_of(id) if id else None


def _method(request: Request) -> str:
    method = request.method.decode("latin-1")
    if method in _REFUSED or not _METHOD.fullmatch(method):
        raise refusal(501, f"there is no method {method[:32]!r} here")
    return method


def _asked(request: Request, method: str, path: str, origin: Origin, caller: Caller) -> Asked:
    """The request as views see it."""
    headers = origin.headers
    if caller.user is not None:
        # It has been checked: a secret needn't travel, or lie in a queue.
        headers = [pair for pair in headers if pair[0].lower() != "authorization"]
    try:
        return Asked(
            method,
            path,
            request.query.decode("ascii"),
            headers,
            request.take_body(),
            scheme=origin.scheme,
            remote_addr=origin.remote,
        )
    except ValueError as error:
        raise refusal(400, f"the request can't be taken: {error}") from None
