"""Headers that have browsers be careful, and the way to TLS."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, TypeVar
from urllib.parse import quote

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigField, ConfigText
from pipeline.config.quantities import ConfigDuration
from pipeline.config.references import ConfigRegex
from pipeline.errors import SuspiciousOperation
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import RedirectResponse, Response

__all__ = ["SecurityMiddleware", "SecurityMiddlewareConfig", "frame_exempt"]

V = TypeVar("V", bound=Callable[..., Any])

_HOST = re.compile(r"(?:[0-9A-Za-z_.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")

#: What `X-Frame-Options` says, as the later header says it.
_ANCESTORS = {"DENY": "'none'", "SAMEORIGIN": "'self'"}

_REFERRERS = (
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
    "none",
)
_OPENERS = ("same-origin", "same-origin-allow-popups", "unsafe-none", "none")


class ConfigPatterns(ConfigField[tuple[re.Pattern[str], ...]]):
    """Regular expressions, each of which may be found anywhere."""

    kind = "list of regular expressions"

    def clean(self, value: Any) -> tuple[re.Pattern[str], ...]:
        """:raises ConfigError: not a list, or one is no regular expression."""
        listed = [value] if isinstance(value, str) else value
        if not isinstance(listed, list | tuple):
            raise self._expected("a list of regular expressions", value)
        return tuple(ConfigRegex("").clean(each) for each in listed)


class SecurityMiddlewareConfig(Config):
    """The options of :class:`SecurityMiddleware`."""

    redirect = ConfigBool(
        "Send what comes without TLS to the same over TLS.", default=False, static=True
    )
    redirect_host = ConfigText(
        "The host to send it to; none: the one that was asked, which is the client's word.",
        static=True,
    )
    redirect_exempt = ConfigPatterns(
        "Paths that may be asked without TLS, as `[^/health$]`.", default=(), static=True
    )
    hsts = ConfigDuration(
        "For how long browsers shall ask this host over TLS only, as `365d`. They keep to it:"
        " begin with `1h`. 0: it isn't said.",
        default=0,
        static=True,
    )
    hsts_subdomains = ConfigBool("The same for all hosts below.", default=False, static=True)
    hsts_preload = ConfigBool(
        "Allow the host to be built into browsers; takes a year of hsts, and hsts_subdomains.",
        default=False,
        static=True,
    )
    nosniff = ConfigBool(
        "Have browsers believe the content's type: `X-Content-Type-Options`.",
        default=True,
        static=True,
    )
    referrer_policy = ConfigChoice(
        "What browsers tell other sites of where somebody comes from: `Referrer-Policy`.",
        default="same-origin",
        static=True,
        values=_REFERRERS,
    )
    opener_policy = ConfigChoice(
        "What windows that other sites have opened may do: `Cross-Origin-Opener-Policy`.",
        default="same-origin",
        static=True,
        values=_OPENERS,
    )
    frame = ConfigChoice(
        "Who may show pages in a frame: `X-Frame-Options`, and `frame-ancestors` of"
        " `Content-Security-Policy`.",
        default="DENY",
        static=True,
        values=("DENY", "SAMEORIGIN", "none"),
    )
    frame_exempt = ConfigPatterns(
        "Paths of pages that anybody may show in a frame.", default=(), static=True
    )

    def post_validate(self) -> None:
        """:raises ConfigError: no such host, or a preload that browsers' makers refuse."""
        super().post_validate()
        if self.redirect_host is not None and not _HOST.fullmatch(self.redirect_host):
            self.raise_config_error("redirect_host: not a host", "redirect_host")
        year = 365 * 86_400
        if self.hsts_preload and not (self.hsts_subdomains and self.hsts >= year):
            self.raise_config_error(
                "hsts_preload: takes hsts: 365d or more, and hsts_subdomains", "hsts_preload"
            )


class SecurityMiddleware(RequestMiddleware):
    """Sets headers that keep browsers from harm, and sends them to TLS.

    A header that a view has set stays as it is. What is no HTTP passes. Behaviour follows Django
    (``django.middleware.security`` and ``clickjacking``).
    """

    CONFIG_CLASS: ClassVar[type[Config]] = SecurityMiddlewareConfig

    def setup_middleware(self) -> None:
        """Decide what is the same for every response."""
        config = self.config
        said = {
            "X-Content-Type-Options": "nosniff" if config.nosniff else "none",
            "Referrer-Policy": config.referrer_policy,
            "Cross-Origin-Opener-Policy": config.opener_policy,
        }
        self._headers = tuple((name, value) for name, value in said.items() if value != "none")
        self._hsts = _hsts(config)
        self._ancestors = _ANCESTORS.get(config.frame)

    async def process_request(self, request: Any) -> Response | None:
        """Send a browser to TLS."""
        if not self.config.redirect or request.is_secure or not request.is_http:
            return None
        if _found(self.config.redirect_exempt, request.path):
            return None
        host = self.config.redirect_host or request.host
        if not _HOST.fullmatch(host):
            raise SuspiciousOperation("the request names no host")
        location = f"https://{host}{quote(request.path)}"
        if request.query_string:
            location += f"?{request.query_string}"
        response = RedirectResponse(location, permanent=True)
        # Of a 301 browsers make a GET, whatever it was.
        response.status = 301 if request.method in ("GET", "HEAD") else 308
        return response

    async def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        """Remember a view whose pages may be in frames."""
        request.frame_exempt = getattr(view, "frame_exempt", False)

    async def process_response(self, request: Any, response: Any) -> Any:
        """Set what nobody has set."""
        if not request.is_http:
            return response
        for name, value in self._headers:
            if name not in response:
                response[name] = value
        name = "Strict-Transport-Security"
        if self._hsts and request.is_secure and name not in response:
            response[name] = self._hsts
        if self._ancestors is not None and not self._may_be_framed(request):
            self._refuse_frames(response)
        return response

    def _may_be_framed(self, request: Any) -> bool:
        exempt: bool = getattr(request, "frame_exempt", False)
        return exempt or _found(self.config.frame_exempt, request.path)

    def _refuse_frames(self, response: Any) -> None:
        policy = response.headers.get("Content-Security-Policy")
        # The two are about the same: a view that has set one has said what it wants.
        if "X-Frame-Options" in response or "frame-ancestors" in (policy or "").lower():
            return
        response["X-Frame-Options"] = self.config.frame
        if policy is None:
            response["Content-Security-Policy"] = f"frame-ancestors {self._ancestors}"


def frame_exempt(view: V) -> V:
    """Let anybody show what a view makes in a frame."""
    view.frame_exempt = True  # type: ignore[attr-defined]  # functions take attributes
    return view


def _hsts(config: Any) -> str:
    if not config.hsts:
        return ""
    more = [("includeSubDomains", config.hsts_subdomains), ("preload", config.hsts_preload)]
    said = [f"max-age={int(config.hsts)}", *(word for word, is_said in more if is_said)]
    return "; ".join(said)


def _found(patterns: Iterable[re.Pattern[str]], path: str) -> bool:
    return any(pattern.search(path) for pattern in patterns)
