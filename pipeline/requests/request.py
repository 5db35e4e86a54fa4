"""A request: a message as a view sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from typing import Any

import msgspec

from pipeline.errors import SuspiciousOperation
from pipeline.requests.forms import Form, UploadedFile, parse_form
from pipeline.requests.headers import Headers
from pipeline.requests.values import Values
from pipeline.requests.wire import HTTP, body_fields, body_in

__all__ = ["MESSAGE", "Request", "UploadedFile"]

#: The method of what did not come over HTTP.
MESSAGE = "MESSAGE"

#: Methods that change nothing.
SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", MESSAGE})


class Request:
    """What somebody asks for.

    Middleware may set further attributes, as ``user`` and ``session``. What has not come over HTTP
    has the method :data:`MESSAGE`, the path ``/``, no headers, and the message's text as its body.

    :param method: as ``GET``.
    :param path: decoded, without the query; begins with a slash.
    :param query: what stands behind the question mark, not decoded.
    :param headers: names and values.
    :param body: the body.
    :param scheme: ``http`` or ``https``.
    :param remote_addr: whom it is from: an IP address, or the address of a user.
    :param message: the message that it came in, if it did.
    :param connector: the name of the connector that it came through.
    """

    #: The application's Jinja2 environment, if it has one.
    templates: Any = None

    #: The language that its answer shall be in, if somebody has found it out.
    language: str | None = None

    #: What was taken off the beginning of the path, as ``/de``.
    path_prefix: str = ""

    def __init__(
        self,
        method: str = "GET",
        path: str = "/",
        query: str = "",
        headers: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        body: bytes = b"",
        *,
        scheme: str = "http",
        remote_addr: str = "",
        message: Any = None,
        connector: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.query_string = query
        self.headers = Headers(headers)
        self.body = body
        self.scheme = scheme
        self.remote_addr = remote_addr
        self.message = message
        self.connector = connector

    @classmethod
    def from_message(cls, message: Any, connector: str = "") -> Request:
        """The request that a message is.

        :raise SuspiciousOperation: it says that it came over HTTP, and makes no sense.
        """
        fields = message.extra.get(HTTP)
        if fields is None:
            return cls(
                MESSAGE,
                body=(message.content or "").encode(),
                remote_addr=message.from_addr or "",
                message=message,
                connector=connector,
            )
        try:
            given = msgspec.convert(fields, _HttpFields)
            if given.method == MESSAGE:
                raise ValueError(f"{MESSAGE} is no method of HTTP")
            return cls(
                given.method,
                given.path,
                given.query,
                given.headers,
                body_in(fields),
                scheme=given.scheme,
                remote_addr=given.remote,
                message=message,
                connector=connector,
            )
        except ValueError as error:  # of msgspec, and of the headers
            raise SuspiciousOperation(f"no request of HTTP: {error}") from None

    def to_fields(self) -> dict[str, Any]:
        """What travels of it in a message, see :mod:`pipeline.requests.wire`."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query_string,
            "headers": [list(pair) for pair in self.headers.pairs],
            "scheme": self.scheme,
            "remote": self.remote_addr,
            **body_fields(self.body),
        }

    def provide(self, name: str, make: Callable[[], Any]) -> None:
        """Have an attribute made when somebody asks for it the first time.

        :param make: gives its value; must not block.
        """
        self.__dict__.setdefault("_provided", {})[name] = make

    def __getattr__(self, name: str) -> Any:
        make = self.__dict__.get("_provided", {}).pop(name, None)
        if make is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = make()
        setattr(self, name, value)
        return value

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.path}>"

    # What it is --------------------------------------------------------------------------------

    @property
    def is_http(self) -> bool:
        """It came over HTTP."""
        return self.method != MESSAGE

    @property
    def is_safe(self) -> bool:
        """Its method promises to change nothing."""
        return self.method in SAFE

    @property
    def is_secure(self) -> bool:
        """It came over TLS."""
        return self.scheme == "https"

    @property
    def session_event(self) -> str | None:
        """What the message says of its session: ``new``, ``resume``, ``close`` or None."""
        event: str | None = getattr(self.message, "session_event", None)
        return event

    @property
    def host(self) -> str:
        """The host that it asks, with its port if it is no usual one; '' if it doesn't say."""
        return self.headers.get("Host", "")

    @property
    def full_path(self) -> str:
        """The path with the query, as it was asked for but decoded."""
        return f"{self.path}?{self.query_string}" if self.query_string else self.path

    # What is in it -----------------------------------------------------------------------------

    @property
    def content(self) -> str:
        """The body as text.

        :raise SuspiciousOperation: it is not UTF-8.
        """
        try:
            return self.body.decode()
        except UnicodeDecodeError:
            raise SuspiciousOperation("the body is not UTF-8") from None

    @cached_property
    def query(self) -> Values:
        """The query's names and values.

        :raise SuspiciousOperation: it can't be read.
        """
        return Values.parse(self.query_string)

    @cached_property
    def cookies(self) -> dict[str, str]:
        """The cookies; what can't be read is left out."""
        found: dict[str, str] = {}
        for pair in ";".join(self.headers.get_all("Cookie")).split(";"):
            cookie: SimpleCookie = SimpleCookie()
            try:
                cookie.load(pair.strip())
            except CookieError:
                continue
            found.update({name: morsel.value for name, morsel in cookie.items()})
        return found

    @property
    def form(self) -> Values:
        """The fields of a form.

        :raise SuspiciousOperation: it can't be read.
        """
        return self._form.fields

    @property
    def files(self) -> dict[str, UploadedFile]:
        """The files of a form, by the names of their fields.

        :raise SuspiciousOperation: it can't be read.
        """
        return self._form.files

    def json(self) -> Any:
        """The body, which is JSON.

        :raise SuspiciousOperation: it isn't.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise SuspiciousOperation(f"the body is no JSON: {error}") from None

    @cached_property
    def _form(self) -> Form:
        return parse_form(self.headers.get("Content-Type", ""), self.body)


class _HttpFields(msgspec.Struct):
    method: str
    path: str
    query: str = ""
    headers: list[tuple[str, str]] = []
    scheme: str = "http"
    remote: str = ""
