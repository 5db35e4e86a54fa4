"""A response: what becomes the reply to a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.cookies import SimpleCookie
from typing import Any, ClassVar, Self

import msgspec

from pipeline.requests.headers import Headers
from pipeline.requests.wire import body_fields, body_in
from pipeline.signals import template_rendered

__all__ = ["JsonResponse", "RedirectResponse", "Response", "TemplateResponse"]

#: Statuses that say that the request has failed.
FAILED = 400


class Response:
    """What a view answers. Headers are read and set as of a mapping, as in Django.

    :param content: text, which is sent as UTF-8, or bytes.
    :param status: as of HTTP.
    :param headers: names and values.
    :param content_type: its header; None: ``text/plain`` for the class, in UTF-8.
    :param continue_session: False: the reply closes the session, where the transport has some.
    """

    #: The type of content that is not given one.
    CONTENT_TYPE: ClassVar[str] = "text/plain; charset=utf-8"

    def __init__(
        self,
        content: str | bytes = b"",
        status: int = 200,
        headers: Iterable[tuple[str, str]] | Mapping[str, str] = (),
        content_type: str | None = None,
        *,
        continue_session: bool = True,
    ) -> None:
        self.status = status
        self.headers = Headers(headers)
        self.cookies: SimpleCookie = SimpleCookie()
        self.continue_session = continue_session
        self.content = content
        if content_type is not None or "Content-Type" not in self.headers:
            self.headers["Content-Type"] = content_type or self.CONTENT_TYPE

    @property
    def content(self) -> bytes:
        """The body; set as bytes or as text."""
        return self._content

    @content.setter
    def content(self, value: str | bytes) -> None:
        self._content = value.encode() if isinstance(value, str) else bytes(value)

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is shown by a sign."""
        return self.content.decode(errors="replace")

    @property
    def reason(self) -> str:
        """The status in words; '' for one that nobody knows."""
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return ""

    @property
    def is_failure(self) -> bool:
        """The status says that the request has failed."""
        return self.status >= FAILED

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.status}>"

    # Headers -----------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> str:
        return self.headers[name]

    def __setitem__(self, name: str, value: str) -> None:
        self.headers[name] = value

    def __delitem__(self, name: str) -> None:
        del self.headers[name]

    def __contains__(self, name: object) -> bool:
        return name in self.headers

    def vary_on(self, *names: str) -> None:
        """Say in ``Vary`` that other values of these headers would have made another response."""
        known = [each.strip() for each in self.headers.get("Vary", "").split(",") if each.strip()]
        listed = {each.lower() for each in known}
        known += [name for name in names if name.lower() not in listed]
        self.headers["Vary"] = "*" if "*" in known else ", ".join(known)

    def set_cookie(
        self,
        name: str,
        value: str = "",
        *,
        max_age: float | None = None,
        expires: datetime | None = None,
        path: str = "/",
        domain: str | None = None,
        secure: bool = False,
        http_only: bool = False,
        same_site: str | None = None,
    ) -> None:
        """Have the browser keep a value.

        :param max_age: for how many seconds; None: until it is closed.
        :param expires: until when, as an aware time; None: see ``max_age``.
        :param same_site: ``Strict``, ``Lax`` or ``None``.
        :raise CookieError: it can't be called so.
        """
        self.cookies[name] = value
        morsel = self.cookies[name]
        morsel["path"] = path
        morsel["domain"] = domain or ""
        morsel["max-age"] = "" if max_age is None else str(int(max_age))
        morsel["expires"] = format_datetime(expires, usegmt=True) if expires else ""
        morsel["secure"] = secure
        morsel["httponly"] = http_only
        morsel["samesite"] = same_site or ""

    def delete_cookie(self, name: str, *, path: str = "/", domain: str | None = None) -> None:
        """Have the browser forget a value."""
        self.set_cookie(name, max_age=0, path=path, domain=domain)
        self.cookies[name]["expires"] = "Thu, 01 Jan 1970 00:00:00 GMT"

    # On the wire -------------------------------------------------------------------------------

    def to_fields(self) -> dict[str, Any]:
        """What travels of it in a message, see :mod:`pipeline.requests.wire`."""
        cookies = [["Set-Cookie", each.OutputString()] for each in self.cookies.values()]
        return {
            "status": self.status,
            "headers": [*(list(pair) for pair in self.headers.pairs), *cookies],
            **body_fields(self.content),
        }

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Response:
        """The response that has travelled in a message.

        :raise ValueError: it is none.
        """
        given = msgspec.convert(fields, _HttpFields)
        response = Response(body_in(fields), given.status, given.headers)
        if not any(name.lower() == "content-type" for name, _ in given.headers):
            del response.headers["Content-Type"]
        return response


class JsonResponse(Response):
    """Data as JSON.

    :param data: what msgspec encodes: dicts, lists, dates, Structs, dataclasses.
    :raise TypeError: something in it can't be JSON.
    """

    CONTENT_TYPE = "application/json"

    def __init__(self, data: Any, status: int = 200, **options: Any) -> None:
        super().__init__(msgspec.json.encode(data), status, **options)


class RedirectResponse(Response):
    """Asks the browser to go elsewhere.

    :param location: where.
    :param permanent: whether it may remember that.
    """

    def __init__(self, location: str, permanent: bool = False, **options: Any) -> None:
        status = HTTPStatus.MOVED_PERMANENTLY if permanent else HTTPStatus.FOUND
        super().__init__(b"", int(status), **options)
        self.headers["Location"] = location


class TemplateResponse(Response):
    """A Jinja2 template that is rendered late, so that middleware can still change what is in it.

    :param request: the request; templates find it as ``request``.
    :param template: a template, or the name of one in the application's folder of templates.
    :param context: what the template is given; middleware may change it.
    """

    CONTENT_TYPE = "text/html; charset=utf-8"

    def __init__(
        self,
        request: Any,
        template: Any,
        context: Mapping[str, Any] | None = None,
        status: int = 200,
        **options: Any,
    ) -> None:
        super().__init__(b"", status, **options)
        self.request = request
        self.template = template
        self.context = dict(context or {})
        self.is_rendered = False

    def render(self) -> Self:
        """Fill the content in, once.

        :raise LookupError: the application has no templates, and this is only a name.
        """
        if not self.is_rendered:
            template = self._resolved()
            self.content = template.render({"request": self.request, **self.context})
            self.is_rendered = True
            if template_rendered.receivers:
                template_rendered.send_robust(self, template=template, context=self.context)
        return self

    def _resolved(self) -> Any:
        if not isinstance(self.template, str):
            return self.template
        templates = getattr(self.request, "templates", None)
        if templates is None:
            raise LookupError(f"template {self.template!r}: the application has no `templates:`")
        return templates.get_template(self.template)


class _HttpFields(msgspec.Struct):
    status: int
    headers: list[tuple[str, str]] = []
