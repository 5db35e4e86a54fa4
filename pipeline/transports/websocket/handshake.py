"""Who may connect: the path, the page that asks, who it says it is, and what both speak."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit

from wsproto import WSConnection
from wsproto.events import RejectConnection, RejectData, Request

from pipeline.transports.answers import Answer, HttpError, refusal
from pipeline.transports.callers import Caller, Callers

__all__ = ["Admitted", "Door", "no_handshake", "origin_in", "rejection"]

#: Before a token that stands among the sub-protocols, for browsers: they can't send a header.
BEARER = "bearer."

#: What a header calls a token: the name of a sub-protocol is one.
TOKEN = re.compile(r"[!#$%&'*+.^_`|~\w-]+", re.ASCII)

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class Admitted(NamedTuple):
    """A client that may connect.

    :param caller: who it is.
    :param subprotocol: the one of its sub-protocols that is spoken.
    """

    caller: Caller
    subprotocol: str | None


class Door:
    """Decides about requests.

    :param callers: finds out who a client is.
    :param path: where WebSocket is spoken.
    :param allowed_origins: pages that may connect besides those of the same origin; ``*``: any.
    :param subprotocols: what can be spoken.
    :param token_parameter: the name of the parameter in the query that a token may stand in;
        None: it may not.
    """

    def __init__(
        self,
        callers: Callers,
        *,
        path: str,
        allowed_origins: Collection[str],
        subprotocols: Collection[str],
        token_parameter: str | None,
    ) -> None:
        self._callers = callers
        self._path = path
        self._allowed = frozenset(allowed_origins)
        self._subprotocols = frozenset(subprotocols)
        self._token_parameter = token_parameter

    async def admit(self, request: Request, peer: str) -> Admitted:
        """Let a client in.

        :param peer: where it is from.
        :raise HttpError: it may not come in; says why.
        """
        path, _, query = request.target.partition("?")
        if path != self._path:
            raise refusal(404, f"there is nothing at {path}; try {self._path}")
        self._check_origin(request)
        token = self._token(request.subprotocols, query)
        caller = await self._callers.named(_headers(request, b"authorization"), peer, token)
        spoken = (each for each in request.subprotocols if each in self._subprotocols)
        return Admitted(caller, next(spoken, None))

    def _check_origin(self, request: Request) -> None:
        """Refuse pages of others: a browser lets any page connect, with its user's cookies."""
        origins = _headers(request, b"origin")
        if not origins or "*" in self._allowed:
            return
        origin = origin_in(origins[0])
        if len(origins) == 1 and (origin in self._allowed or _is_same(origin, request.host)):
            return
        raise refusal(403, f"pages of {origins[0][:200]!r} may not connect; see allowed_origins")

    def _token(self, subprotocols: Sequence[str], query: str) -> str | None:
        for each in subprotocols:
            if each.startswith(BEARER):
                return each.removeprefix(BEARER)
        if self._token_parameter is None:
            return None
        given = parse_qs(query, keep_blank_values=True, errors="replace")
        return next(iter(given.get(self._token_parameter, ())), None)


def no_handshake(error: Exception) -> HttpError:
    """What is answered to what is no WebSocket handshake.

    :param error: of wsproto.
    """
    hint: Any = getattr(error, "event_hint", None)
    headers = [(name.decode(), text.decode()) for name, text in getattr(hint, "headers", ())]
    status = getattr(hint, "status_code", 400)
    if "Upgrade" in str(error):
        status = 426
    if status == 426:
        headers.append(("Upgrade", "websocket"))
    what = f"only WebSocket is spoken here: {error}"
    return refusal(status, what, headers=tuple(headers))


def rejection(frames: WSConnection, answer: Answer) -> bytes:
    """The bytes of an answer to a request that gets no connection.

    :raise LocalProtocolError: what came was no request that could be answered.
    """
    body = answer.body()
    headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *answer.headers,
    ]
    raw = [(name.encode(), text.encode()) for name, text in headers]
    head = frames.send(RejectConnection(answer.status, raw, has_body=True))
    return head + frames.send(RejectData(body))


def origin_in(text: str) -> str | None:
    """An origin, as ``https://example.org`` or ``http://example.org:8080``, in one spelling.

    :return: None when it is none.
    """
    parts = _split(text)
    if parts is None or not parts.hostname or parts.path or parts.query or parts.fragment:
        return None
    if "@" in parts.netloc:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port
    shown = "" if port is None or port == _PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"


def _is_same(origin: str | None, host: str) -> bool:
    """Whether a page of this origin comes from where it connects to.

    The scheme is not looked at: behind a proxy that does TLS it is another.
    """
    if origin is None:
        return False
    scheme = origin.partition(":")[0]
    return origin == origin_in(f"{scheme}://{host}")


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port  # a ValueError when it is no number
    except ValueError:
        return None
    return parts


def _headers(request: Request, name: bytes) -> list[str]:
    return [text.decode("latin-1") for key, text in request.extra_headers if key == name]
