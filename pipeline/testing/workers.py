"""Workers that run in a test, and what they are sent and send."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from pipeline.config.positions import Section, merged
from pipeline.config.problems import Problems
from pipeline.config.schemas import listed_names
from pipeline.config.source import parse_document
from pipeline.connector.publishing import queue_of
from pipeline.delivery import Depth
from pipeline.eager import finished
from pipeline.observe.letters import Letter
from pipeline.store import Store
from pipeline.testing.dispatching import Dispatching
from pipeline.testing.places import InMemory, Place
from pipeline.testing.times import Soon
from pipeline.testing.traffic import Found
from pipeline.worker import Runtime, Worker

__all__ = ["WorkerHelper"]

W = TypeVar("W", bound=Worker)
T = TypeVar("T")


class WorkerHelper(Dispatching):
    """Runs workers, sends them messages, and sees what they send.

    The code is the real one, with the real broker for memory, and time is a Clock's: what happens
    at once has happened when a method returns, and :meth:`advance` makes the rest happen. With
    ``place=OnServer()`` the same runs over a real server, and everything must be awaited.

    The shape is Vumi's (0.6.19, ``vumi.tests.helpers``). Use it as ``with WorkerHelper() as
    helper:`` (or ``async with``), or with :class:`pipeline.testing.cases.PipelineTestCase`; both
    fail the test when a worker had an error that the test didn't look at.

    :param connector_name: the connector that messages are sent to and seen at if none is named.
    :param place: an :class:`~pipeline.testing.places.InMemory` (the default) or an
        :class:`~pipeline.testing.places.OnServer`; that of another helper to work with its workers.
    :param fields: of a :class:`~pipeline.testing.messages.MessageHelper`.
    """

    def __init__(
        self, connector_name: str | None = None, *, place: Place | None = None, **fields: Any
    ) -> None:
        if connector_name is not None:
            fields.setdefault("transport_name", connector_name)
        super().__init__(**fields)
        self.connector_name = connector_name or self.transport_name
        self.place = place or InMemory()
        self.place.enter(self)
        self.clock = self.place.clock
        self._workers: list[Worker] = []

    # Workers -----------------------------------------------------------------------------------

    def get_worker(
        self,
        worker_class: type[W],
        config: Mapping[str, Any] | str | None = None,
        start: bool = True,
        name: str | None = None,
        runtime: Runtime | None = None,
    ) -> Soon[W]:
        """Make a worker, with a broker of its own as a process has, and start it.

        ``transport_name`` is the connector's name if it isn't given, and retries have no jitter.

        :param config: its options, as a mapping or as YAML.
        :param start: False: don't start it.
        :param name: its name; None: its class's.
        :param runtime: what it shares with other workers of a process, as ``other.runtime``; None:
            it has a process of its own.
        :raise ConfigError: an option is wrong or unknown.
        """
        named = name or worker_class.__name__.lower()
        return self.soon(self._get_worker(worker_class, named, config, start, runtime))

    def cleanup_worker(self, worker: Worker, deadline: float = 0) -> Soon[None]:
        """Stop a worker before the test ends.

        :param deadline: seconds for what it has in hand.
        """
        return self.soon(self._cleanup_worker(worker, deadline))

    def cleanup(self) -> Soon[None]:
        """Stop everything. Errors of workers are no matter here; see :meth:`check`."""
        cleaning = self.soon(self._cleanup(), what=lambda: "the end of all workers")
        self.place.time.hurry(cleaning)
        return cleaning

    async def _get_worker(
        self,
        worker_class: type[W],
        name: str,
        config: Any,
        start: bool,
        runtime: Runtime | None,
    ) -> W:
        options = self._options(worker_class, config)
        worker = worker_class(name, options, runtime or await self.place.runtime())
        self._workers.append(worker)
        self.place.workers.append(worker)
        if start:
            await worker.start_worker()
            await self.place.time.elapse(0)
        return worker

    def _options(self, worker_class: type[Worker], config: Any) -> Section:
        given = parse_document(config, "config").data if isinstance(config, str) else config or {}
        besides = ("middleware", "worker_name", *listed_names(given.get("middleware")))
        problems = Problems()
        problems.add(*worker_class.CONFIG_CLASS.unknown_keys(given, besides))
        problems.raise_any()
        known = {field.name for field in worker_class.CONFIG_CLASS.fields()}
        defaults = {"transport_name": self.connector_name} if "transport_name" in known else {}
        retry = given.get("retry") or {}
        if isinstance(retry, Mapping):
            given = merged(given, {"retry": {"jitter": 0, **retry}})
        return merged(Section(defaults), given)

    async def _cleanup_worker(self, worker: Worker, deadline: float) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
        try:
            await worker.stop_worker(deadline)
        finally:
            if worker in self.place.workers:
                self.place.workers.remove(worker)

    async def _cleanup(self) -> None:
        errors = []
        while self._workers:
            try:
                await self._cleanup_worker(self._workers[-1], 0)
            except Exception as error:  # noqa: BLE001 - the others are stopped too
                errors.append(error)
        await self.place.leave(self)
        if errors:
            raise errors[0]

    # Time --------------------------------------------------------------------------------------

    def advance(self, seconds: float = 0) -> Soon[None]:
        """Let time pass, and everything happen that happens until then."""
        return self.soon(self.place.time.elapse(seconds))

    #: Vumi's name for letting everything happen that can.
    kick_delivery = advance

    def until(self, claim: Callable[[], Any], what: str = "what is claimed") -> Soon[None]:
        """Wait until a claim is true.

        :param claim: a function, which may be async.
        :param what: says what is claimed, for when it doesn't become true.
        """
        return self.soon(self.place.time.until(claim, lambda: what), what=lambda: what)

    def now(self, awaitable: Awaitable[T]) -> T:
        """The result of anything that can be awaited and is there on a Clock.

        :raise AssertionError: it is not there, and does not come by turning the clock.
        """
        result: T = self.soon(finished(awaitable)).now()
        return result

    def soon(self, work: Any, **what: Any) -> Soon[Any]:
        """What a coroutine gives: to be awaited, or had at once with ``.now()``."""
        return self.place.soon(work, **what)

    # Messages ----------------------------------------------------------------------------------

    def dispatch(self, kind: str, message: Any, connector_name: str | None = None) -> Soon[Any]:
        """Put a message on a connector's queue, past the middleware of whoever would send it.

        :param kind: ``inbound``, ``outbound``, ``event``, ``status`` or ``failure``.
        :return: the message.
        """
        name = connector_name or self.connector_name
        return self.soon(self.place.traffic.dispatch(name, kind, message))

    def dispatch_raw(self, queue: str, message: Any, partition: int = 0) -> Soon[None]:
        """Put a message, or bytes as they are, on a queue named in full, as ``sms.inbound``."""
        return self.soon(self.place.traffic.dispatch_raw(queue, message, partition))

    def get_dispatched(self, kind: str, connector_name: str | None = None) -> Found[Any]:
        """The messages that have come to a connector's queue, in order, as they lay on the wire.

        A queue that a worker of this place reads is only watched. Of any other, what waits is taken
        out. On a real server this must be awaited.

        :param kind: as of :meth:`dispatch`; or a queue named in full, as ``web.outbound@one``.
        """
        return self.place.traffic.dispatched(self._queue(kind, connector_name))

    def wait_for_dispatched(
        self, kind: str, amount: int = 1, connector_name: str | None = None
    ) -> Soon[list[Any]]:
        """The same, when there are so many.

        On a Clock, awaiting this (or ``.now()``) lets pass the time that it takes, up to a minute.
        """
        queue, traffic = self._queue(kind, connector_name), self.place.traffic
        return self.soon(traffic.awaited(queue, amount), what=lambda: traffic.told(queue, amount))

    def clear_dispatched(self, kind: str, connector_name: str | None = None) -> Soon[None]:
        """Forget the messages that have come to a connector's queue."""
        return self.soon(self.place.traffic.clear(self._queue(kind, connector_name)))

    def clear_all_dispatched(self) -> Soon[None]:
        """Forget those of every queue that was looked at."""
        return self.soon(self.place.traffic.clear_all())

    def depth(self, queue: str) -> Soon[Depth]:
        """How many messages wait in a queue, are in hand, delayed, and dead."""
        return self.soon(self.place.traffic.depth(queue))

    def store(self, partition: int = 0) -> Store:
        """The store, as another process sees it; changes need ``await store.commit()``."""
        return self.place.traffic.store(partition)

    def _queue(self, kind: str, connector_name: str | None) -> str:
        return kind if "." in kind else queue_of(connector_name or self.connector_name, kind)

    # Errors ------------------------------------------------------------------------------------

    def dead(self, queue: str) -> Found[Letter]:
        """The dead letters of a queue, oldest first, as :class:`pipeline.observe.letters.Letter`.

        On a real server this must be awaited.
        """
        return self.place.traffic.dead(self._queue(queue, None))

    @property
    def errors(self) -> list[BaseException]:
        """What handlers and middleware have raised and nobody has flushed, in order."""
        return [each.error for each in self.place.mishaps.raised]

    def flush_errors(self, *types: type[BaseException]) -> list[BaseException]:
        """Forget errors that were expected, those that were logged included.

        :param types: their classes; none for all.
        :return: those that handlers and middleware raised, in order.
        """
        return self.place.mishaps.flush(*types)

    def check(self) -> None:
        """Say whether workers had errors that were not flushed.

        :raise AssertionError: they had; the text has their tracebacks.
        """
        self.place.mishaps.complain()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: Any, traceback: TracebackType | None
    ) -> None:
        self.cleanup().now()
        if kind is None:
            self.check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: Any, traceback: TracebackType | None
    ) -> None:
        await self.cleanup()
        if kind is None:
            self.check()
