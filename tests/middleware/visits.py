"""Applications of views with request middleware, and browsers that visit them."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any, ClassVar
from urllib.parse import urlencode

from pipeline.applications.requests import RequestApplication
from pipeline.message import UserMessage
from pipeline.requests import Request, Response
from tests.middleware.systems import SystemCase
from tests.workers import inbound

FORM = "application/x-www-form-urlencoded"


def asked(
    path: str = "/",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    form: dict[str, str] | None = None,
    **more: Any,
) -> UserMessage:
    """A request of HTTP, as a message."""
    given = {"Host": "example.com", **(headers or {})}
    if form is not None:
        given["Content-Type"] = FORM
    body = urlencode(form or {}).encode()
    path, _, query = path.partition("?")
    more = {"scheme": "https", "remote_addr": "192.0.2.7", **more}
    request = Request(method, path, query, given, body, **more)
    return inbound(None, extra={"http": request.to_fields()})


def set_cookies(response: Response) -> SimpleCookie:
    """The cookies that a response sets, with their flags."""
    found: SimpleCookie = SimpleCookie()
    for each in response.headers.get_all("Set-Cookie"):
        found.load(each)
    return found


class Browser:
    """Keeps cookies, as browsers do.

    :param case: the test.
    :ivar cookies: by name.
    """

    def __init__(self, case: Any) -> None:
        self.case = case
        self.cookies: dict[str, str] = {}

    def message(self, path: str = "/", method: str = "GET", **more: Any) -> UserMessage:
        """A request, with the cookies."""
        headers = dict(more.pop("headers", {}))
        if self.cookies:
            pairs = (f"{name}={value}" for name, value in self.cookies.items())
            headers.setdefault("Cookie", "; ".join(pairs))
        return asked(path, method, headers, **more)

    def keep(self, response: Response) -> Response:
        """Take over the cookies that a response sets."""
        for name, morsel in set_cookies(response).items():
            if morsel["max-age"] == "0":
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = morsel.value
        return response

    def get(self, path: str = "/", **more: Any) -> Response:
        """Ask for a page."""
        return self.keep(self.case.ask(self.message(path, **more)))

    def post(self, path: str = "/", form: dict[str, str] | None = None, **more: Any) -> Response:
        """Send a form, as from a page of the same site."""
        headers = {"Origin": "https://example.com", **more.pop("headers", {})}
        message = self.message(path, "POST", form=form or {}, headers=headers, **more)
        return self.keep(self.case.ask(message))


class VisitCase(SystemCase):
    """An application of views behind the connector ``sms``, with the middleware of a test."""

    #: The ``middleware:`` list.
    LISTED: ClassVar[list[Any]] = []
    #: The dotted name of the routes.
    ROUTES: ClassVar[str]

    def app(self, broker: Any = None, **sections: Any) -> Any:
        """An application that runs."""
        config = {"transport_name": "sms", "routes": self.ROUTES, "middleware": self.LISTED}
        return self.started(RequestApplication, {**config, **sections}, broker)

    def answers(self) -> list[Response]:
        """The responses to requests of HTTP that nobody has seen."""
        return [Response.from_fields(reply.extra["http"]) for reply in self.replies()]

    def ask(self, message: UserMessage) -> Response:
        """The response to a request."""
        self.put("sms.inbound", message)
        self.turn()
        [response] = self.answers()
        return response

    def text(self, content: str, **fields: Any) -> list[str | None]:
        """What a plain message is answered."""
        self.put("sms.inbound", inbound(content, **fields))
        self.turn()
        return [reply.content for reply in self.replies()]
