"""Records the hooks around a view, in the order in which they really run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.errors import NotFound, PermissionDenied, SuspiciousOperation
from pipeline.explain.hooks import Names
from pipeline.explain.source import place_of
from pipeline.explain.trace.differences import differences, plain
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.recorder import Recorder
from pipeline.hooks.calling import Hook
from pipeline.requests import Request, Response

__all__ = ["WatchedHooks"]

#: Headers whose values are for nobody's eyes.
_SECRET = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-csrf-token", "x-api-key"}
)
#: Hooks that end a phase by what they return.
_ANSWERING = frozenset({"process_request", "process_view", "process_exception"})
#: What there is of a request that no hook changes, or that the message has.
_LEFT_OUT = frozenset({"message", "templates", "body"})


class WatchedHooks:
    """Records what is called for requests: hooks, layers, the view.

    What a layer has changed itself is told apart from what is within it.

    :param recorder: keeps it.
    :param worker: whose requests they are; its middleware is made.
    """

    def __init__(self, recorder: Recorder, worker: Any) -> None:
        self._recorder = recorder
        self._worker: str = worker.name
        self._names = Names(worker.middlewares.entries)
        self._exchanges: dict[int, _Exchange] = {}

    async def __call__(self, hook: Hook, args: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        """Call a hook, a layer or a view, and record it.

        :param hook: which.
        :param args: what it is called with; first the request, if it is given one.
        :param call: calls it, wherever it has to run; a coroutine.
        """
        request = args[0] if args else None
        if not isinstance(request, Request):
            return await call()  # as of a template; what it does is the response's
        exchange = self._exchanges.setdefault(id(request), _Exchange(request))
        exchange.response_in(args)
        exchange.credit()
        happening = self._happening(hook, request)
        exchange.enter(happening)
        try:
            result = await self._recorder.called(happening, None, call)
            exchange.response_in((result,))
            if result is not None and happening.method in _ANSWERING:
                happening.result = "answered"
                happening.detail = f"with {result!r}"
            return result
        except (NotFound, PermissionDenied, SuspiciousOperation):
            happening.result = "answered"  # they are how a hook or a view says a status
            raise
        finally:
            exchange.credit()
            exchange.leave()

    def _happening(self, hook: Hook, request: Request) -> Happening:
        function = hook.function
        owner = getattr(function, "__self__", function)
        entry = self._names.of(owner)
        name = entry.name if entry is not None else hook.name
        message_id = str(getattr(request.message, "message_id", ""))
        place = (self._worker, request.connector, "inbound", message_id)
        return Happening(
            "hook" if entry is not None else "view",
            *place,
            name=name,
            class_name=entry.dotted if entry is not None else "",
            method=getattr(function, "__name__", "__call__"),
            at=place_of(function) or "",
        )


class _Exchange:
    """A request and what answers it, and who is at work on it."""

    def __init__(self, request: Request) -> None:
        self.request = request  # kept, so that no other gets its id
        self._response: Any = None
        self._open: list[Happening] = []
        self._state = self._now()

    def response_in(self, values: tuple[Any, ...]) -> None:
        """The response, if it is among these."""
        self._response = next((v for v in values if isinstance(v, Response)), self._response)

    def enter(self, happening: Happening) -> None:
        """Something is called."""
        self._open.append(happening)

    def leave(self) -> None:
        """The innermost that was called has ended."""
        self._open.pop()

    def credit(self) -> None:
        """What has changed since the last time is the work of the innermost that is open."""
        state = self._now()
        if self._open:
            self._open[-1].changes += differences(self._state, state)
        self._state = state

    def _now(self) -> dict[str, Any]:
        state = {"request": _state_of(self.request)}
        return state if self._response is None else {**state, "response": _state_of(self._response)}


def _state_of(value: Any) -> dict[str, Any]:
    """What can be seen of a request or a response without asking it for anything."""
    found = {name.lstrip("_"): each for name, each in vars(value).items() if name not in _LEFT_OUT}
    return {name: _shown(name, each) for name, each in found.items()}


def _shown(name: str, value: Any) -> Any:
    if name == "headers":
        return {key: _header(key, value[key]) for key in value}
    if name == "cookies":
        return {key: _hidden(str(getattr(each, "value", each))) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if type(value) in (dict, list, tuple):
        return plain(value)
    # As a session or a user, which may look something up when it is asked.
    return f"<{type(value).__name__}>"


def _header(name: str, value: str) -> str:
    return _hidden(value) if name.lower() in _SECRET else value


def _hidden(value: str) -> str:
    return f"<{len(value)} characters>"
