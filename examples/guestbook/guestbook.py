"""A guest book for browsers: log in, write, read; in two languages.

Run it with ``pipeline run examples/guestbook/guestbook.yaml`` and go to http://127.0.0.1:8080/; the
page docs/guestbook.md leads through it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from pipeline.applications.routes import path
from pipeline.delivery import delivery_in_hand
from pipeline.middleware.locale import gettext as _
from pipeline.middleware.login import authenticate, login, login_required, logout, next_url
from pipeline.requests import RedirectResponse, Response, TemplateResponse

LANGUAGES = {"en": "English", "de": "Deutsch"}

#: How many entries are shown, and how many are kept; how many characters one may have.
SHOWN, KEPT, LONGEST = 20, 1000, 500

YEAR = 365 * 24 * 3600

POLICY = (
    "default-src 'none'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


async def index(request: Any) -> Response:
    """The newest entries. It has no form, so it is the same until somebody writes."""
    store = delivery_in_hand().store
    newest = await store.zrange("entries", 0, SHOWN - 1, newest_first=True)
    entries = [msgspec.json.decode(entry) for entry in newest]
    return TemplateResponse(request, "index.html", {"entries": entries})


@login_required
async def write(request: Any) -> Response:
    """The form for an entry, and what becomes of it."""
    if request.is_safe:
        return TemplateResponse(request, "write.html")
    text = request.form.get("text", "").strip()
    if not 0 < len(text) <= LONGEST:
        request.notices.error(_("An entry has 1 to %d characters.") % LONGEST)
        return TemplateResponse(request, "write.html", {"text": text}, 400)
    await keep({"name": request.user.name, "text": text})
    request.notices.success(_("Thank you, it is in the book."))
    return RedirectResponse("/")


async def keep(entry: dict[str, Any]) -> None:
    """Write an entry: when, and only if, the response goes out, and once.

    Of two that get the same number, since they are written at once, one is handled again.
    """
    store = delivery_in_hand().store
    number = await store.count("written") + 1
    store.incr("written")
    store.zadd("entries", msgspec.json.encode({"number": number, **entry}), number)
    store.ztrim("entries", below=number - KEPT + 1)


async def enter(request: Any) -> Response:
    """Log in, then go where one wanted to."""
    if request.is_safe:
        return TemplateResponse(request, "login.html", {"next": next_url(request)})
    name, password = request.form.get("name", ""), request.form.get("password", "")
    user = await authenticate(request, name=name, password=password)
    if user is None:
        request.notices.error(_("That name or password is wrong."))
        context = {"name": name, "next": next_url(request)}
        return TemplateResponse(request, "login.html", context, 403)
    login(request, user)
    request.notices.success(_("Welcome, %s.") % user.name)
    return RedirectResponse(next_url(request))


async def leave(request: Any) -> Response:
    """Log out; by a form, so that no link and no picture of another site does it."""
    if request.is_safe:
        return TemplateResponse(request, "logout.html")
    logout(request)
    request.notices.info(_("Good-bye."))
    return RedirectResponse("/")


async def choose(request: Any) -> Response:
    """Choose the language, which a cookie keeps: it outlives the log-out."""
    if request.is_safe:
        return TemplateResponse(request, "language.html", {"languages": LANGUAGES})
    language = request.form.get("language")
    if language not in LANGUAGES:
        return Response(f"one of {', '.join(LANGUAGES)}", 400)
    response = RedirectResponse("/")
    response.set_cookie("language", language, max_age=YEAR, http_only=True, same_site="Lax")
    return response


def strict_content(get_response: Any) -> Any:
    """A layer that has browsers run no script and load nothing, whatever is in an entry."""

    async def layer(request: Any) -> Response:
        response: Response = await get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return layer


routes = [
    path("/", index, methods=["GET"]),
    path("/write", write, methods=["GET", "POST"]),
    path("/login", enter, methods=["GET", "POST"]),
    path("/logout", leave, methods=["GET", "POST"]),
    path("/language", choose, methods=["GET", "POST"]),
]
