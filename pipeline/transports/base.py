"""What all transports have in common: they face the world, and carry messages to and from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from pipeline.config.base import Config
from pipeline.config.fields import ConfigBool, ConfigChoice, ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.quantities import ConfigDuration
from pipeline.connector import Connector
from pipeline.delivery import Delivery, current
from pipeline.eager import finished
from pipeline.message import EventMessage, FailureMessage, StatusMessage, UserMessage, new_id
from pipeline.message.envelope import unshared
from pipeline.outcome import DeadLetter
from pipeline.transports.statistics import Statistics
from pipeline.worker import Runtime, Worker, WorkerConfig

__all__ = ["Transport", "TransportConfig"]


class TransportConfig(WorkerConfig):
    """Options of every transport."""

    transport_name = ConfigText(
        "The name of its connector: it publishes `<name>.inbound` and reads `<name>.outbound`.",
        required=True,
        static=True,
    )
    publish_status = ConfigBool(
        "Say on `<name>.status` how the transport feels.", default=False, static=True
    )
    publish_failures = ConfigBool(
        "Put what failed for good on `<name>.failures` too. Somebody must read that queue: it has"
        " no bound. Failed messages are among the dead letters in any case.",
        default=False,
        static=True,
    )
    max_depth = ConfigInt(
        "How many messages `<name>.inbound` may hold, in each partition, for more to be published;"
        " 0: any number.",
        default=0,
        minimum=0,
        static=True,
    )
    when_full = ConfigChoice(
        "What becomes of a message when there are so many: wait, fail, or shed (throw it away).",
        default="wait",
        static=True,
        values=("wait", "fail", "shed"),
    )
    full_timeout = ConfigDuration(
        "How long a message waits for room; then it fails.", default=30, static=True
    )


class Transport(Worker):
    """Carries messages between the world and applications.

    The contract is Vumi's (0.6.19, ``vumi.transports.base.Transport``). Override
    :meth:`setup_transport`, :meth:`teardown_transport` and :meth:`handle_outbound_message`; each
    may be a plain function, return a Deferred or be ``async def``.

    An error of :meth:`handle_outbound_message` is retried as the worker's policy says. Only when
    that gives up is there a failure message. (In Vumi there is one at once, and another worker
    retries.)

    :ivar transport_name: the name of its connector.
    :ivar connector: what it reads and publishes, after :meth:`setup_connectors`.
    :ivar statistics: what it counts.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = TransportConfig

    connector: Connector

    def __init__(self, name: str, config: Mapping[str, Any] | Config, runtime: Runtime) -> None:
        super().__init__(name, config, runtime)
        self.statistics = Statistics()

    @property
    def transport_name(self) -> str:
        """The name of the connector, and of the transport in messages."""
        return self.config.transport_name  # type: ignore[no-any-return]  # a ConfigText

    @property
    def is_single(self) -> bool:
        """A queue of its own with a name that is given can't be read by two."""
        return bool(getattr(self.config, "instance", None))

    # Hooks -------------------------------------------------------------------------------------

    def setup_transport(self) -> Any:
        """Get ready: connect, listen. Outbound messages come only afterwards."""

    def teardown_transport(self) -> Any:
        """Let go of what :meth:`setup_transport` made."""

    def handle_outbound_message(self, message: Any) -> Any:
        """Send a message to the world, then publish an ack or a nack.

        :raise TemporaryFailure: it may succeed later.
        :raise PermanentFailure: it never will.
        """
        raise NotImplementedError(f"{type(self).__name__} has no handle_outbound_message")

    # Life --------------------------------------------------------------------------------------

    def setup_connectors(self) -> Any:
        """Make the connector; messages for any endpoint are sent."""
        self.connector = self.setup_ro_connector(self.transport_name)
        self.connector.add_handler("outbound", self.handle_outbound_message)
        self.connector.set_default_handler("outbound", self.handle_outbound_message)

    async def setup_worker(self) -> None:
        await finished(self.setup_transport())

    async def teardown_worker(self) -> None:
        await finished(self.teardown_transport())

    # Publishing --------------------------------------------------------------------------------

    def publish_message(self, *, immediately: bool = False, **fields: Any) -> Deferred[Any]:
        """Publish an inbound message.

        What is published while another message is handled happens when that has settled, and only
        if it was done; so it is for events and statuses too.

        :param immediately: don't wait for that. When the handler runs again, so does this.
        :param fields: of a :class:`~pipeline.message.UserMessage`; ``transport_name`` is this
            transport's if not given.
        :return: a Deferred of the message, when the broker has it.
        """
        fields.setdefault("transport_name", self.transport_name)
        return self.publish_inbound(UserMessage(**fields), immediately=immediately)

    def publish_inbound(
        self, message: Any, *, window: float = 0, immediately: bool = False
    ) -> Deferred[Any]:
        """Publish an inbound message that is made already.

        What becomes of it when the queue is full, the options ``max_depth``, ``when_full`` and
        ``full_timeout`` say.

        :param window: seconds in which a second message with the same id is left out.
        :return: a Deferred of the message, or of None when middleware dropped or answered it, or
            it was shed.
        """
        config = self.config
        return self.connector.publish(
            "inbound",
            message,
            max_depth=config.max_depth,
            when_full=config.when_full,
            full_timeout=config.full_timeout,
            window=window,
            immediately=immediately,
        )

    def publish_event(self, *, immediately: bool = False, **fields: Any) -> Deferred[Any]:
        """Publish an event about an outbound message.

        If that is the message in hand, the event has its ``routing_metadata``: it is for the
        endpoint that the message came from, and dispatchers know the way back.

        :param immediately: as of :meth:`publish_message`.
        :param fields: of an :class:`~pipeline.message.EventMessage`.
        """
        fields.setdefault("transport_name", self.transport_name)
        event = EventMessage(**fields)
        told = _message_in_hand(event.user_message_id)
        if told is not None and not event.routing_metadata:
            event.routing_metadata = unshared(told.routing_metadata)
        return self.connector.publish("event", event, immediately=immediately)

    def publish_ack(
        self, user_message_id: str, sent_message_id: str, **fields: Any
    ) -> Deferred[Any]:
        """Say that the world has accepted a message.

        :param sent_message_id: the id that the world knows it by.
        """
        return self.publish_event(
            event_type="ack",
            user_message_id=user_message_id,
            sent_message_id=sent_message_id,
            **fields,
        )

    def publish_nack(self, user_message_id: str, reason: str, **fields: Any) -> Deferred[Any]:
        """Say that the world has not accepted a message, and why."""
        return self.publish_event(
            event_type="nack", user_message_id=user_message_id, nack_reason=reason, **fields
        )

    def publish_delivery_report(
        self, user_message_id: str, delivery_status: str, **fields: Any
    ) -> Deferred[Any]:
        """Say how far a message has come.

        :param delivery_status: ``pending``, ``failed`` or ``delivered``.
        """
        return self.publish_event(
            event_type="delivery_report",
            user_message_id=user_message_id,
            delivery_status=delivery_status,
            **fields,
        )

    def publish_status(self, *, immediately: bool = False, **fields: Any) -> Deferred[Any]:
        """Say how the transport feels, if the option ``publish_status`` is set.

        :param immediately: as of :meth:`publish_message`; for what must be said also when the
            message in hand fails.
        :param fields: of a :class:`~pipeline.message.StatusMessage`.
        :return: a Deferred of the message, or of None.
        """
        if not self.config.publish_status:
            return succeed(None)
        status = StatusMessage(**fields)
        return self.connector.publish("status", status, immediately=immediately)

    @staticmethod
    def generate_message_id() -> str:
        """A new id for a message, as Vumi's."""
        return new_id()

    # Failures ----------------------------------------------------------------------------------

    async def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> None:
        """Run a failure message through the ``failure`` middleware, and publish it if wanted."""
        failure = FailureMessage(
            message=message.payload,
            failure_code=_code_of(error),
            reason=Failure(error).getTraceback() if error is not None else outcome.reason,
        )
        if self.config.publish_failures:
            await self.connector.publish("failure", failure, delivery=delivery)
        else:
            await self.connector.apply_publish("failure", failure)


def _code_of(error: BaseException | None) -> str | None:
    """The ``failure_code`` that an exception has, if it is one."""
    code = getattr(error, "failure_code", None)
    return str(code) if code in FailureMessage.FAILURE_CODES and code else None


def _message_in_hand(message_id: str) -> Any:
    """The message in hand, if it is the one with this id; else None."""
    delivery = current.get()
    message = None if delivery is None else delivery.message
    return message if getattr(message, "message_id", None) == message_id else None
