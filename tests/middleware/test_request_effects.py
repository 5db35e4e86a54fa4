"""What built-in request middleware declares is what it does: each is run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from typing import Any

from pipeline.errors import Drop, PermissionDenied, RetryLater, SuspiciousOperation
from pipeline.middleware.effects import declared
from pipeline.middleware.families import HOOKS, Family, family_of
from pipeline.middleware.sign_check import HEADER, signature
from pipeline.requests import Request, Response
from pipeline.store import Store
from tests.middleware.requesting import RequestsCase
from tests.middleware.test_authentication import USERS
from tests.middleware.test_effects import WRITES, classes

SECRET = "0123456789abcdef0123456789abcdef"
LARGE = "la " * 500
SESSION = {"session": "session.SessionMiddleware"}

#: What a middleware is asked: methods of the case, with their arguments.
Asked = tuple[str, tuple[Any, ...], dict[str, Any]]


def ask(*args: Any, **fields: Any) -> Asked:
    return "ask", args, fields


def say(content: str, **fields: Any) -> Asked:
    return "say", (content,), fields


def signed(case: RequestsCase) -> Asked:
    """A request with a signature of now."""
    at = int(case.clock.seconds())
    mac = signature("k", SECRET.encode(), at, "GET", "/")
    return ask("/", headers={HEADER: mac})


#: Module and class -> its options, what stands around it, and what it is asked.
RUNS: dict[str, tuple[dict[str, Any], list[dict[str, str]], list[Any]]] = {
    "authentication.AuthenticationMiddleware": (
        {"by": ["bearer"], "users": USERS},
        [],
        [ask(), ask(headers={"Authorization": "Bearer nobody"})],
    ),
    "cache.UpdateCacheMiddleware": (
        {"timeout": "1h"},
        [{"below": "cache.FetchFromCacheMiddleware"}],
        [ask(), ask()],
    ),
    "cache.FetchFromCacheMiddleware": ({"prefix": "another"}, [], [ask(), ask()]),
    "common.CommonMiddleware": (
        {"refuse_agents": ["bad"], "refuse_senders": ["666"], "destinations": {"1234": "100"}},
        [],
        [ask(headers={"User-Agent": "bad"}), say("hi"), say("hi", from_addr="666")],
    ),
    "conditional.ConditionalMiddleware": ({"skip_unchanged": True}, [], [ask(), say("hi")]),
    "csrf.CsrfMiddleware": ({"keep_in": "cookie"}, [], [ask(), ask("/", "POST")]),
    "gzip.GZipMiddleware": ({}, [], [ask(headers={"Accept-Encoding": "gzip"})]),
    "json_response.JsonResponseMiddleware": ({}, [], [ask("/data")]),
    "locale.LocaleMiddleware": ({"languages": ["en", "de"]}, [], [ask()]),
    "not_found.NotFoundMiddleware": (
        {},
        [],
        [ask("/nowhere", headers={"Referer": "http://example.org/page"})],
    ),
    "notices.NoticesMiddleware": ({}, [SESSION], [ask()]),
    "security.SecurityMiddleware": ({"redirect": True}, [], [ask(), ask(scheme="https")]),
    "session.SessionMiddleware": ({}, [], [ask("/visit")]),
    "sign_check.SignCheckMiddleware": (
        {"keys": {"k": SECRET}, "messages": "drop"},
        [],
        [ask(), signed, say("hi")],
    ),
}
#: What happens by chance only, and is shown by tests of their own.
RARE = {"session.SessionMiddleware": {"retry"}}

#: What a request finds out when it is asked; that it has been asked is no change.
READ = {name for name, value in vars(Request).items() if isinstance(value, cached_property)}


async def view(request: Any) -> Any:
    """Answers what the middlewares in question need."""
    if request.path == "/data":
        return {"a": 1}
    if request.path == "/nowhere":
        return Response("nothing", status=404)
    if request.path == "/visit":
        request.session["seen"] = True
    return Response(LARGE)


class Done(RequestsCase):
    """Hooks are watched from outside: what they return, raise, change and write."""

    def test_request_middleware(self) -> None:
        """All that is declared is done, and nothing else."""
        for dotted, (options, others, asked) in RUNS.items():
            cls = _class_of(dotted)
            said = declared(cls)
            assert said is not None
            seen = self.seen(cls, dotted, options, others, asked)
            self.assertEqual(set(said[0]), seen | RARE.get(dotted, set()), dotted)

    def test_none_is_missing(self) -> None:
        """Every request middleware is among them."""
        have = {_class_of(dotted) for dotted in RUNS}
        every = {cls for cls in classes() if family_of(cls) is Family.REQUEST}
        self.assertEqual({"RequestTroubleshootMiddleware"}, {c.__name__ for c in every - have})

    def seen(
        self,
        cls: type,
        dotted: str,
        options: dict[str, Any],
        others: list[dict[str, str]],
        asked: list[Any],
    ) -> set[str]:
        watched = _Watched(self, cls)
        listed = [{"it": dotted}, *others]
        if others == [SESSION]:
            listed.reverse()
        if dotted.startswith("cache.Fetch"):
            listed.insert(0, {"above": "cache.UpdateCacheMiddleware"})
        self.begin(view, *listed, it=options)
        for each in asked:
            way, args, fields = each(self) if callable(each) else each
            with contextlib.suppress(ValueError):  # there may be no reply to be taken
                getattr(self, way)(*args, **fields)
        watched.end()
        return watched.effects


class _Watched:
    """The hooks of a class, and writes to the store while one of them runs."""

    def __init__(self, case: RequestsCase, cls: type) -> None:
        self.effects: set[str] = set()
        self._runs = False
        self._patches = [
            case.patch(cls, name, self._noting(getattr(cls, name), name))
            for name in HOOKS[Family.REQUEST]
            if name in vars(cls)
        ]
        self._patches += [
            case.patch(Store, name, self._writing(getattr(Store, name))) for name in WRITES
        ]

    def end(self) -> None:
        for patch in reversed(self._patches):
            patch.restore()

    def _writing(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def writing(*args: Any, **kwargs: Any) -> Any:
            if self._runs:
                self.effects.add("store")
            return write(*args, **kwargs)

        return writing

    def _noting(self, hook: Callable[..., Any], name: str) -> Callable[..., Any]:
        async def noting(middleware: Any, request: Any, *args: Any) -> Any:
            before = _looks(request, args)
            self._runs = True
            try:
                result = await hook(middleware, request, *args)
            except (Drop, RetryLater) as verdict:
                self.effects.add("drop" if isinstance(verdict, Drop) else "retry")
                raise
            except (PermissionDenied, SuspiciousOperation):
                self.effects.add("respond")
                raise
            finally:
                self._runs = False
            answers = name in ("process_request", "process_view", "process_exception")
            if answers and result is not None:
                self.effects.add("respond")
            elif _looks(request, args) != before or (not answers and result is not args[-1]):
                self.effects.add("change")
            return result

        return noting


def _looks(request: Any, args: tuple[Any, ...]) -> list[Any]:
    """What a request and a response look like."""
    message = request.message
    own = ((name, id(value)) for name, value in vars(request).items() if name not in READ)
    parts: list[Any] = [sorted(own), getattr(message, "to_addr", None)]
    for each in args:
        if isinstance(each, Response):
            parts += [each.status, sorted(each.headers.items()), each.content, dict(each.cookies)]
    return parts


def _class_of(dotted: str) -> type:
    module, name = dotted.split(".")
    found = getattr(import_module(f"pipeline.middleware.{module}"), name)
    assert isinstance(found, type)
    return found
