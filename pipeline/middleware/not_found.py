"""Tells somebody that nobody answers."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

from twisted.logger import Logger

from pipeline.config.base import Config
from pipeline.config.endpoints import ConfigClientEndpoint
from pipeline.config.fields import ConfigList, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.middleware.patterns import ConfigPatterns
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response
from pipeline.signals import request_not_found

__all__ = ["NotFoundMiddleware", "NotFoundMiddlewareConfig"]

NOT_FOUND = 404

#: How much of a text that comes from outside is told.
LONGEST = 500

#: Of how many links a process remembers that they were told.
MOST = 1000

_log = Logger()


class ConfigAddresses(ConfigList):
    """Addresses of mail."""

    kind = "list of addresses"

    def clean(self, value: Any) -> list[Any]:
        """:raises ConfigError: not a list of addresses."""
        listed = super().clean([value] if isinstance(value, str) else value)
        if not all(isinstance(each, str) and _is_address(each) for each in listed):
            raise self._expected("a list of addresses", value, "as [web@example.org]")
        return listed


def _is_address(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text and 0 < text.find("@") < 250


class NotFoundMiddlewareConfig(Config):
    """The options of :class:`NotFoundMiddleware`."""

    ignore = ConfigPatterns(
        "Paths that nobody is told of: regular expressions that are looked for in the path.",
        static=True,
    )
    mail_to = ConfigAddresses("Who gets a mail; nobody: none is sent.", default=(), static=True)
    mail_from = ConfigText("Whom mails are from.", default="pipeline@localhost", static=True)
    relay = ConfigClientEndpoint(
        "The SMTP server that takes mails, as `tcp:127.0.0.1:25` or `tls:mail.example.org:465`.",
        default="tcp:127.0.0.1:25",
        static=True,
    )
    mails_per_hour = ConfigInt(
        "The most mails an hour from each process; the next one says how many were left out.",
        default=10,
        minimum=1,
        maximum=1000,
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: mails are from nobody."""
        if not _is_address(self.mail_from):
            self.raise_config_error(
                f"mail_from: expected an address, got {self.mail_from!r}", "mail_from"
            )


class NotFoundMiddleware(RequestMiddleware):
    """Tells of links that lead nowhere, and of messages that nothing routes.

    That is a 404 over HTTP to a request whose ``Referer`` is another page, and a 404 to any other
    message. Each is told by the signal ``request_not_found`` and logged; by option a mail is sent,
    in the background, for each link once. The response never waits for it, and never fails by it.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = NotFoundMiddlewareConfig
    MAY = ()
    config: NotFoundMiddlewareConfig

    def setup_middleware(self) -> None:
        """Get the mailer ready, if there is to be one."""
        config = self.config
        self._ignore = config.ignore
        self._mailer: Any = None
        self._told: dict[tuple[str, str], None] = {}
        if config.mail_to and not self.worker.dry_run:
            # Importing it asks for the name of the host, which may take its time.
            from pipeline.middleware.mail import Mailer

            self._mailer = Mailer(
                self.worker.clock,
                config.relay,
                config.mail_from,
                config.mail_to,
                config.mails_per_hour,
            )

    async def teardown_middleware(self) -> None:
        """Give up what is not sent."""
        if self._mailer is not None:
            await self._mailer.stop()

    async def process_response(self, request: Request, response: Response) -> Response:
        """The response as it is."""
        if response.status == NOT_FOUND and self._is_told(request):
            self._tell(request, response)
        return response

    def _is_told(self, request: Request) -> bool:
        if not request.is_http:
            return True
        if self._ignore is not None and self._ignore.within(request.path):
            return False
        page = _page(request.headers.get("Referer", ""))
        # Programs that look for holes say that a page links to itself.
        return bool(page[0]) and page != (
            request.host,
            (request.path_prefix + request.path).rstrip("/"),
        )

    def _tell(self, request: Request, response: Response) -> None:
        request_not_found.send_robust(self.worker, request=request, response=response)
        what, referer = _named(request), request.headers.get("Referer", "")[:LONGEST]
        _log.warn("nothing is at {what}, linked to by {referer}", what=what, referer=referer)
        if self._mailer is not None and (what, referer) not in self._told:
            self._remember(what, referer)
            self._mailer.send(f"Nothing is at {what}", _letter(request, what, referer))

    def _remember(self, what: str, referer: str) -> None:
        if len(self._told) >= MOST:
            del self._told[next(iter(self._told))]
        self._told[what, referer] = None


def _page(url: str) -> tuple[str, str]:
    """Host and path of a URL; nothing of what is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.netloc, parts.path.rstrip("/")


def _named(request: Request) -> str:
    if request.is_http:
        return f"{request.host}{request.path_prefix}{request.full_path}"[:LONGEST]
    return f"{request.connector}: {request.content[:LONGEST]!r}"


def _letter(request: Request, what: str, referer: str) -> str:
    lines = [f"Asked for: {what}"]
    if request.is_http:
        agent = request.headers.get("User-Agent", "")[:LONGEST]
        lines += [f"Linked to by: {referer}", f"Agent: {agent}"]
    return "\n".join([*lines, f"From: {request.remote_addr}", ""])
