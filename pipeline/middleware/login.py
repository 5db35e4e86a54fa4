"""Logging in and out, and views for those who have: for views behind AuthenticationMiddleware."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from pipeline.errors import ConfigError, PermissionDenied
from pipeline.identity.users import ANONYMOUS
from pipeline.middleware.authentication import FINGERPRINT, USER, AuthenticationMiddleware
from pipeline.middleware.csrf_token import rotate_token
from pipeline.middleware.redirects import in_url
from pipeline.requests import RedirectResponse
from pipeline.threads import anywhere

__all__ = [
    "authenticate",
    "login",
    "login_required",
    "logout",
    "next_url",
    "permission_required",
]

#: The field of a query that says where to go after the log-in.
NEXT = "next"


def authenticate(request: Any, **credentials: str) -> Any:
    """The user that credentials are of, or None: the back ends of the middleware say so.

    :param credentials: as ``name=.., password=..``; or ``token=..``.
    :return: in the reactor a Deferred, to be awaited; in a thread the user.
    :raise TooManyFailures: somebody at this address has failed too often; unless the view catches
        it, the response is a 429. :class:`~pipeline.identity.denied.Busy` is a 503.
    """
    found = _middleware_of(request)
    return anywhere(found.worker.clock, found.authenticate(request, **credentials))


def login(request: Any, user: Any) -> None:
    """Have the session be this user's from now on, under a new id.

    What an anonymous session had in it stays; what another user's had is gone.
    """
    _middleware_of(request)
    session = _session_of(request)
    if session.get(USER) not in (None, user.id):
        session.flush()
    session.cycle_key()
    session[USER], session[FINGERPRINT] = user.id, user.fingerprint
    rotate_token(request)
    request.user, request.authenticated_by = user, "session"


def logout(request: Any) -> None:
    """Forget the session, and who it was."""
    _session_of(request).flush()
    rotate_token(request)
    request.user, request.authenticated_by = ANONYMOUS, None


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """Have a view be called for authenticated users only.

    A browser is sent to ``login_url``, with the page that it wanted as ``next``. Without that
    option a request is a 401, or a 403 if users are known by session only.
    """
    return _guarded(view, _not_logged_in)


def permission_required(*permissions: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have a view be called for users who have all these permissions; for others it is a 403."""

    def refused(request: Any) -> Any:
        response = _not_logged_in(request)
        if response is not None:
            return response
        missing = [each for each in permissions if not request.user.has_permission(each)]
        if missing:
            raise PermissionDenied(f"you may not {', '.join(missing)}")
        return None

    return lambda view: _guarded(view, refused)


def next_url(request: Any, default: str = "/") -> str:
    """Where a browser wanted to go before it had to log in, if that is on this site.

    :param default: what to give else: a link that somebody was sent may name any site.
    """
    wanted = request.form.get(NEXT) or request.query.get(NEXT) or ""
    # Browsers read \\ as /, leave tabs and line breaks out, and take //host for another host.
    is_path = wanted.startswith("/") and wanted[1:2] not in ("/", "\\")
    is_own = is_path and wanted.isascii() and wanted.isprintable()
    return wanted if is_own else default


def _guarded(view: Callable[..., Any], refused: Callable[[Any], Any]) -> Callable[..., Any]:
    """A view that is called if nothing speaks against it; async if the view is."""
    call = getattr(view, "__call__", None)  # noqa: B004  # its own one is asked for
    if inspect.iscoroutinefunction(view) or inspect.iscoroutinefunction(call):

        @wraps(view)
        async def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            response = refused(request)
            return await view(request, *args, **kwargs) if response is None else response

        return guarded

    @wraps(view)
    def guarded_in_thread(request: Any, *args: Any, **kwargs: Any) -> Any:
        response = refused(request)
        return view(request, *args, **kwargs) if response is None else response

    return guarded_in_thread


def _not_logged_in(request: Any) -> Any:
    """The response for who has not logged in; None for who has."""
    middleware = _middleware_of(request)
    if request.user.is_authenticated:
        return None
    if not request.is_http:
        raise PermissionDenied("log in first")
    if middleware.login_url is None:
        return middleware.unknown()
    wanted = in_url(request.path_prefix + request.path, request.query_string)
    joint = "&" if "?" in middleware.login_url else "?"
    return RedirectResponse(f"{middleware.login_url}{joint}{urlencode({NEXT: wanted})}")


def _middleware_of(request: Any) -> AuthenticationMiddleware:
    found: AuthenticationMiddleware | None = getattr(request, "authentication", None)
    if found is None:
        raise ConfigError("there is no AuthenticationMiddleware in the middleware list")
    return found


def _session_of(request: Any) -> Any:
    if getattr(request, "session", None) is None:
        raise ConfigError("there is no SessionMiddleware in the middleware list")
    return request.session
