"""Refuses who isn't wanted, and leads to where something really is."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigList
from pipeline.config.texts import ConfigTexts
from pipeline.errors import Drop, PermissionDenied
from pipeline.middleware.patterns import ConfigPatterns
from pipeline.middleware.redirects import moved
from pipeline.middleware.request import RequestMiddleware
from pipeline.requests import Request, Response

__all__ = ["CommonMiddleware", "CommonMiddlewareConfig"]

_HOST = re.compile(r"[a-z0-9.-]{1,253}(:[0-9]{1,5})?", re.ASCII | re.IGNORECASE)


class CommonMiddlewareConfig(Config):
    """The options of :class:`CommonMiddleware`."""

    refuse_agents = ConfigPatterns(
        "Whose requests are answered with 403: regular expressions that are looked for in"
        " `User-Agent`.",
        static=True,
    )
    refuse_senders = ConfigPatterns(
        "Who is refused by address: regular expressions for the whole IP address, or address of a"
        " user.",
        static=True,
    )
    refuse_transports = ConfigList(
        "Which transports are refused: names, or types as `sms`.", default=(), static=True
    )
    append_slash = ConfigBool(
        "Redirect a path that no route takes to the one with a slash at its end, if a route takes"
        " that.",
        default=True,
        static=True,
    )
    prepend_www = ConfigBool(
        "Redirect to the host with `www.` before it.", default=False, static=True
    )
    destinations = ConfigTexts(
        "Other names of a destination, and the one that counts, as `{old.example.org:"
        " example.org, '+27100': '100'}`. For HTTP they are hosts, and redirected; the `to_addr` of"
        " a message is rewritten.",
        default={},
        static=True,
    )


class CommonMiddleware(RequestMiddleware):
    """Refuses agents, senders and transports, and leads requests to their canonical destination.

    Over HTTP who is refused gets a 403, and who asks elsewhere a permanent redirect that keeps the
    query: a 301, or a 308 for a method other than GET and HEAD, whose body would get lost
    otherwise. Any other message of who is refused is dropped, unanswered, and one to another name
    of a destination is rewritten.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = CommonMiddlewareConfig
    MAY = ("change", "drop", "respond")
    #: The path of a request has its prefix of a language taken off.
    AFTER = ("LocaleMiddleware",)
    config: CommonMiddlewareConfig

    def setup_middleware(self) -> None:
        """Take the options apart."""
        config = self.config
        self._agents, self._senders = config.refuse_agents, config.refuse_senders
        self._transports = frozenset(config.refuse_transports)
        self._appends_slash, self._prepends_www = config.append_slash, config.prepend_www
        self._destinations = config.destinations
        self._hosts = {name.lower(): to for name, to in config.destinations.items()}
        routes = getattr(self.worker, "routes", None)
        self._routes = () if routes is None else routes.definite

    async def process_request(self, request: Request) -> Response | None:
        """A redirect, or None.

        :raise PermissionDenied: the request is refused; a 403.
        :raise Drop: the message is refused.
        """
        refused = self._refused(request)
        if request.is_http:
            if refused:
                raise PermissionDenied(refused)
            return self._redirect(request)
        if refused:
            raise Drop(refused)
        self._rewrite(request.message)
        return None

    def _refused(self, request: Request) -> str:
        """Why a request is refused; "" if it isn't."""
        if self._senders is not None and self._senders.whole(request.remote_addr):
            return "your address is refused"
        agent = request.headers.get("User-Agent", "")
        if self._agents is not None and agent and self._agents.within(agent):
            return "your program is refused"
        message = request.message
        if self._transports and message is not None:
            its = {message.transport_name, message.transport_type, request.connector}
            if its & self._transports:
                return "your way of coming here is refused"
        return ""

    def _rewrite(self, message: Any) -> None:
        if message is not None and message.to_addr in self._destinations:
            message.to_addr = self._destinations[message.to_addr]

    def _redirect(self, request: Request) -> Response | None:
        host = self._canonical_host(request.host)
        path = request.path
        if self._appends_slash and not path.endswith("/") and self._wants_slash(request):
            path += "/"
        if host == request.host and path == request.path:
            return None
        base = "" if host == request.host else f"{request.scheme}://{host}"
        return moved(request, base, request.path_prefix + path)

    def _canonical_host(self, host: str) -> str:
        if not _HOST.fullmatch(host):
            return host  # nothing of what isn't a host goes into a redirect
        name, colon, port = host.lower().partition(":")
        to = self._hosts.get(name, name)
        if self._prepends_www and not to.startswith("www."):
            to = f"www.{to}"
        return host if to == name else to + colon + port

    def _wants_slash(self, request: Request) -> bool:
        if self._is_taken(request, request.path):
            return False
        return self._is_taken(request, f"{request.path}/")

    def _is_taken(self, request: Request, path: str) -> bool:
        asked = Request(request.method, path)
        return any(route.match(asked) is not None for route in self._routes)
