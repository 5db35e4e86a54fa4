"""What all dispatchers have in common: they stand between connectors, and choose the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from pipeline.config.base import Config
from pipeline.config.fields import ConfigChoice
from pipeline.config.positions import key_position, position
from pipeline.config.problems import Problems, suggestion
from pipeline.config.quantities import ConfigDuration
from pipeline.connector.publishing import queue_of
from pipeline.delivery import Delivery, delivery_of
from pipeline.dispatchers.fields import ConfigNames, Mention
from pipeline.dispatchers.memory import RoutingMemory, Target
from pipeline.eager import finished
from pipeline.errors import ConfigError, PipelineError, Unroutable
from pipeline.message import ResultMessage
from pipeline.outcome import DeadLetter, Dropped
from pipeline.worker import Worker, WorkerConfig
from pipeline.worker.waiting import tell_who_waits

__all__ = ["Dispatcher", "DispatcherConfig", "Target"]

#: The two sides of a dispatcher, by the options that name their connectors.
TRANSPORTS, APPLICATIONS = "receive_inbound_connectors", "receive_outbound_connectors"

#: In ``routing_metadata``: of each dispatcher that a message has passed, by its name, the connector
#: and the endpoint that it came from there.
CAME_FROM = "came_from"


class DispatcherConfig(WorkerConfig):
    """Options of every dispatcher."""

    receive_inbound_connectors = ConfigNames(
        "The connectors on the side of the transports: their inbound messages and events are read,"
        " and outbound messages go to them. (Vumi's `transport_names`.)",
        required=True,
        static=True,
    )
    receive_outbound_connectors = ConfigNames(
        "The connectors on the side of the applications: their outbound messages are read, and"
        " inbound messages and events go to them. (Vumi's `exposed_names`.)",
        default=[],
        static=True,
    )
    expire_routing_memory = ConfigDuration(
        "How long it is remembered which connector an outbound message came from, so that late"
        " events about it, as delivery reports, go back there; 0: not at all.",
        default="7d",
        static=True,
    )
    unroutable = ConfigChoice(
        "What becomes of a message that has no way: drop (with a warning; an outbound one makes a"
        " nack) or dead_letter.",
        default="drop",
        static=True,
        values=("drop", "dead_letter"),
    )

    def mentions(self) -> Iterable[Mention]:
        """The connectors that the routes name: override where there are routes."""
        return ()

    def post_validate(self) -> None:
        """:raises ConfigError: a route names a connector that isn't there, or one is on both
        sides."""
        super().post_validate()
        problems = Problems()
        for index, name in enumerate(self.receive_outbound_connectors):
            if name in self.receive_inbound_connectors:
                what = f"{APPLICATIONS}: {name!r} is in {TRANSPORTS} too"
                problems.add(ConfigError(what, at=self.at(APPLICATIONS, index)))
        for mention in self.mentions():
            known = getattr(self, mention.side)
            if mention.name not in known:
                what = f"{mention.option}: {mention.name!r} is not in {mention.side}"
                hint = suggestion(mention.name, known)
                problems.add(ConfigError(what, at=mention.at, hint=hint))
        problems.raise_any()

    def at(self, *path: str | int) -> str | None:
        """Where an option, or a value in it, is written."""
        return position(self._data, path)

    def keys_of(self, option: str, side: str) -> Iterable[Mention]:
        """Mention the keys of a mapping."""
        for key in getattr(self, option):
            yield Mention(key, side, option, key_position(self._data.get(option), key))

    def values_of(self, option: str, side: str) -> Iterable[Mention]:
        """Mention the values of a mapping, each a name or a list of names."""
        for key, names in getattr(self, option).items():
            several = not isinstance(names, str)
            for index, name in enumerate(names if several else [names]):
                path = (option, key, index) if several else (option, key)
                yield Mention(name, side, f"{option}: {key}", self.at(*path))

    def check_complete(self, option: str, names: Iterable[str]) -> None:
        """Refuse a mapping that lacks one of the connectors that are read.

        :raises ConfigError: by :meth:`raise_config_error`.
        """
        for name in names:
            if name not in getattr(self, option):
                self.raise_config_error(
                    f"{option}: there is no way for what comes from {name!r}, which is read", option
                )

    def check_single(self) -> None:
        """Refuse anything but one connector on the side of the applications.

        :raises ConfigError: by :meth:`raise_config_error`.
        """
        count = len(self.receive_outbound_connectors)
        if count != 1:
            self.raise_config_error(
                f"{APPLICATIONS}: expected one connector, got {count}", APPLICATIONS
            )


class Dispatcher(Worker):
    """Carries messages between connectors, and chooses the way of each.

    A router derives from this and overrides :meth:`route_inbound`, :meth:`route_outbound` and
    perhaps :meth:`route_event`. Each is given the message and the name of the connector that it
    came from, and returns a list of :class:`Target`; it may be a plain function, return a Deferred
    or be ``async def``. Routers decide; what they decide is staged here, with what they write to
    the store, and settled with the message: all of it or nothing.

    A message that goes to several targets is copied; all have its id, since replies and events name
    it. A message without a target is dropped with a warning. An outbound one makes a nack then, and
    who waits for the answer to an inbound one is told that there will be none. With ``unroutable:
    dead_letter`` it becomes a dead letter instead.

    **Events** go back to where the message that they are about came from. It is written in that
    message's ``routing_metadata``, which acks and nacks that are published with the message in hand
    have too; and for later ones in a memory in the store. Only an event that neither tells of is
    given to :meth:`route_event`. (In Vumi one router has a memory, some give events to all
    applications, and some lose them.) With one connector on the side of the applications there is
    nothing to remember.

    Middleware sees every message twice: as it is read, with the name of the connector that it comes
    from, and as it goes on, with the name of the one that it goes to. Dispatchers carry no failures
    and no statuses.

    In Vumi (0.6.19) a ``BaseDispatchWorker`` has a ``router_class``; here the router is the worker,
    as in ``vumi.dispatchers.endpoint_dispatchers``, which also gives the names of the options.
    ``process_inbound(config, message, connector_name)`` is :meth:`route_inbound`, and what it
    published, it returns.

    :ivar renames: whether a message is given the name of the connector that it goes to as its
        ``transport_name``.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = DispatcherConfig

    #: The kind as which an inbound message goes on.
    INBOUND_BECOMES: ClassVar[str] = "inbound"

    renames: bool = False

    # Hooks -------------------------------------------------------------------------------------

    def setup_dispatcher(self) -> Any:
        """Get ready. Messages come only afterwards."""

    def teardown_dispatcher(self) -> Any:
        """Let go of what :meth:`setup_dispatcher` made."""

    def route_inbound(self, message: Any, connector_name: str) -> Any:
        """The targets of a message from a transport."""
        raise NotImplementedError(f"{type(self).__name__} has no route_inbound")

    def route_outbound(self, message: Any, connector_name: str) -> Any:
        """The targets of a message from an application."""
        raise NotImplementedError(f"{type(self).__name__} has no route_outbound")

    def route_event(self, message: Any, connector_name: str) -> Any:
        """The targets of an event about a message that nobody remembers.

        By default the connector on the side of the applications, if there is one alone.
        """
        names = self.config.receive_outbound_connectors
        return [Target(names[0])] if len(names) == 1 else []

    @property
    def remembers(self) -> bool:
        """Whether an event could go back to more than one place; asked once."""
        return len(self.config.receive_outbound_connectors) > 1

    # Life --------------------------------------------------------------------------------------

    def validate_config(self) -> Any:
        """:raises ConfigError: this class routes nothing."""
        if type(self).route_inbound is Dispatcher.route_inbound:
            raise ConfigError(
                f"{type(self).__name__} routes nothing by itself",
                at=position(self._given),
                hint="name a router, as class: pipeline.dispatchers.RoutingTableDispatcher",
            )

    def setup_connectors(self) -> Any:
        """Make the connectors of both sides; messages for any endpoint are routed."""
        self._remembers = self.remembers
        seconds = self.config.expire_routing_memory if self._remembers else 0
        self._memory = RoutingMemory(self.name, seconds, self.broker) if seconds else None
        for name in self.config.receive_inbound_connectors:
            connector = self.setup_ri_connector(name)
            connector.set_default_handler("inbound", self._handler(self._inbound, name))
            connector.set_default_handler("event", self._handler(self._event, name))
        for name in self.config.receive_outbound_connectors:
            connector = self.setup_connector(name, ("outbound",), ("inbound", "event"))
            connector.set_default_handler("outbound", self._handler(self._outbound, name))

    async def setup_worker(self) -> None:
        await finished(self.setup_dispatcher())

    async def teardown_worker(self) -> None:
        await finished(self.teardown_dispatcher())

    async def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> None:
        """Tell who waits for an answer that there will be none."""
        for name in self.config.receive_inbound_connectors:
            if delivery.queue == queue_of(name, "inbound"):
                told = error or outcome.reason
                await tell_who_waits(self.connectors[name], message, told, delivery)

    # Messages ----------------------------------------------------------------------------------

    def _handler(self, way: Callable[[Any, str], Any], name: str) -> Callable[[Any], Any]:
        def handle(message: Any) -> Any:
            return way(message, name)

        # What dead letters and logs show.
        handle.__qualname__ = f"{type(self).__name__}.{way.__name__.removeprefix('_')}"
        return handle

    async def _inbound(self, message: Any, name: str) -> Dropped | None:
        targets = await finished(self.route_inbound(message, name))
        if not targets:
            return await self._unroutable("inbound", message, name)
        await self._send(self.INBOUND_BECOMES, message, targets)
        return None

    async def _outbound(self, message: Any, name: str) -> Dropped | None:
        source = Target(name, message.get_routing_endpoint())
        targets = await finished(self.route_outbound(message, name))
        if not targets:
            return await self._unroutable("outbound", message, name)
        # Nobody tells how it went with a result.
        if self._remembers and not isinstance(message, ResultMessage):
            self._remember(message, source)
        await self._send("outbound", message, targets)
        return None

    async def _event(self, event: Any, name: str) -> Dropped | None:
        targets = await self._remembered(event) or await finished(self.route_event(event, name))
        if not targets:
            return await self._unroutable("event", event, name)
        await self._send("event", event, targets)
        return None

    def _remember(self, message: Any, source: Target) -> None:
        message.routing_metadata.setdefault(CAME_FROM, {})[self.name] = list(source)
        delivery = delivery_of(message)
        if self._memory is not None and delivery is not None:
            self._memory.remember(delivery, message.message_id, source)

    async def _remembered(self, event: Any) -> list[Target]:
        source = told_in(event, self.name)
        delivery = delivery_of(event)
        if source is None and self._memory is not None and delivery is not None:
            source = await self._memory.recall(delivery, event.user_message_id)
        # A connector may have gone from the configuration meanwhile.
        known = source is not None and source.connector in self.config.receive_outbound_connectors
        return [source] if source is not None and known else []

    async def _send(self, kind: str, message: Any, targets: Sequence[Target]) -> None:
        delivery = delivery_of(message)
        *others, last = targets
        for target in others:
            await self._publish(kind, message.copy(), target, delivery)
        await self._publish(kind, message, last, delivery)

    def _publish(self, kind: str, message: Any, target: Target, delivery: Any) -> Any:
        if self.renames:
            rename(message, target.connector)
        connector = self.connectors.get(target.connector)
        if connector is None:
            raise PipelineError(f"{type(self).__name__} has no connector {target.connector!r}")
        return connector.publish(kind, message, target.endpoint, delivery=delivery)

    async def _unroutable(self, kind: str, message: Any, name: str) -> Dropped:
        endpoint = message.get_routing_endpoint()
        reason = f"no route for {kind} messages like this from {name!r}, endpoint {endpoint!r}"
        self.log.warn("{reason}: {message}", reason=reason, message=message)
        if self.config.unroutable == "dead_letter":
            raise Unroutable(reason)
        delivery = delivery_of(message)
        if kind == "inbound" and delivery is not None:
            await tell_who_waits(self.connectors[name], message, reason, delivery)
        return Dropped(reason)


def told_in(event: Any, dispatcher: str) -> Target | None:
    """Where the message of an event came from, if the event has it."""
    told = event.routing_metadata.get(CAME_FROM, {}).get(dispatcher)
    return Target(*told) if told else None


def rename(message: Any, transport_name: str) -> None:
    """Give a message another transport's name; whose process waits for an answer it keeps."""
    metadata = message.transport_metadata
    if "reply_instance" in metadata:
        metadata.setdefault("reply_connector", message.transport_name)
    message.transport_name = transport_name
