"""What a task is: a function with a name that calls travel under."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from pipeline.config.problems import suggestion
from pipeline.errors import ConfigError, UnknownTask
from pipeline.tasks.lanes import lane_of
from pipeline.tasks.origins import home, where
from pipeline.tasks.schedule.entry import CATCH_UP, PATIENCE, Entry
from pipeline.tasks.sendable import Sendable
from pipeline.tasks.unique import unique_of
from pipeline.tasks.values import Hints

if TYPE_CHECKING:
    from pipeline.tasks.schedule.when import When

__all__ = ["Task", "all_known", "known", "task"]

P = ParamSpec("P")
R = TypeVar("R")

#: Every task of this process, by name.
_known: dict[str, Task[Any, Any]] = {}
#: Gives every task of this process.
all_known = _known.values

_ISOLATIONS = ("inline", "thread", "process")


class Task(Sendable[P, R]):
    """A function that can be called by message; made by :func:`task`.

    It is still callable as the function that it was made from, here and now.

    :ivar name: what calls travel under; unique in a process.
    :ivar function: the function itself.
    :ivar queue: the connector whose task application runs it.
    :ivar retries: how often a failed call is tried again; None: as the worker is configured.
    :ivar backoff: seconds before the first retry, growing from there; None: as the worker says.
    :ivar timeout: seconds that a call may run; None: any number.
    :ivar reentrant: whether a call whose worker died is run again, rather than failed.
    :ivar isolation: ``"inline"``: in the reactor's thread; ``"thread"``: in a thread of a pool;
        ``"process"``: in a process of a pool.
    :ivar ttl: seconds in which a call has to begin; None: any number.
    :ivar unique: how its calls are unique; None: they aren't.
    :ivar lane: the queue that its calls wait in, by ``rate_limit``, ``concurrency`` and
        ``priority``; None: that of its connector.
    :ivar keep_result: seconds that the result is kept in the store; None: not at all.
    :ivar ignore_result: whether nobody who sends it waits for its result.
    """

    name: str

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        queue: str = "tasks",
        retries: int | None = None,
        backoff: float | None = None,
        timeout: float | None = None,
        reentrant: bool = False,
        isolation: str | None = None,
        ttl: float | None = None,
        unique: str | None = None,
        unique_key: Callable[..., Any] | Sequence[str] | None = None,
        rate_limit: str | None = None,
        concurrency: int | None = None,
        priority: str = "low",
        keep_result: float | None = None,
        ignore_result: bool = False,
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = name or f"{function.__module__}.{function.__qualname__}"
        self.queue = queue
        self.retries = retries
        self.backoff = backoff
        self.timeout = timeout
        self.reentrant = reentrant
        self.is_async = inspect.iscoroutinefunction(function)
        self.isolation = isolation or ("inline" if self.is_async else "thread")
        #: Whether its calls go before others that wait.
        self.is_urgent = priority == "high"
        self.lane = lane_of(self.name, rate_limit, concurrency, priority)
        #: The queue that its calls are sent to; None: its connector's own.
        self.own_queue = None if self.lane is None else self.lane.queue(queue)
        self.keep_result = keep_result
        self.ignore_result = ignore_result
        self.signature = inspect.signature(function)
        #: With how many positional arguments alone it can be called; None: ask the signature.
        self.takes = _takes(self.signature)
        #: When it is called by itself, see :meth:`schedule`.
        self.schedules: list[Entry] = []
        self.ttl = ttl
        self.unique = unique_of(self.name, self.signature, unique, unique_key)
        #: Whether something is to be looked at before a call begins.
        self.is_conditional = bool(self.lane or ttl is not None or self.unique)
        self._check()

    @functools.cached_property
    def hints(self) -> Hints:
        """How its values travel; read from its type hints when first needed."""
        return Hints(self.function, self.signature)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Task {self.name}{self.signature}>"

    def schedule(
        self,
        when: When,
        *,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str | None = None,
        singleton: bool = True,
        missed: str = "last",
        catch_up: float = CATCH_UP,
        patience: float = PATIENCE,
    ) -> Entry:
        """Have this called at given times, by the workers that serve its queue.

        Say so beside the function, where every worker that has the task comes by. The other
        parameters are :class:`~pipeline.tasks.schedule.Entry`'s.

        :param when: as of :func:`~pipeline.tasks.schedule.cron`,
            :func:`~pipeline.tasks.schedule.every`, :func:`~pipeline.tasks.schedule.once_per_day`.
        :param name: of the entry; the task's by default, so a second one of a task needs another.
        :raise ConfigError: the arguments don't fit, or another parameter is wrong.
        """
        entry = Entry(
            self.name if name is None else name,
            self,
            when,
            args,
            kwargs,
            singleton=singleton,
            missed=missed,
            catch_up=catch_up,
            patience=patience,
        )
        self.schedules.append(entry)
        return entry

    def _check(self) -> None:
        if self.isolation not in _ISOLATIONS:
            raise ConfigError(
                f"task {self.name}: isolation must be 'inline', 'thread' or 'process', "
                f"got {self.isolation!r}"
            )
        if self.is_async and self.isolation != "inline":
            raise ConfigError(
                f"task {self.name}: an async function runs in the reactor, "
                f"not in a {self.isolation}",
                hint="make it a plain def",
            )
        if inspect.isasyncgenfunction(self.function) or inspect.isgeneratorfunction(self.function):
            raise ConfigError(f"task {self.name}: a generator can't be a task")
        for option in ("retries", "backoff", "timeout", "ttl", "keep_result"):
            self._check_amount(option, getattr(self, option))

    def _check_amount(self, option: str, value: float | None) -> None:
        wrong = isinstance(value, bool) or not isinstance(value, (int, float, type(None)))
        if wrong or (value is not None and not value >= 0):
            raise ConfigError(
                f"task {self.name}: {option} must be a number, 0 or more, got {value!r}"
            )


def _takes(signature: inspect.Signature) -> range | None:
    parameters = signature.parameters.values()
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if any(each.kind not in plain for each in parameters):
        return None
    required = sum(each.default is each.empty for each in parameters)
    return range(required, len(parameters) + 1)


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    queue: str = "tasks",
    retries: int | None = None,
    backoff: float | None = None,
    timeout: float | None = None,
    reentrant: bool = False,
    isolation: str | None = None,
    ttl: float | None = None,
    unique: str | None = None,
    unique_key: Callable[..., Any] | Sequence[str] | None = None,
    rate_limit: str | None = None,
    concurrency: int | None = None,
    priority: str = "low",
    keep_result: float | None = None,
    ignore_result: bool = False,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Callable[P, R] | None = None, /, **options: Any) -> Any:
    """Make a function a task. Usable bare, or with options.

    An ``async def`` runs in the reactor, a plain function in a thread. Arguments and results are
    what JSON can say, and with a type hint what msgspec can make of it: dates, UUIDs, decimals,
    bytes, sets, tuples, enums, dataclasses, Structs, also nested. Else a tuple arrives as a list.

    :param name: what calls travel under; the module and qualified name by default.
    :param queue: the connector whose task application runs it.
    :param retries: how often a failed call is tried again, 0: never; None: as the worker says.
    :param backoff: seconds before the first retry, growing from there; None: as the worker says.
    :param timeout: seconds that a call may run. A call that takes longer has failed for good (as
        in redis-tasks): an async one is cancelled, a process is killed; a thread can't be told,
        and its outcome is ignored.
    :param reentrant: whether a call whose worker died may run again (redis-tasks).
    :param isolation: ``"inline"``, ``"thread"`` or ``"process"``; by default one of the first two,
        as suits the function. A plain function that says ``"inline"`` promises that it never
        blocks, and may return a Deferred. A process can be killed, and may crash.
    :param ttl: seconds in which a call has to begin after it was sent; else it is cancelled, as
        ``expired``.
    :param unique: ``"queued"``: while a call waits, no other with the same arguments is sent;
        ``"done"``: nor while it runs, or waits for another try.
    :param unique_key: what makes two calls the same instead of all their arguments: names of some,
        or a function that is called with the arguments.
    :param rate_limit: how many of its calls may begin in any such time, as ``10/s``, ``100/m`` or
        ``20/5s``, in all workers together; what is beyond that waits in a queue of its own.
    :param concurrency: how many of its calls may run at a time, in all workers together; else as
        ``rate_limit``.
    :param priority: ``"high"``: of the calls that wait, four of these begin for each other one.
    :param keep_result: seconds that the result is kept in the store.
    :param ignore_result: its calls are not answered (Celery): who sends one can't wait for it.
    :raise ConfigError: an option is wrong, or another function has this name.
    """
    if function is None:
        return lambda function: _register(Task(function, **options))
    if not callable(function):
        raise ConfigError(f"@task takes its options by name, got {function!r}")
    return _register(Task(function, **options))


def known(name: str) -> Task[Any, Any]:
    """The task of this process that has a name.

    :raise UnknownTask: there is none.
    """
    found = _known.get(name)
    if found is None:
        hint = suggestion(name, _known)
        raise UnknownTask(f"no task {name!r} is loaded" + (f" ({hint})" if hint else ""))
    return found


def _register(made: Task[P, R]) -> Task[P, R]:
    known = _known.get(made.name)
    # Loading a module again makes its functions again.
    if known is not None and home(known.function) != home(made.function):
        both = f"{where(known.function)} and {where(made.function)}"
        raise ConfigError(
            f"two tasks are called {made.name!r}: {both}", hint="give one another name="
        )
    _known[made.name] = made
    return made
