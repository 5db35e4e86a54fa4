"""The middlewares of requests as a whole: built once, then given request after request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import MiddlewareNotUsed, NotFound, PermissionDenied, SuspiciousOperation
from pipeline.hooks.calling import Around as Watch
from pipeline.hooks.calling import Caller, Hook, InThread
from pipeline.hooks.layers import made
from pipeline.hooks.phases import Around, Layer, ViewHooks
from pipeline.middleware.families import is_factory
from pipeline.requests import Response
from pipeline.signals import got_request_exception
from pipeline.threads import in_pool

__all__ = ["HookStack", "Resolved", "handle"]

#: A view, its positional and its named arguments.
Resolved = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]

#: The status of an exception that a view may raise to say it.
_STATUSES: dict[type[Exception], int] = {
    NotFound: 404,
    PermissionDenied: 403,
    SuspiciousOperation: 400,
}

_log = Logger("pipeline.hooks")


class HookStack:
    """Answers requests: hooks around a view, and layers of the new style among them.

    Hooks of the old style that stand side by side in the list are one layer: all of their
    ``process_response`` are called, whatever happened (Django 1.9). A factory among them is a layer
    of its own; what stands below it is within it, and left out when it answers itself (Django 5).
    View, template and exception hooks of all of them are called around the view.

    :param middlewares: as :func:`~pipeline.hooks.load_hooks` gives them.
    :param resolve: given a request, its view and arguments; may raise NotFound. Called when all
        ``process_request`` are done, so that they may change the path.
    :param report: called with an exception that nothing has handled.
    :param sender: of the signal ``got_request_exception``; None: this stack.
    :param in_thread: runs what may block; None: in the reactor's pool of threads.
    :param passing: exceptions that are nobody's error here: they come out of :meth:`respond`, and
        no hook sees them.
    :param debug: whether a 500 shows the traceback.
    :param response_class: what a view must return, in the end.
    :ivar threads: how many plain layers of the new style there are; each holds a thread as long as
        what is within it lasts.
    :ivar may_block: something in it runs in threads, apart from views.
    :ivar layers: the outermost first: :class:`~pipeline.hooks.phases.Around` for hooks side by
        side, a :class:`~pipeline.hooks.calling.Hook` for what a factory has made.
    :ivar view_hooks: what is called around the view, by all of them.
    :ivar unused: what wanted to be left out, each with its reason: factories, and what
        :func:`~pipeline.hooks.load_hooks` has noted, if its caller puts it here.
    """

    def __init__(
        self,
        middlewares: Iterable[Any],
        resolve: Callable[[Any], Resolved],
        report: Callable[[Exception], Any] | None = None,
        *,
        sender: Any = None,
        in_thread: InThread | None = None,
        passing: tuple[type[BaseException], ...] = (),
        debug: bool = False,
        response_class: type[Any] = object,
    ) -> None:
        self.threads = 0
        self._response_class = response_class
        self._resolve = resolve
        self._passing = passing
        self._debug = debug
        self._report = report
        self._sender = self if sender is None else sender
        self._call = Caller(in_pool if in_thread is None else in_thread)
        self.view_hooks: ViewHooks
        self.layers: list[Around | Hook] = []
        self.unused: list[tuple[Any, str]] = []
        self._outermost = self._built(list(middlewares))
        hooks = (self.view_hooks, *self.layers)
        self.may_block = any(each.may_block for each in hooks)

    def watch(self, around: Watch) -> None:
        """Have this called instead of each hook, layer and view, from now on and for good.

        :param around: given a :class:`~pipeline.hooks.calling.Hook`, the arguments, and a function
            that calls it with them; a coroutine of what it returns.
        """
        self._call.watch(around)

    async def respond(self, request: Any) -> Any:
        """The response to a request, whatever happens: an error nobody handles is a 500."""
        return await self._outermost(request)

    def _built(self, middlewares: list[Any]) -> Layer:
        """Everything, from the inside out."""
        layer: Layer = self._viewed
        all_of_them: list[Any] = []
        neighbours: list[Any] = []
        for each in reversed(middlewares):
            if not is_factory(each):
                neighbours.insert(0, each)
                all_of_them.insert(0, each)
                continue
            layer, neighbours = self._around(neighbours, layer), []
            try:
                built, layer = made(each, layer, self._mapped, self._call)
            except MiddlewareNotUsed as reason:
                self.unused.append((each, str(reason)))
                continue
            all_of_them.insert(0, built.function)
            self.layers.insert(0, built)
            self.threads += built.may_block
        self.view_hooks = ViewHooks(all_of_them, self._call, self._passing, self._response_class)
        return self._around(neighbours, layer)

    def _around(self, neighbours: list[Any], inner: Layer) -> Layer:
        if not neighbours:
            return inner
        around = Around(neighbours, inner, self._mapped, self._call)
        self.layers.insert(0, around)
        return around

    async def _viewed(self, request: Any) -> Any:
        try:
            view, args, kwargs = self._resolve(request)
            return await self.view_hooks.respond(request, view, args, kwargs)
        except Exception as error:
            return await self._mapped(request, error)

    async def _mapped(self, request: Any, error: Exception) -> Any:
        """The response for an exception; what says no status of its own is reported, and a 500."""
        if isinstance(error, self._passing):
            raise error
        for kind, status in _STATUSES.items():
            if isinstance(error, kind):
                return _plain(status, str(error))
        got_request_exception.send_robust(self._sender, request=request, exception=error)
        if self._report is not None:
            self._report(error)
        else:
            _log.failure("{request!r} failed", request=request)
        return _plain(500, Failure(error).getTraceback() if self._debug else "")


def handle(
    middlewares: Iterable[Any],
    request: Any,
    view: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    report: Callable[[Exception], Any] | None = None,
) -> Deferred[Any]:
    """Answer one request with a view, through middlewares.

    :param middlewares: as :func:`~pipeline.hooks.load_hooks` gives them.
    :param view: takes the request and these arguments; sync, async, or returns a Deferred.
    :param report: called with an exception that nothing has handled; the response is a 500 then.
        None: it is logged.
    :return: a Deferred of the response.
    """
    resolved = (view, args, {} if kwargs is None else kwargs)
    stack = HookStack(middlewares, lambda _: resolved, report)
    return Deferred.fromCoroutine(stack.respond(request))


def _plain(status: int, text: str) -> Response:
    response = Response(status=status)
    response.content = text or response.reason
    return response
