"""redis-tasks' middleware: ``run_task`` around a call, ``process_outcome`` after it.

A middleware is a class without a base and without arguments, with one of the two methods or both.
An instance is made for every call of either. The behaviour is that of redis-tasks (0.0.11,
``redis_tasks.task.Task.execute``), in which everything blocks; here a hook may be ``async def``,
too. A plain hook may block: where the task doesn't, the hook runs in a thread, so that its code
after ``run()`` runs after the task. One whose class says ``blocking = False`` runs in the reactor,
gets a Deferred from ``run`` and may return one.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from enum import Enum
from functools import partial
from itertools import groupby
from types import TracebackType
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipeline.eager import eager
from pipeline.threads import awaited, in_pool, wait_in_thread

__all__ = ["SUCCESS", "ExcInfo", "TaskStack", "process_outcome", "run_task"]

Factory = Callable[[], Any]
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
#: Has a function run in a thread.
InThread = Callable[..., Awaitable[Any]]
#: Waits for an awaitable, in a thread or for what is there already.
Wait = Callable[[Any], Any]

#: What ``process_outcome`` is given when all went well.
SUCCESS: Final[ExcInfo] = (None, None, None)


class _Way(Enum):
    """How a hook is run."""

    ABSENT = "absent"
    #: Called, in a thread where that matters.
    BLOCKING = "blocking"
    #: Called in the reactor, and what it returns is waited for.
    WAITING = "waiting"


class TaskStack:
    """The task middlewares of a worker, in their order.

    :param factories: classes, or callables that make a middleware; the first is the outermost.
    :ivar blocks: no ``run_task`` waits, so that all of them can run in the thread of the task.
    :ivar threads: how many threads a call of :meth:`run` may hold at the same time.
    :ivar runs: there is a ``run_task``.
    :ivar judges: there is a ``process_outcome``.
    """

    def __init__(self, factories: Iterable[Factory]) -> None:
        self.factories = tuple(factories)
        self._around = _grouped(self.factories, "run_task")
        self._after = _grouped(tuple(reversed(self.factories)), "process_outcome")
        self.blocks = all(way is _Way.BLOCKING for way, _ in self._around)
        self.threads = sum(way is _Way.BLOCKING for way, _ in self._around)
        self.runs = bool(self._around)
        self.judges = bool(self._after)
        #: Those that are around the call itself.
        self.around = tuple(factory for _, group in self._around for factory in group)
        #: Those that judge an outcome, in the order in which they are asked.
        self.after = tuple(factory for _, group in self._after for factory in group)

    def call(
        self,
        task: Any,
        run: Callable[..., Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        wait: Wait,
    ) -> None:
        """Run a call in this thread, through all ``run_task``.

        :param run: the call itself; what it returns is ignored.
        :param wait: given an awaitable that a hook or ``run`` has returned.
        :raise Exception: what comes out of the outermost.
        """
        inner = _waiting_for(run, wait)
        for _, group in reversed(self._around):
            inner = _nested(group, task, inner, wait)
        inner(*args, **kwargs)

    async def run(
        self,
        task: Any,
        run: Callable[..., Coroutine[Any, Any, Any]],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        in_thread: InThread,
        wait: Wait,
    ) -> None:
        """Run a call from the reactor, through all ``run_task``.

        :param run: the call itself, ``async def``.
        :param in_thread: runs a function in a thread; for hooks that may block.
        :param wait: waits in such a thread for something in the reactor.
        """
        for way, group in reversed(self._around):
            if way is _Way.BLOCKING:
                run = _threaded(group, task, run, in_thread, wait)
                continue
            for factory in reversed(group):
                run = _waiting(factory, task, run)
        await run(*args, **kwargs)

    async def judge(
        self, task: Any, exc_info: ExcInfo, in_thread: InThread | None, wait: Wait
    ) -> ExcInfo:
        """Give an outcome to every ``process_outcome``, the last first.

        :param exc_info: of what the call raised; :data:`SUCCESS` if nothing.
        :param in_thread: as of :meth:`run`; None: what may block is called here.
        :return: what is left of it.
        """
        for way, group in self._after:
            if way is _Way.BLOCKING and in_thread is not None:
                exc_info = await in_thread(_judged_in_thread, group, task, exc_info, wait)
                continue
            for factory in group:
                exc_info = await _judged(factory, task, exc_info)
        return exc_info


def run_task(
    factories: Iterable[Factory],
    task: Any,
    run: Callable[..., Any],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
) -> Any:
    """Call ``run(*args, **kwargs)`` through the ``run_task`` of middlewares, the first outermost.

    Each is made when the call reaches it. It may change the arguments, call ``run`` not at all or
    again, and swallow what it raises. What anything returns is ignored.

    :param factories: classes, or callables that make a middleware.
    :param task: what middlewares are told of the call.
    :param run: the call; a function or ``async def``. (A plain function that returns a Deferred is
        waited for in the end, but not by the code of plain middleware after its ``run()``.)
    :return: None, when everything given is synchronous; else a Deferred. Plain middleware around
        something asynchronous runs in a thread of the reactor's pool.
    :raise Exception: what comes out of the outermost, here or in the Deferred.
    """
    stack = TaskStack(factories)
    named = {} if kwargs is None else kwargs
    if not stack.blocks or inspect.iscoroutinefunction(run):
        going = stack.run(task, _as_async(run), args, named, in_pool, _in_reactor)
        return Deferred.fromCoroutine(going)
    unfinished: list[Deferred[Any]] = []
    stack.call(task, run, args, named, partial(_kept, unfinished))
    return Deferred.fromCoroutine(_all(unfinished)) if unfinished else None


def process_outcome(factories: Iterable[Factory], task: Any, exc_info: ExcInfo) -> Any:
    """Give an outcome to the ``process_outcome`` of all middlewares, the last first.

    A truthy return swallows the exception for the rest; an exception raised in one replaces it.

    :param factories: as of :func:`run_task`; all of them, also those that no call has reached.
    :param exc_info: what ``sys.exc_info()`` gives for the error; three times None for a success.
    :return: the exc_info that is left; a Deferred of it if something given is asynchronous.
    """
    stack = TaskStack(factories)
    is_plain = all(way is _Way.BLOCKING for way, _ in stack._after)
    in_thread = None if is_plain else in_pool
    return eager(stack.judge(task, exc_info, in_thread, _in_reactor))


# How a hook is run ---------------------------------------------------------------------------


def _grouped(factories: Sequence[Factory], hook: str) -> list[tuple[_Way, tuple[Factory, ...]]]:
    """Those that have a hook, the neighbours of one way together."""
    ways = [(_way(factory, hook), factory) for factory in factories]
    present = [(way, factory) for way, factory in ways if way is not _Way.ABSENT]
    groups = groupby(present, key=lambda pair: pair[0])
    return [(way, tuple(factory for _, factory in group)) for way, group in groups]


def _way(factory: Factory, hook: str) -> _Way:
    if not inspect.isclass(factory):
        return _Way.BLOCKING  # what it makes is looked at when it is made
    method = getattr(factory, hook, None)
    if method is None:
        return _Way.ABSENT
    waits = inspect.iscoroutinefunction(method) or not getattr(factory, "blocking", True)
    return _Way.WAITING if waits else _Way.BLOCKING


def _nested(
    group: Iterable[Factory], task: Any, run: Callable[..., Any], wait: Wait
) -> Callable[..., Any]:
    for factory in reversed(tuple(group)):
        run = _blocking(factory, task, run, wait)
    return run


def _blocking(
    factory: Factory, task: Any, run: Callable[..., Any], wait: Wait
) -> Callable[..., Any]:
    def layer(*args: Any, **kwargs: Any) -> None:
        hook = getattr(factory(), "run_task", None)
        if hook is None:
            run(*args, **kwargs)
            return
        result = hook(task, run, args, kwargs)
        if inspect.isawaitable(result):
            wait(result)

    return layer


def _waiting_for(run: Callable[..., Any], wait: Wait) -> Callable[..., Any]:
    def called(*args: Any, **kwargs: Any) -> Any:
        result = run(*args, **kwargs)
        return wait(result) if inspect.isawaitable(result) else result

    return called


def _threaded(
    group: Sequence[Factory],
    task: Any,
    run: Callable[..., Coroutine[Any, Any, Any]],
    in_thread: InThread,
    wait: Wait,
) -> Callable[..., Coroutine[Any, Any, Any]]:
    nested = _nested(group, task, lambda *args, **kwargs: wait(run(*args, **kwargs)), wait)

    async def layer(*args: Any, **kwargs: Any) -> None:
        await in_thread(nested, *args, **kwargs)

    return layer


def _waiting(
    factory: Factory, task: Any, run: Callable[..., Coroutine[Any, Any, Any]]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    async def layer(*args: Any, **kwargs: Any) -> None:
        begun: list[Deferred[Any]] = []

        def begin(*args: Any, **kwargs: Any) -> Deferred[Any]:
            begun.append(Deferred.fromCoroutine(run(*args, **kwargs)))
            return begun[-1]

        result = factory().run_task(task, begin, args, kwargs)
        if inspect.isawaitable(result):
            await result
        await _all(begun)  # nothing happens for those that the hook has waited for

    return layer


async def _judged(factory: Factory, task: Any, exc_info: ExcInfo) -> ExcInfo:
    try:
        swallowed = _asked(factory, task, exc_info)
        if inspect.isawaitable(swallowed):
            swallowed = await swallowed
    except Exception:  # noqa: BLE001  # it is the outcome from now on
        return sys.exc_info()
    return SUCCESS if swallowed else exc_info


def _judged_in_thread(
    group: Iterable[Factory], task: Any, exc_info: ExcInfo, wait: Wait
) -> ExcInfo:
    for factory in group:
        try:
            swallowed = _asked(factory, task, exc_info)
            if inspect.isawaitable(swallowed):
                swallowed = wait(swallowed)
        except Exception:  # noqa: BLE001  # it is the outcome from now on
            exc_info = sys.exc_info()
        else:
            exc_info = SUCCESS if swallowed else exc_info
    return exc_info


def _asked(factory: Factory, task: Any, exc_info: ExcInfo) -> Any:
    hook = getattr(factory(), "process_outcome", None)
    return None if hook is None else hook(task, *exc_info)


# Threads and the reactor -----------------------------------------------------------------------


async def _all(unfinished: Iterable[Deferred[Any]]) -> None:
    for each in unfinished:
        await each


def _kept(unfinished: list[Deferred[Any]], awaitable: Any) -> Any:
    """What an awaitable has come to, or the Deferred that is waited for in the end."""
    waited: Deferred[Any] = Deferred.fromCoroutine(awaited(awaitable))
    if not waited.called:
        unfinished.append(waited)
        return waited
    result = waited.result
    if not isinstance(result, Failure):
        return result
    waited.addErrback(lambda _: None)
    assert result.value is not None
    raise result.value


def _as_async(run: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    if inspect.iscoroutinefunction(run):
        return run

    async def called(*args: Any, **kwargs: Any) -> Any:
        result = run(*args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    return called


def _in_reactor(awaitable: Any) -> Any:
    from twisted.internet import reactor

    return wait_in_thread(reactor, awaited(awaitable))
