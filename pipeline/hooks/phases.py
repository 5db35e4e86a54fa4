"""The hooks of Django's old style, and when each is called.

The order is Django's (1.9, ``django.core.handlers.base``): requests and views go down the list,
responses, templates and exceptions come up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from pipeline.hooks.calling import Caller, Hook, hook_of

__all__ = ["Around", "Layer", "Mapped", "ViewHooks"]

Layer = Callable[[Any], Awaitable[Any]]
Mapped = Callable[[Any, Exception], Awaitable[Any]]


def _hooks_of(middlewares: Iterable[Any], method: str) -> tuple[Hook, ...]:
    """The hooks of one name, in the order of the middlewares; those that have none are left out."""
    found = ((each, getattr(each, method, None)) for each in middlewares)
    return tuple(hook_of(hook, each) for each, hook in found if callable(hook))


class Around:
    """``process_request`` and ``process_response`` of middlewares that stand side by side.

    :param middlewares: in the order of the list.
    :param inner: what is within: a request in, a response out; raises nothing.
    :param mapped: given request and exception, the response for it.
    :param call: calls hooks.
    :ivar may_block: a hook runs in a thread.
    :ivar requests: the ``process_request``, in the order in which they are called.
    :ivar responses: the ``process_response``, in theirs.
    """

    def __init__(
        self, middlewares: Sequence[Any], inner: Layer, mapped: Mapped, call: Caller
    ) -> None:
        self.requests = _hooks_of(middlewares, "process_request")
        self.responses = _hooks_of(reversed(middlewares), "process_response")
        self.may_block = any(hook.may_block for hook in (*self.requests, *self.responses))
        self._inner = inner
        self._mapped = mapped
        self._call = call

    async def __call__(self, request: Any) -> Any:
        """The response; every ``process_response`` has seen it, whatever came before."""
        try:
            response = await self._answered(request)
        except Exception as error:
            response = await self._mapped(request, error)
        else:
            if response is None:
                response = await self._inner(request)
        try:
            return await self._passed(request, response)
        except Exception as error:
            return await self._mapped(request, error)

    async def _answered(self, request: Any) -> Any:
        for hook in self.requests:
            response = await self._call(hook, request)
            if response is not None:
                return response
        return None

    async def _passed(self, request: Any, response: Any) -> Any:
        for hook in self.responses:
            response = await self._call(hook, request, response)
            if response is None:
                raise ValueError(f"{hook.name} returned None: it must return a response")
        return response


class ViewHooks:
    """``process_view``, the view, ``process_exception``, ``process_template_response``.

    Django has no hook for what a view returned that is no response yet. Here there is one:
    ``process_result``, given the request and what the view returned, bottom-up; it returns that or
    something else. So no other hook ever meets plain data, wherever in the list they stand.

    :param middlewares: all that there are, in the order of the list.
    :param call: calls hooks.
    :param passing: exceptions that no hook sees.
    :param response_class: what responses must be.
    :ivar may_block: a hook runs in a thread.
    :ivar views: the ``process_view``, in the order in which they are called; so are ``results``,
        ``exceptions`` and ``templates``.
    """

    def __init__(
        self,
        middlewares: Sequence[Any],
        call: Caller,
        passing: tuple[type[BaseException], ...] = (),
        response_class: type[Any] = object,
    ) -> None:
        upwards = tuple(reversed(middlewares))
        self.views = _hooks_of(middlewares, "process_view")
        self.results = _hooks_of(upwards, "process_result")
        self.exceptions = _hooks_of(upwards, "process_exception")
        self.templates = _hooks_of(upwards, "process_template_response")
        every = (*self.views, *self.results, *self.exceptions, *self.templates)
        self.may_block = any(hook.may_block for hook in every)
        self._passing = passing
        self._call = call
        self._response_class = response_class

    async def respond(
        self, request: Any, view: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """The response of the view, or of a hook before or after it.

        :raise Exception: what nothing has turned into a response.
        """
        response = await self._before(request, view, args, kwargs)
        if response is None:
            response = await self._viewed(request, view, args, kwargs)
        if response is None or not isinstance(response, self._response_class):
            name = getattr(view, "__qualname__", repr(view))
            what = "None" if response is None else type(response).__name__
            raise ValueError(f"the view {name} returned {what}: it must return a response")
        if callable(getattr(response, "render", None)):
            response = await self._rendered(request, response)
        return response

    async def _before(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        for hook in self.views:
            response = await self._call(hook, request, view, args, kwargs)
            if response is not None:
                return response
        return None

    async def _viewed(self, request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        try:
            result = await self._call(hook_of(view), request, *args, **kwargs)
            for hook in self.results:
                result = await self._call(hook, request, result)
            return result
        except Exception as error:
            return await self._excused(request, error)

    async def _rendered(self, request: Any, response: Any) -> Any:
        for hook in self.templates:
            response = await self._call(hook, request, response)
            if response is None:
                raise ValueError(f"{hook.name} returned None: it must return a response")
        render = getattr(response, "render", None)
        if not callable(render):
            return response
        try:
            return await self._call(hook_of(render, response))
        except Exception as error:
            return await self._excused(request, error)

    async def _excused(self, request: Any, error: Exception) -> Any:
        for hook in () if isinstance(error, self._passing) else self.exceptions:
            response = await self._call(hook, request, error)
            if response is not None:
                return response
        raise error
