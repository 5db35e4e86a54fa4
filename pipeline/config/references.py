"""Options that name something else: a URL, a pattern, a class."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pipeline.config.fields import ConfigField
from pipeline.config.names import resolve
from pipeline.errors import ConfigError
from pipeline.masking import mask

__all__ = ["ConfigClassName", "ConfigRegex", "ConfigUrl"]


class ConfigUrl(ConfigField[SplitResult]):
    """A URL with a scheme; the value is what :func:`urllib.parse.urlsplit` makes of it.

    Errors never repeat it, since it may hold a password.

    :param schemes: the schemes that are allowed; None for any.
    """

    kind = "URL"

    def __init__(
        self,
        doc: str,
        required: bool = False,
        default: str | None = None,
        static: bool = False,
        *,
        schemes: Sequence[str] | None = None,
    ) -> None:
        super().__init__(doc, required, default, static)
        self.schemes = schemes

    def clean(self, value: Any) -> SplitResult:
        """:raises ConfigError: not a URL, or not of an allowed scheme."""
        if not isinstance(value, str):
            raise self._expected("a URL", value)
        try:
            url = urlsplit(value)
            _ = url.port  # a port is looked at only when it is asked for
        except ValueError as error:
            raise ConfigError(f"not a URL: {error}") from None
        if not url.scheme:
            raise ConfigError("expected a URL with a scheme, as https://host/path")
        if self.schemes is not None and url.scheme not in self.schemes:
            allowed = ", ".join(self.schemes)
            raise ConfigError(f"expected a URL of scheme {allowed}, got {url.scheme!r}")
        mask(url.password or "")
        return url


class ConfigRegex(ConfigField[re.Pattern[str]]):
    """A regular expression, as of :mod:`re`; the value is compiled."""

    kind = "regular expression"

    def clean(self, value: Any) -> re.Pattern[str]:
        """:raises ConfigError: not text, or not a pattern."""
        if isinstance(value, re.Pattern):
            return value
        if not isinstance(value, str):
            raise self._expected("a regular expression", value)
        try:
            return re.compile(value)
        except re.error as error:
            raise ConfigError(f"not a regular expression: {error}") from None


class ConfigClassName(ConfigField[type]):
    """A class, by its dotted name; the value is the class.

    :param implements: a zope interface that the class must implement; None for any class.
    """

    kind = "class"

    def __init__(
        self,
        doc: str,
        required: bool = False,
        default: str | type | None = None,
        static: bool = False,
        *,
        implements: Any = None,
    ) -> None:
        super().__init__(doc, required, default, static)
        self.implements = implements

    def clean(self, value: Any) -> type:
        """:raises ConfigError: no such class, or it lacks the interface."""
        found = value if isinstance(value, type) else resolve(value)
        if not isinstance(found, type):
            raise ConfigError(f"expected a class, {value!r} is {type(found).__name__}")
        if self.implements is not None and not self.implements.implementedBy(found):
            needed = getattr(self.implements, "__name__", self.implements)
            raise ConfigError(f"{found.__qualname__} does not implement {needed}")
        return found
