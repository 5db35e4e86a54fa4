"""Headers that have browsers be careful, and the way to TLS."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigText
from pipeline.config.quantities import ConfigDuration
from pipeline.errors import SuspiciousOperation
from pipeline.middleware.patterns import ConfigPatterns, Patterns
from pipeline.middleware.redirects import moved
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Response

__all__ = ["SecurityMiddleware", "SecurityMiddlewareConfig", "frame_exempt"]

V = TypeVar("V", bound=Callable[..., Any])

#: What a browser is told with this takes the place of what it has been told with the page.
_NOT_MODIFIED = 304

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
    MAY = ("change", "respond")

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
        self._framed: Patterns = config.frame_exempt

    async def process_request(self, request: Any) -> Response | None:
        """Send a browser to TLS."""
        if not self.config.redirect or request.is_secure or not request.is_http:
            return None
        if self.config.redirect_exempt.within(request.path):
            return None
        host = self.config.redirect_host or request.host
        if not _HOST.fullmatch(host):
            raise SuspiciousOperation("the request names no host")
        return moved(request, f"https://{host}", request.path_prefix + request.path)

    async def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        """Remember a view whose pages may be in frames."""
        request.frame_exempt = getattr(view, "frame_exempt", False)

    async def process_response(self, request: Any, response: Any) -> Any:
        """Set what nobody has set."""
        if not request.is_http:
            return response
        name = "Strict-Transport-Security"
        if self._hsts and request.is_secure and name not in response:
            response[name] = self._hsts
        if response.status != _NOT_MODIFIED:
            self._have_care(request, response)
        return response

    def _have_care(self, request: Any, response: Any) -> None:
        for name, value in self._headers:
            if name not in response:
                response[name] = value
        if self._ancestors is not None and not self._may_be_framed(request):
            self._refuse_frames(response)

    def _may_be_framed(self, request: Any) -> bool:
        return getattr(request, "frame_exempt", False) or self._framed.within(request.path)

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
