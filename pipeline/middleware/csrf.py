"""Refuses what another site has a browser do in the name of its user."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlsplit

from twisted.logger import Logger

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice, ConfigField, ConfigText
from pipeline.config.quantities import ConfigDuration
from pipeline.middleware.cookie import Cookie, CookieConfig
from pipeline.middleware.csrf_token import Input, Secret, Token, csrf_token, rotate_token
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Response

__all__ = [
    "CsrfMiddleware",
    "CsrfMiddlewareConfig",
    "csrf_exempt",
    "csrf_token",
    "rotate_token",
]

V = TypeVar("V", bound=Callable[..., Any])

_WORD = re.compile(r"[0-9A-Za-z_.-]{1,100}")
_ORIGIN = re.compile(r"https?://(\*\.)?[0-9A-Za-z.-]+(:[0-9]{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class ConfigOrigins(ConfigField[frozenset[str]]):
    """Origins, as ``https://shop.example``; ``https://*.example`` is all hosts below."""

    kind = "list of origins"

    def clean(self, value: Any) -> frozenset[str]:
        """:raises ConfigError: one is no origin."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            raise self._expected("a list of origins", value, "as [https://shop.example]")
        for each in listed:
            if not isinstance(each, str) or not _ORIGIN.fullmatch(each):
                raise self._expected("an origin, as https://shop.example", each)
        return frozenset(each.lower() for each in listed)


class CsrfMiddlewareConfig(CookieConfig):
    """The options of :class:`CsrfMiddleware`."""

    cookie_name = ConfigText(
        "What the cookie is called, if the secret is in one.", default="csrf", static=True
    )
    keep_in = ConfigChoice(
        "Where a browser's secret is: in its [session](session.md), or in a cookie of its own,"
        " which needs no session.",
        default="session",
        static=True,
        values=("session", "cookie"),
    )
    age = ConfigDuration("How long the cookie is kept.", default="365d", static=True)
    field = ConfigText("The field of a form that has the token.", default="csrf_token", static=True)
    header = ConfigText(
        "The header that has the token, for scripts.", default="X-CSRF-Token", static=True
    )
    trusted_origins = ConfigOrigins(
        "Other sites that may send forms here, as `[https://shop.example]`; `https://*.example`:"
        " all hosts below.",
        default=(),
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: a name can't stand in a form or in a header."""
        super().post_validate()
        for option in ("field", "header"):
            if not _WORD.fullmatch(getattr(self, option)):
                self.raise_config_error(f"{option}: letters, digits, '_', '.' and '-'", option)


class CsrfMiddleware(RequestMiddleware):
    """Lets an unsafe request of a browser pass only if a page of this site has made it.

    Its ``Origin``, or over TLS its ``Referer``, must be this site's or a trusted one, and it must
    bring a token that belongs to the browser's secret. Else it is a 403; the log says why.

    Safe methods pass, and views that are :func:`csrf_exempt`, what has a bearer token (no browser
    sends one by itself), and what is no HTTP. Behaviour follows Django
    (``django.middleware.csrf``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = CsrfMiddlewareConfig
    MAY = ("change", "respond")
    AFTER = ("SessionMiddleware",)

    log = Logger()

    def setup_middleware(self) -> None:
        """Look the options up."""
        config = self.config
        self._cookie = Cookie(config) if config.keep_in == "cookie" else None
        self._field, self._header = config.field, config.header
        self._trusted = config.trusted_origins
        self._below = tuple(
            each.replace("*", "", 1).partition("://") for each in self._trusted if "*" in each
        )
        self._debug: bool = self.worker.runtime.debug

    @property
    def needs(self) -> tuple[str, ...]:
        """A session, if the secret is there."""
        return ("SessionMiddleware",) if self.config.keep_in == "session" else ()

    async def process_request(self, request: Any) -> None:
        """Be ready to give tokens out."""
        request.csrf = Secret(request, self._cookie)

    async def process_view(
        self, request: Any, view: Any, args: Any, kwargs: Any
    ) -> Response | None:
        """Refuse what is forged."""
        if request.is_safe or getattr(view, "csrf_exempt", False):
            return None
        if getattr(request, "authenticated_by", None) == "bearer":
            return None
        reason = self._wrong_origin(request) or self._wrong_token(request)
        return None if reason is None else self._refused(request, reason)

    async def process_template_response(self, request: Any, response: Any) -> Any:
        """Give templates ``csrf_token`` and ``csrf_input``."""
        context = getattr(response, "context", None)
        if request.is_http and isinstance(context, dict):
            context.setdefault("csrf_token", Token(request))
            context.setdefault("csrf_input", Input(request, self._field))
        return response

    async def process_response(self, request: Any, response: Any) -> Any:
        """Have the browser keep a new secret."""
        secret = getattr(request, "csrf", None)
        if self._cookie is None or not isinstance(secret, Secret):
            return response
        if secret.is_used:
            response.vary_on("Cookie")
        if secret.is_new:
            self._cookie.put(request, response, secret.text, self.config.age)
        return response

    # What is wrong -----------------------------------------------------------------------------

    def _wrong_origin(self, request: Any) -> str | None:
        """Why the page that has made it is none of ours; None if it is, or nobody says."""
        origin = request.headers.get("Origin")
        if origin is not None:
            return None if self._is_ours(request, origin) else f"Origin {origin!r} is not trusted"
        if not request.is_secure:
            return None  # who can see or change what goes over the wire needs no form
        referer = request.headers.get("Referer")
        if not referer:
            return "neither Origin nor Referer"
        try:
            found = urlsplit(referer)
        except ValueError:
            return "the Referer is no URL"
        of = f"{found.scheme}://{found.netloc}"
        return None if self._is_ours(request, of) else f"Referer of {of!r} is not trusted"

    def _is_ours(self, request: Any, origin: str) -> bool:
        origin = _normal(origin)
        if origin in (_normal(f"{request.scheme}://{request.host}"), *self._trusted):
            return True
        scheme, _, host = origin.partition("://")
        return any(scheme == known and host.endswith(end) for known, _, end in self._below)

    def _wrong_token(self, request: Any) -> str | None:
        if request.csrf.known is None:
            return "the browser has no secret: it has not asked for the form, or keeps no cookies"
        said = request.headers.get(self._header) or request.form.get(self._field)
        if not said:
            return f"no token, neither in the field {self._field!r} nor in {self._header}"
        if not request.csrf.matches(said):
            return "the token is another's, or of another time"
        return None

    def _refused(self, request: Any, reason: str) -> Response:
        self.log.warn(
            "{name}: {method} {path} is refused: {reason}",
            name=self.name,
            method=request.method,
            path=request.path,
            reason=reason,
        )
        return Response(f"Forbidden: {reason}" if self._debug else "Forbidden", 403)


def csrf_exempt(view: V) -> V:
    """Have a view take requests of other sites: it must not go by cookies."""
    view.csrf_exempt = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def _normal(origin: str) -> str:
    """An origin without its scheme's own port, in small letters."""
    scheme, _, host = origin.lower().partition("://")
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, ' '))}"
