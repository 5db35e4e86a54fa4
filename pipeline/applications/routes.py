"""Which view answers a request: by its path, or by what a plain message says.

::

    routes = [
        path("/", index),
        path("/posts/<int:number>", show_post, methods=["GET"]),
        keyword("help", explain),
        content(r"order (?P<what>\\w+)", order),
        otherwise(sorry),
    ]
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.errors import ConfigError, NotFound
from pipeline.requests import Request, Response

__all__ = ["Route", "Routes", "content", "keyword", "otherwise", "path"]

View = Callable[..., Any]
Match = Callable[[Request], Mapping[str, Any] | None]

#: How a part of a path is written, what it may be, and what the view gets.
_CONVERTERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "str": (r"[^/]+", str),
    "int": (r"[0-9]{1,18}", int),
    "slug": (r"[-a-zA-Z0-9_]+", str),
    "uuid": (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid.UUID),
    "path": (r".+", str),
}
_PART = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>[^\W\d]\w*)>")


class Route(NamedTuple):
    """A view, and the requests that it answers.

    :param told: the route as it was written, for errors.
    :param view: takes the request and what ``match`` found, by names.
    :param match: gives what a request says to the view; None if it is another's.
    :param methods: the methods of HTTP that it takes; None: all.
    """

    told: str
    view: View
    match: Match
    methods: frozenset[str] | None = None


def path(pattern: str, view: View, methods: Iterable[str] | None = None) -> Route:
    """A route for requests of HTTP whose path is like this.

    :param pattern: begins with a slash; ``<name>`` in it is a part without a slash, and
        ``<int:name>``, ``<slug:name>``, ``<uuid:name>``, ``<path:name>`` are parts of that kind.
    :param view: takes the request, and each part by its name.
    :param methods: as ``["GET", "POST"]``; None: all. What takes GET takes HEAD.
    :raise ConfigError: the pattern is none.
    """
    expression, converters = _compiled(pattern)

    def match(request: Request) -> Mapping[str, Any] | None:
        found = expression.fullmatch(request.path) if request.is_http else None
        if found is None:
            return None
        return {name: converters[name](text) for name, text in found.groupdict().items()}

    allowed = None if methods is None else {each.upper() for each in methods}
    if allowed is not None and "GET" in allowed:
        allowed.add("HEAD")
    return Route(pattern, view, match, None if allowed is None else frozenset(allowed))


def keyword(word: str, view: View) -> Route:
    """A route for messages whose text begins with a word, in any case.

    :param view: takes the request, and ``rest``, the text behind the word.
    """
    wanted = word.casefold()

    def match(request: Request) -> Mapping[str, Any] | None:
        if request.is_http:
            return None
        first, _, rest = request.content.strip().partition(" ")
        return {"rest": rest.strip()} if first.casefold() == wanted else None

    return Route(f"keyword {word!r}", view, match)


def content(pattern: str, view: View) -> Route:
    """A route for messages whose whole text, without space around it, is like this.

    :param pattern: a regular expression; the case doesn't matter.
    :param view: takes the request, and each named group by its name.
    :raise ConfigError: not a regular expression.
    """
    try:
        expression = re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ConfigError(f"route {pattern!r}: not a regular expression: {error}") from None

    def match(request: Request) -> Mapping[str, Any] | None:
        found = None if request.is_http else expression.fullmatch(request.content.strip())
        return None if found is None else found.groupdict()

    return Route(f"content {pattern!r}", view, match)


def otherwise(view: View) -> Route:
    """A route for every request that no route before it takes.

    :param view: takes the request.
    """
    return Route("otherwise", view, _anything)


class Routes:
    """Routes in their order: the first that fits a request answers it.

    :param routes: the routes.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)

    @property
    def views(self) -> list[View]:
        """Every view."""
        return [route.view for route in self.routes]

    @property
    def definite(self) -> list[Route]:
        """Those that take some requests and not others."""
        return [route for route in self.routes if route.match is not _anything]

    def resolve(self, request: Request) -> tuple[View, Sequence[Any], Mapping[str, Any]]:
        """The view for a request, and its arguments.

        A path that is there, but not for this method, has a view that answers 405.

        :raise NotFound: there is none.
        """
        allowed: set[str] = set()
        for route in self.routes:
            if allowed and route.match is _anything:
                break  # the path is there
            found = route.match(request)
            if found is None:
                continue
            if route.methods is None or request.method in route.methods:
                return route.view, (), found
            allowed |= route.methods
        if allowed:
            return _refusing, (), {"allowed": ", ".join(sorted(allowed))}
        if request.is_http:
            raise NotFound(f"there is nothing at {request.path}")
        raise NotFound("nobody answers that")


def _anything(request: Request) -> Mapping[str, Any]:
    return {}


async def _refusing(request: Request, allowed: str) -> Response:
    return Response("Method Not Allowed", 405, {"Allow": allowed})


def _compiled(pattern: str) -> tuple[re.Pattern[str], dict[str, Callable[[str], Any]]]:
    if not pattern.startswith("/"):
        raise ConfigError(f"route {pattern!r}: a path begins with a slash")
    expression, end = "", 0
    converters: dict[str, Callable[[str], Any]] = {}
    for part in _PART.finditer(pattern):
        kind, name = part["kind"] or "str", part["name"]
        if kind not in _CONVERTERS or name in converters:
            raise _no_part(pattern, part[0], kind)
        expression += re.escape(pattern[end : part.start()])
        accepted, converters[name] = _CONVERTERS[kind]
        expression += f"(?P<{name}>{accepted})"
        end = part.end()
    rest = pattern[end:]
    if "<" in rest or ">" in rest:
        raise ConfigError(f"route {pattern!r}: a part is written <name> or <kind:name>")
    return re.compile(expression + re.escape(rest)), converters


def _no_part(pattern: str, part: str, kind: str) -> ConfigError:
    if kind in _CONVERTERS:
        return ConfigError(f"route {pattern!r}: {part} stands in it twice")
    known = ", ".join(_CONVERTERS)
    return ConfigError(f"route {pattern!r}: in {part} there is no kind {kind!r}; known: {known}")
