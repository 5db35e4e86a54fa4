"""The cookie that a middleware has a browser keep."""

from __future__ import annotations

import re
from typing import Any

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigText

__all__ = ["Cookie", "CookieConfig"]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_PATH = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")
_DOMAIN = re.compile(r"\.?[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*")


class CookieConfig(Config):
    """Options of a cookie."""

    cookie_name = ConfigText(
        "What the cookie is called. Browsers take one whose name begins with `__Host-` from the"
        " host itself only, over TLS.",
        default="session",
        static=True,
    )
    cookie_domain = ConfigText(
        "The domain whose hosts get the cookie; none: only the host that set it.", static=True
    )
    cookie_path = ConfigText("The path below which it is sent.", default="/", static=True)
    secure = ConfigChoice(
        "Whether it is sent over TLS only. `auto`: if the request that it answers came over TLS."
        " Behind a proxy that takes TLS off say `always`.",
        default="auto",
        static=True,
        values=("auto", "always", "never"),
    )
    http_only = ConfigBool("Keep it from scripts.", default=True, static=True)
    same_site = ConfigChoice(
        "Whether it goes along with what other sites ask: `Strict`: never; `Lax`: if somebody"
        " follows a link; `None`: always, which takes `secure: always`.",
        default="Lax",
        static=True,
        values=("Strict", "Lax", "None"),
    )

    def post_validate(self) -> None:
        """:raises ConfigError: no such cookie, or one that browsers refuse."""
        super().post_validate()
        if not _NAME.fullmatch(self.cookie_name):
            self.raise_config_error("cookie_name: not the name of a cookie", "cookie_name")
        if not _PATH.fullmatch(self.cookie_path):
            self.raise_config_error("cookie_path: expected a path, as /shop", "cookie_path")
        if self.cookie_domain is not None and not _DOMAIN.fullmatch(self.cookie_domain):
            self.raise_config_error("cookie_domain: not a domain", "cookie_domain")
        if self.same_site == "None" and self.secure != "always":
            self.raise_config_error("same_site: None takes secure: always", "same_site")
        self._check_prefix()

    def _check_prefix(self) -> None:
        name = self.cookie_name.lower()
        if name.startswith(("__host-", "__secure-")) and self.secure != "always":
            self.raise_config_error(
                f"cookie_name: {self.cookie_name} takes secure: always", "cookie_name"
            )
        if name.startswith("__host-") and (self.cookie_domain or self.cookie_path != "/"):
            self.raise_config_error(
                f"cookie_name: {self.cookie_name} takes no domain, and the path /", "cookie_name"
            )


class Cookie:
    """Reads, sets and removes one cookie.

    :param config: what it is like.
    """

    def __init__(self, config: CookieConfig) -> None:
        self.name = config.cookie_name
        self._config = config

    def of(self, request: Any) -> str | None:
        """What a request says."""
        value: str | None = request.cookies.get(self.name)
        return value

    def put(self, request: Any, response: Any, value: str, max_age: float | None = None) -> None:
        """Have the browser keep a value.

        :param max_age: seconds; None: until it is closed.
        """
        config = self._config
        response.set_cookie(
            self.name,
            value,
            max_age=max_age,
            path=config.cookie_path,
            domain=config.cookie_domain,
            secure=config.secure == "always" or (config.secure == "auto" and request.is_secure),
            http_only=config.http_only,
            same_site=config.same_site,
        )

    def clear(self, request: Any, response: Any) -> None:
        """Have the browser forget it. With the same flags, or it wouldn't."""
        self.put(request, response, "", 0)
        response.cookies[self.name]["expires"] = "Thu, 01 Jan 1970 00:00:00 GMT"
