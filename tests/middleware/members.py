"""Views for the tests of log-ins, forms, notices and headers."""

from __future__ import annotations

from typing import Any

import jinja2
from zope.interface import implementer

from pipeline.applications.routes import keyword, otherwise, path
from pipeline.identity.back_ends import IUserBackend
from pipeline.identity.users import User
from pipeline.middleware.csrf import csrf_exempt, csrf_token
from pipeline.middleware.login import (
    authenticate,
    login,
    login_required,
    logout,
    next_url,
    permission_required,
)
from pipeline.middleware.security import frame_exempt
from pipeline.requests import RedirectResponse, Response, TemplateResponse

PAGE = jinja2.Environment(autoescape=True).from_string(
    "{% for notice in request.notices %}[{{ notice.name }}: {{ notice }}]{% endfor %}"
    "<form>{{ csrf_input }}</form>{{ csrf_token }}"
)


async def me(request: Any, rest: str = "") -> Response:
    """Say who asks."""
    return Response(f"{request.user.name or 'nobody'} by {request.authenticated_by}")


async def enter(request: Any, rest: str = "") -> Response:
    """Log in with name and password."""
    given = (
        request.form
        if request.is_http
        else dict(zip(("name", "password"), rest.split(maxsplit=1), strict=False))
    )
    user = await authenticate(request, name=given.get("name", ""), password=given.get("password"))
    if user is None:
        return Response("wrong", 403)
    login(request, user)
    return RedirectResponse(next_url(request)) if request.is_http else Response("welcome")


def enter_in_thread(request: Any) -> Response:
    """The same where it may block."""
    user = authenticate(request, name=request.form["name"], password=request.form["password"])
    if user is None:
        return Response("wrong", 403)
    login(request, user)
    return Response("welcome")


async def leave(request: Any, rest: str = "") -> Response:
    """Log out."""
    logout(request)
    return Response("bye")


async def remember(request: Any) -> Response:
    """Put something into the session."""
    request.session["cart"] = ["a"]
    return Response("kept")


async def cart(request: Any) -> Response:
    """What is in the session."""
    return Response(str(request.session.get("cart")))


@login_required
async def private(request: Any, rest: str = "") -> Response:
    """For who has logged in."""
    return Response("private")


@permission_required("edit")
def edit(request: Any) -> Response:
    """For who may edit."""
    return Response("edited")


async def token(request: Any) -> Response:
    """The token of the browser."""
    return Response(csrf_token(request))


async def save(request: Any, rest: str = "") -> Response:
    """Change something."""
    return Response("saved")


@csrf_exempt
async def hook(request: Any) -> Response:
    """Take requests of other sites."""
    return Response("hooked")


async def page(request: Any) -> Response:
    """A template with notices and a form."""
    response = TemplateResponse(request, PAGE)
    response.blocking = False  # type: ignore[attr-defined]  # it is short
    return response


async def tell(request: Any, rest: str = "") -> Response:
    """Add a notice, and send the browser on."""
    request.notices.add("debug", "hidden")
    request.notices.success(rest or "<saved>")
    if request.is_http:
        return RedirectResponse("/page")
    return Response("told" if rest != "silent" else "")


async def failing_page(request: Any) -> Response:
    """Tell the notices, then fail."""
    list(request.notices)
    return Response(status=500)


async def own_headers(request: Any) -> Response:
    """Set the headers itself."""
    return Response("own", headers=dict.fromkeys(OWN, "own"))


OWN = (
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Strict-Transport-Security",
    "X-Frame-Options",
    "Content-Security-Policy",
)


@frame_exempt
async def widget(request: Any) -> Response:
    """Something for frames of other sites."""
    return Response("widget")


async def with_policy(request: Any) -> Response:
    """A page with the policy that the query has."""
    return Response("page", headers={"Content-Security-Policy": request.query["policy"]})


@implementer(IUserBackend)
class Directory:
    """Users that are kept elsewhere."""

    def __init__(self, options: dict[str, Any], worker: Any) -> None:
        self.users = {options["only"]: User(options["only"], "Only")}
        self.log: list[str] = []

    async def start(self) -> None:
        self.log.append("start")

    def stop(self) -> None:
        self.log.append("stop")

    async def get_user(self, id: str) -> Any:
        return self.users.get(id)

    async def authenticate(
        self,
        request: Any,
        name: str | None = None,
        password: str | None = None,
        token: str | None = None,
        address: str | None = None,
    ) -> Any:
        return self.users.get(name or "") if password == "open sesame" else None


routes = [
    path("/me", me),
    path("/enter", enter),
    path("/enter-in-thread", enter_in_thread),
    path("/leave", leave),
    path("/remember", remember),
    path("/cart", cart),
    path("/private", private),
    path("/edit", edit),
    path("/token", token),
    path("/save", save),
    path("/hook", hook),
    path("/page", page),
    path("/tell", tell),
    path("/failing-page", failing_page),
    path("/own-headers", own_headers),
    path("/widget", widget),
    path("/with-policy", with_policy),
    keyword("me", me),
    keyword("enter", enter),
    keyword("leave", leave),
    keyword("private", private),
    keyword("save", save),
    keyword("tell", tell),
    otherwise(me),
]
