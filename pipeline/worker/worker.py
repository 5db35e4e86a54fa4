"""A worker: middleware, connectors and code of yours, started and stopped together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, DeferredList, gatherResults, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pipeline.config.base import Config
from pipeline.connector import Connector
from pipeline.delivery import Delivery
from pipeline.eager import finished
from pipeline.errors import DuplicateConnectorError
from pipeline.interfaces import IWorker
from pipeline.middleware.lifetime import tear_down
from pipeline.middleware.load import LoadedMiddlewares, setup_middlewares_from_config
from pipeline.middleware.measured import stack_for
from pipeline.middleware.stack import MiddlewareStack
from pipeline.outcome import DeadLetter, Done, Dropped, Outcome, Retry
from pipeline.signals import (
    middleware_prepared,
    worker_started,
    worker_starting,
    worker_stopped,
    worker_stopping,
)
from pipeline.store import Store
from pipeline.worker.options import WorkerConfig, policy_of
from pipeline.worker.runtime import Runtime

__all__ = ["Worker"]

#: The field with the user's address, by kind.
_USERS = {"inbound": "from_addr", "outbound": "to_addr"}


@implementer(IWorker)
class Worker:
    """Has connectors and middleware; derive from Transport, Application or this.

    The life cycle and the names are Vumi's (0.6.19, ``vumi.worker.BaseWorker``). Override the
    hooks :meth:`validate_config`, :meth:`setup_connectors`, :meth:`setup_worker`,
    :meth:`teardown_worker`, :meth:`get_config`; each may be a plain function, return a Deferred or
    be ``async def``.

    :param name: its name in the configuration.
    :param config: its options, its ``middleware`` list and their sections; or a Config, which
        then has no middleware.
    :param runtime: what it shares with other workers.
    :raise ConfigError: an option is wrong.
    :ivar middlewares: what the ``middleware`` list made, after :meth:`setup_middleware`.
    """

    #: The class of its options.
    CONFIG_CLASS: ClassVar[type[Config]] = WorkerConfig

    #: Whether middleware of requests is made for it.
    answers_requests: ClassVar[bool] = False

    def __init__(self, name: str, config: Mapping[str, Any] | Config, runtime: Runtime) -> None:
        self.name = name
        self._given: Mapping[str, Any] = {} if isinstance(config, Config) else config
        self.config = self._options(config)
        self.runtime = runtime
        self.broker = runtime.broker
        self.codec = runtime.codec
        self.clock: Any = runtime.clock
        self.meter = runtime.meter
        self.tracing = runtime.tracing
        self.retry_policy = policy_of(self.config.retry)
        self.queue_policies = {
            queue: replace(self.retry_policy, **given)
            for queue, given in self.config.retry_queues.items()
        }
        self.middlewares = LoadedMiddlewares()
        self.connectors: dict[str, Connector] = {}
        self.log = Logger(f"pipeline.worker.{name}")
        self._stack = MiddlewareStack()
        #: Middlewares of other families that were set up, the last first.
        self._others: tuple[Any, ...] = ()
        self._is_set_up = False

    def _options(self, config: Mapping[str, Any] | Config) -> Any:
        return config if isinstance(config, Config) else self.CONFIG_CLASS(config)

    @property
    def is_single(self) -> bool:
        """Whether a supervisor may run it in one of its processes only."""
        return False

    @property
    def keep_task_states(self) -> float:
        """As of its :class:`Runtime`."""
        return self.runtime.keep_task_states

    @property
    def dry_run(self) -> bool:
        """As of its :class:`Runtime`: nothing may reach outside of this process."""
        return self.runtime.dry_run

    @property
    def stack(self) -> MiddlewareStack:
        """What messages pass, after :meth:`setup_middleware`."""
        return self._stack

    # Hooks -------------------------------------------------------------------------------------

    def validate_config(self) -> Any:
        """Check what :meth:`Config.post_validate` can't.

        :raise ConfigError: an option is wrong.
        """

    def setup_connectors(self) -> Any:
        """Call ``setup_ri_connector`` and its like, add handlers; middleware is set up."""

    def setup_worker(self) -> Any:
        """Get ready. Connectors are there but don't read yet."""

    def teardown_worker(self) -> Any:
        """Let go of what :meth:`setup_worker` made. Connectors have stopped reading; publishing
        still works. Also called when :meth:`setup_worker` has failed."""

    def get_config(self, message: Any = None) -> Any:
        """A Deferred of the options for a message: override for options of its sender.

        Handlers and middleware (as ``self.worker.get_config(message)``) ask it where an option may
        differ. An override may be ``async def``, and gives
        ``self.config.with_options({"greeting": "hi"})``, which keeps the other options. What is
        needed when no message is there belongs to :meth:`get_static_config`.
        """
        return succeed(self.config)

    def ordering_key(self, message: Any, kind: str) -> Hashable:
        """What the messages have in common that belong in order, and in one partition.

        By default the user's address: ``from_addr`` of an inbound message, ``to_addr`` of an
        outbound one. None: there is no order.

        :param kind: as ``inbound``.
        """
        return getattr(message, _USERS.get(kind, ""), None) or None

    def decide(self, error: BaseException, delivery: Delivery) -> Outcome:
        """What becomes of a message whose handling raised ``error``.

        RetryLater goes first, then the ``retry_policy`` of the exception's class, then the queue's
        (option ``retry_queues``), then this worker's. (A task's own goes before all but the first.)
        """
        policy = self.queue_policies.get(delivery.queue, self.retry_policy)
        outcome: Outcome = policy.decide(error, delivery.attempt)
        return outcome

    def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> Any:
        """A message becomes a dead letter: tell who waits for it.

        What is published here is settled together with the dead letter. An error here is logged.

        :return: None; or :class:`~pipeline.outcome.Done` if there shall be no dead letter after
            all, or another :class:`~pipeline.outcome.DeadLetter`; or a Deferred or coroutine.
        """

    def on_left_out(self, message: Any, outcome: Done | Dropped, delivery: Delivery) -> Any:
        """A message was dropped, or answered by middleware: it goes no further than it has come.

        What is published here is settled together with the message. An error here is the message's.

        :param outcome: Dropped, with the reason; or Done, if middleware has answered.
        :return: None, a Deferred or a coroutine.
        """

    def on_retry(self, message: Any, outcome: Retry, delivery: Delivery) -> None:
        """A message will be tried again: stage what is to be known of that.

        With an ``ordering`` it may stay in hand until then, and what is staged is forgotten.
        """

    def postponed(self) -> Deferred[Any] | None:
        """What a stop waits for beyond its deadline, unless it is in a hurry; None: nothing."""
        return None

    # Life --------------------------------------------------------------------------------------

    def start_worker(self) -> Deferred[None]:
        """Start everything, then read. What was started is stopped again if a part fails."""
        return Deferred.fromCoroutine(self._start())

    def stop_worker(self, deadline: float | None = None) -> Deferred[None]:
        """Stop reading, finish what is in hand, hand the rest back, tear everything down.

        :param deadline: seconds for what is in hand; None: the option ``stop_timeout``.
        """
        seconds = self.config.stop_timeout if deadline is None else deadline
        return Deferred.fromCoroutine(self._stop(seconds))

    def hurry(self) -> None:
        """Let the time to finish be over: hand back at once what is in hand, and read no more."""
        for connector in self.connectors.values():
            connector.hurry()

    async def _start(self) -> None:
        worker_starting.send_robust(self)
        try:
            await finished(self.validate_config())
            await self.setup_middleware()
            await finished(self.setup_connectors())
            self._is_set_up = True
            await finished(self.setup_worker())
            for connector in self.connectors.values():
                await connector.start()
        except BaseException:
            # The first error is the one to be raised.
            stopping = Deferred.fromCoroutine(self._tear_down(0))
            await stopping.addErrback(self._not_torn_down)
            raise
        self.unpause_connectors()
        worker_started.send_robust(self)

    async def _stop(self, deadline: float) -> None:
        worker_stopping.send_robust(self)
        await self._tear_down(deadline)
        worker_stopped.send_robust(self)

    async def _tear_down(self, deadline: float) -> None:
        """Every part once, whatever the others do; the last error is raised."""
        try:
            await self._stop_connectors(deadline)
        finally:
            try:
                if self._is_set_up:
                    self._is_set_up = False
                    await finished(self.teardown_worker())
            finally:
                stack, self._stack = self._stack, MiddlewareStack()
                others, self._others = self._others, ()
                await tear_down([*stack.publish_middlewares, *others])

    def _not_torn_down(self, failure: Failure) -> None:
        self.log.failure("could not be torn down", failure)

    async def _stop_connectors(self, deadline: float) -> None:
        stopping = [
            Deferred.fromCoroutine(connector.stop(deadline))
            for connector in self.connectors.values()
        ]
        for succeeded, result in await DeferredList(stopping, consumeErrors=True):
            if not succeeded:
                self.log.failure("a connector could not be stopped", result)

    # Parts -------------------------------------------------------------------------------------

    async def setup_middleware(self) -> None:
        """Make the middlewares and set them up, one after another."""
        self.use_middlewares(await setup_middlewares_from_config(self, self._given))
        middleware_prepared.send_robust(self, middlewares=self.middlewares)

    def use_middlewares(self, middlewares: LoadedMiddlewares) -> None:
        """Have messages pass these, which are set up."""
        self.middlewares = middlewares
        self._stack = stack_for(self.meter, self.name, self.middlewares)
        message = set(map(id, self.middlewares))
        self._others = tuple(m for m in reversed(self.middlewares.made) if id(m) not in message)

    def setup_connector(
        self, name: str, consumes: Iterable[str] = (), publishes: Iterable[str] = ()
    ) -> Connector:
        """Make a connector. It is started when all is set up.

        :param consumes: the kinds that it reads.
        :param publishes: the kinds that it publishes.
        :raise DuplicateConnectorError: there is one of this name.
        """
        if name in self.connectors:
            raise DuplicateConnectorError(f"worker {self.name!r} has a connector {name!r} already")
        connector = self.connectors[name] = Connector(
            name,
            self,
            self._stack,
            consumes=tuple(consumes),
            publishes=tuple(publishes),
            max_in_flight=self.config.max_in_flight,
            ordering=self.config.ordering,
            max_deaths=self.config.max_deaths,
        )
        return connector

    def setup_ri_connector(self, name: str) -> Connector:
        """A connector that reads inbound messages and events, as an application's."""
        return self.setup_connector(name, ("inbound", "event"), ("outbound",))

    def setup_ro_connector(self, name: str) -> Connector:
        """A connector that reads outbound messages, as a transport's."""
        return self.setup_connector(name, ("outbound",), ("inbound", "event", "status", "failure"))

    def setup_publish_status_connector(self, name: str) -> Connector:
        """A connector that publishes status messages only."""
        return self.setup_connector(name, (), ("status",))

    def setup_receive_status_connector(self, name: str) -> Connector:
        """A connector that reads status messages only."""
        return self.setup_connector(name, ("status",), ())

    def pause_connectors(self) -> Deferred[Any]:
        """Read nothing more; a Deferred that fires when nothing is in progress."""
        return DeferredList([each.pause() for each in self.connectors.values()])

    def unpause_connectors(self) -> Deferred[bool]:
        """Read; a Deferred as of :meth:`pipeline.connector.Connector.unpause`, for all of them."""
        beginning = [connector.unpause() for connector in self.connectors.values()]
        return gatherResults(beginning).addCallback(all)

    def get_static_config(self) -> Any:
        """The options that are the same for every message."""
        return self.CONFIG_CLASS(self.config._data, static=True)

    def store(self, partition: int = 0) -> Store:
        """A unit of work of its own on the store: what it stages needs ``await store.commit()``."""
        return Store(self.broker.reader(partition))
