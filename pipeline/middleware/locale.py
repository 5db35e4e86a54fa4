"""Finds the language of a request."""

from __future__ import annotations

import gettext as catalogues
import struct
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigList, ConfigText
from pipeline.config.texts import ConfigTexts
from pipeline.errors import ConfigError
from pipeline.middleware.language import Languages, is_tag
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response

__all__ = ["LocaleMiddleware", "LocaleMiddlewareConfig", "get_language", "gettext", "ngettext"]

#: The key of a message's ``helper_metadata``, and of a session, that may say the language.
LANGUAGE = "language"


class _Spoken(NamedTuple):
    """A language, and the texts in it."""

    tag: str
    texts: catalogues.NullTranslations


_current: ContextVar[_Spoken | None] = ContextVar("pipeline_language", default=None)


def get_language() -> str | None:
    """The language of the request that is being answered; None outside of one."""
    spoken = _current.get()
    return None if spoken is None else spoken.tag


def gettext(message: str) -> str:
    """A text in the language of the request that is being answered; as it is where none is."""
    spoken = _current.get()
    return message if spoken is None else spoken.texts.gettext(message)


def ngettext(singular: str, plural: str, n: int) -> str:
    """A text in the form for so many of something, see :func:`gettext`."""
    spoken = _current.get()
    if spoken is None:
        return singular if n == 1 else plural
    return spoken.texts.ngettext(singular, plural, n)


class ConfigLanguages(ConfigList):
    """Tags of languages."""

    kind = "list of languages"

    def clean(self, value: Any) -> list[Any]:
        """:raises ConfigError: not a list of tags, or an empty one."""
        tags = super().clean(value)
        if not tags or not all(isinstance(tag, str) and is_tag(tag) for tag in tags):
            raise self._expected("a list of languages", value, "as [en, de, pt-BR]")
        return tags


class LocaleMiddlewareConfig(Config):
    """The options of :class:`LocaleMiddleware`."""

    languages = ConfigLanguages(
        "The languages that the application speaks; the first is spoken to who asks for no other.",
        required=True,
        static=True,
    )
    path_prefix = ConfigBool(
        "Take a language at the beginning of a path, as `/de/posts`, for the language; routes and"
        " views see the path without it.",
        default=True,
        static=True,
    )
    cookie = ConfigText(
        "The cookie that says the language; '' for none.", default="language", static=True
    )
    addresses = ConfigTexts(
        "The language by the beginning of the address that a message is from, as `{'+49': de}`;"
        " the longest counts.",
        default={},
        static=True,
    )
    translations = ConfigText(
        "The folder of gettext's catalogues (`de/LC_MESSAGES/messages.mo`), from the"
        " configuration's folder on.",
        static=True,
    )
    domain = ConfigText("What the catalogues are called.", default="messages", static=True)

    def post_validate(self) -> None:
        """:raises ConfigError: an address speaks what the application doesn't."""
        for address, tag in self.addresses.items():
            if tag not in self.languages:
                known = ", ".join(self.languages)
                self.raise_config_error(
                    f"addresses: {address}: expected one of {known}, got {tag!r}", "addresses"
                )


class LocaleMiddleware(RequestMiddleware):
    """Gives each request a ``language``, and has it spoken while the request is answered.

    Over HTTP it is in the path, the session, a cookie, or ``Accept-Language``; of any other message
    in ``helper_metadata``, the session, or the beginning of its address. The session's is used if
    the session middleware stands before. The response has ``Content-Language`` and ``Vary``.

    While the request is answered :func:`get_language` tells it, :func:`gettext` speaks it, and in
    templates ``_`` and ``{% trans %}`` do.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = LocaleMiddlewareConfig
    MAY = ("change",)
    AFTER = ("SessionMiddleware",)
    config: LocaleMiddlewareConfig

    def setup_middleware(self) -> None:
        """Read the catalogues.

        :raise ConfigError: there is no such folder, or a catalogue can't be read.
        """
        config = self.config
        self._languages = Languages(config.languages)
        self._has_prefix, self._cookie = config.path_prefix, config.cookie
        self._addresses = sorted(config.addresses.items(), key=lambda pair: -len(pair[0]))
        self._spoken = {tag: _Spoken(tag, self._texts(tag)) for tag in config.languages}
        self._default = config.languages[0]
        self._teach(getattr(self.worker, "templates", None))

    async def process_request(self, request: Request) -> None:
        """Find the language."""
        tag = self._of_http(request) if request.is_http else self._of_message(request)
        found = tag or self._default
        request.language = found
        _current.set(self._spoken[found])

    async def process_response(self, request: Request, response: Response) -> Response:
        """Say in which language the response is."""
        _current.set(None)
        if not request.is_http or request.language is None:
            return response
        response.headers.setdefault("Content-Language", request.language)
        if not request.path_prefix:
            response.vary_on("Accept-Language", *(["Cookie"] if self._cookie else []))
        return response

    # Where it may be ---------------------------------------------------------------------------

    def _of_http(self, request: Request) -> str | None:
        return (
            (self._of_path(request) if self._has_prefix else None)
            or self._of_session(request)
            or self._languages.nearest(request.cookies.get(self._cookie))
            or self._languages.accepted(request.headers.get("Accept-Language", ""))
        )

    def _of_path(self, request: Request) -> str | None:
        first, _, rest = request.path[1:].partition("/")
        tag = self._languages.exactly(first)
        if tag is not None:
            request.path_prefix = f"/{first}"
            request.path = f"/{rest}"
        return tag

    def _of_session(self, request: Request) -> str | None:
        session = getattr(request, "session", None)
        return None if session is None else self._languages.nearest(session.get(LANGUAGE))

    def _of_message(self, request: Request) -> str | None:
        message = request.message
        if message is None:
            return None
        return (
            self._languages.nearest(message.helper_metadata.get(LANGUAGE))
            or self._of_session(request)
            or self._of_address(message.from_addr or "")
        )

    def _of_address(self, address: str) -> str | None:
        return next((tag for start, tag in self._addresses if address.startswith(start)), None)

    # What is said in it ------------------------------------------------------------------------

    def _texts(self, tag: str) -> catalogues.NullTranslations:
        within: str | None = self.config.translations
        if within is None:
            return catalogues.NullTranslations()
        folder = Path(self.worker.runtime.folder or Path.cwd(), within)
        if not folder.is_dir():
            raise ConfigError(f"translations: there is no folder {folder}")
        try:
            # The texts in the code are in a language as well, which needs no catalogue.
            is_optional = tag == self.config.languages[0]
            names = [tag.replace("-", "_")]
            texts: catalogues.NullTranslations = catalogues.translation(
                self.config.domain, folder, names, fallback=is_optional
            )
        except FileNotFoundError:
            place = f"{names[0]}/LC_MESSAGES/{self.config.domain}.mo"
            hint = f"translate the texts, and compile them to {folder}/{place}"
            raise ConfigError(f"translations: {tag} has no catalogue", hint=hint) from None
        except (OSError, ValueError, struct.error) as error:
            raise ConfigError(f"translations: the catalogue of {tag}: {error}") from None
        return texts

    def _teach(self, templates: Any) -> None:
        """Have templates speak it too."""
        if templates is None:
            return
        templates.add_extension("jinja2.ext.i18n")
        templates.install_gettext_callables(gettext, ngettext, newstyle=True)
        templates.globals["get_language"] = get_language
