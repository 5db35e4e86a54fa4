"""What all applications have in common: they hold conversations with users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from pipeline.config.base import Config
from pipeline.config.fields import ConfigDict, ConfigText
from pipeline.config.positions import key_position, position
from pipeline.config.problems import Problems, described, suggestion
from pipeline.connector import Connector
from pipeline.delivery import Delivery
from pipeline.eager import finished
from pipeline.errors import ConfigError, InvalidEndpoint
from pipeline.message import UserMessage
from pipeline.outcome import DeadLetter
from pipeline.tasks.client import Client
from pipeline.tasks.sender import bound
from pipeline.worker import Runtime, Worker, WorkerConfig
from pipeline.worker.waiting import tell_who_waits

__all__ = ["Application", "ApplicationConfig"]


class ConfigFieldSets(ConfigDict):
    """Fields of messages, for each endpoint."""

    kind = "mapping of mappings"

    def clean(self, value: Any) -> dict[str, dict[str, Any]]:
        """:raises ConfigError: not a mapping of mappings."""
        problems = Problems()
        for endpoint, fields in super().clean(value).items():
            if not isinstance(fields, Mapping):
                what = f"{endpoint}: expected a mapping of fields, got {described(fields)}"
                problems.add(ConfigError(what, at=position(value, (endpoint,))))
        problems.raise_any()
        return super().clean(value)


class ApplicationConfig(WorkerConfig):
    """Options of every application."""

    transport_name = ConfigText(
        "The name of its connector: it reads `<name>.inbound` and publishes `<name>.outbound`.",
        required=True,
        static=True,
    )
    send_to = ConfigFieldSets(
        "Fields of messages that answer nothing, for each endpoint:"
        ' `{default: {transport_name: sms, from_addr: "8000"}}`.',
        default={},
        static=True,
    )


class Application(Worker):
    """Takes messages of users, and answers them.

    The contract is Vumi's (0.6.19, ``vumi.application.base.ApplicationWorker``). Override
    :meth:`consume_user_message` and what else is wanted; each may be a plain function, return a
    Deferred or be ``async def``.

    :ivar connector: what it reads and publishes, after :meth:`setup_connectors`.
    :ivar client: sends the tasks that its handlers call, after :meth:`setup_worker`.
    """

    CONFIG_CLASS: ClassVar[type[Config]] = ApplicationConfig

    #: The endpoints that it reads and may send to; None: any.
    ALLOWED_ENDPOINTS: ClassVar[frozenset[str] | None] = frozenset({"default"})

    connector: Connector
    client: Client

    def __init__(self, name: str, config: Mapping[str, Any] | Config, runtime: Runtime) -> None:
        super().__init__(name, config, runtime)
        self._check_endpoints(self.config.send_to)

    @property
    def transport_name(self) -> str:
        """The name of the connector."""
        return self.config.transport_name  # type: ignore[no-any-return]  # a ConfigText

    # Hooks -------------------------------------------------------------------------------------

    def setup_application(self) -> Any:
        """Get ready. Messages come only afterwards."""

    def teardown_application(self) -> Any:
        """Let go of what :meth:`setup_application` made."""

    def consume_user_message(self, message: Any) -> Any:
        """Handle a message within a session, or of none."""

    def new_session(self, message: Any) -> Any:
        """Handle the first message of a session; as any other by default."""
        return self.consume_user_message(message)

    def close_session(self, message: Any) -> Any:
        """Handle the end of a session; nothing by default."""

    def consume_ack(self, event: Any) -> Any:
        """A message was accepted by the world."""

    def consume_nack(self, event: Any) -> Any:
        """A message was not accepted, or dropped on its way."""

    def consume_delivery_report(self, event: Any) -> Any:
        """A message has come so far."""

    def consume_unknown_event(self, event: Any) -> Any:
        """An event of another type; logged by default."""
        self.log.warn("unknown event: {event}", event=event)

    # Life --------------------------------------------------------------------------------------

    def setup_connectors(self) -> Any:
        """Make the connector, with handlers for the endpoints that are allowed."""
        self._by_session = {"new": self.new_session, "close": self.close_session}
        self._by_event = {
            "ack": self.consume_ack,
            "nack": self.consume_nack,
            "delivery_report": self.consume_delivery_report,
        }
        self.connector = self.setup_ri_connector(self.transport_name)
        self._handle("inbound", self.dispatch_user_message)
        self._handle("event", self.dispatch_event)

    async def setup_worker(self) -> None:
        self.client = Client(self, self._stack)
        await finished(self.setup_application())

    async def teardown_worker(self) -> None:
        await finished(self.teardown_application())
        if hasattr(self, "client"):
            await self.client.stop()

    def dispatch_user_message(self, message: Any) -> Any:
        """Choose the handler by ``session_event``. Tasks that it sends are this worker's calls."""
        bound.set(self.client)
        handler = self._by_session.get(message.session_event, self.consume_user_message)
        return handler(message)

    def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> Any:
        """Tell who waits for an answer that there will be none."""
        return tell_who_waits(self.connector, message, error or outcome.reason, delivery)

    def dispatch_event(self, event: Any) -> Any:
        """Choose the handler by ``event_type``."""
        bound.set(self.client)
        return self._by_event.get(event.event_type, self.consume_unknown_event)(event)

    def _handle(self, kind: str, handler: Any) -> None:
        for endpoint in self.ALLOWED_ENDPOINTS or ():
            self.connector.add_handler(kind, handler, endpoint)
        if self.ALLOWED_ENDPOINTS is None:
            self.connector.set_default_handler(kind, handler)

    # Publishing --------------------------------------------------------------------------------

    def reply_to(
        self,
        original: Any,
        content: str | None,
        continue_session: bool = True,
        *,
        immediately: bool = False,
        **fields: Any,
    ) -> Deferred[Any]:
        """Answer a message, on the endpoint that it came from.

        :param content: the text.
        :param continue_session: False closes the session.
        :param immediately: send it at once, as while a long handler runs. When the handler runs
            again, so does this.
        :param fields: as of :meth:`pipeline.message.UserMessage.reply`.
        :return: a Deferred of the answer; it goes out when the original is settled.
        """
        answer = original.reply(content, continue_session, **fields)
        return self._answer(original, answer, immediately)

    def reply_to_group(
        self,
        original: Any,
        content: str | None,
        continue_session: bool = True,
        *,
        immediately: bool = False,
        **fields: Any,
    ) -> Deferred[Any]:
        """Answer a message in the group that it came from; as :meth:`reply_to`."""
        answer = original.reply_group(content, continue_session, **fields)
        return self._answer(original, answer, immediately)

    def send_to(
        self,
        to_addr: str | None,
        content: str | None,
        endpoint: str | None = None,
        *,
        immediately: bool = False,
        **fields: Any,
    ) -> Deferred[Any]:
        """Send a message that answers nothing.

        Its fields are those of the option ``send_to`` for the endpoint, and ``fields``.

        :param endpoint: None: ``default``.
        :param immediately: as of :meth:`reply_to`.
        :return: a Deferred of the message; it goes out when the message in hand is settled, or at
            once if there is none.
        :raise InvalidEndpoint: the endpoint is not in :attr:`ALLOWED_ENDPOINTS`.
        """
        name = endpoint or UserMessage.DEFAULT_ENDPOINT_NAME
        if self.ALLOWED_ENDPOINTS is not None and name not in self.ALLOWED_ENDPOINTS:
            raise InvalidEndpoint(f"application {self.name!r} has no endpoint {name!r}")
        options = {**self.config.send_to.get(name, {}), **fields}
        message = UserMessage.send(to_addr, content, **options)
        return self.connector.publish("outbound", message, name, immediately=immediately)

    def _answer(self, original: Any, answer: Any, immediately: bool) -> Deferred[Any]:
        return self.connector.publish(
            "outbound",
            answer,
            original.get_routing_endpoint(),
            delivery=original._delivery,
            immediately=immediately,
        )

    def _check_endpoints(self, send_to: Mapping[str, Any]) -> None:
        allowed = self.ALLOWED_ENDPOINTS
        if allowed is None:
            return
        problems = Problems()
        for endpoint in send_to:
            if endpoint not in allowed:
                what = f"send_to: {type(self).__name__} has no endpoint {endpoint!r}"
                at = key_position(self._given.get("send_to"), endpoint)
                problems.add(ConfigError(what, at=at, hint=suggestion(endpoint, allowed)))
        problems.raise_any()
