"""The transport that reads and writes foreign places of a Redis."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.client import Client
from pipeline.connector.posting import described
from pipeline.connector.publishing import queue_of
from pipeline.delivery import Delivery
from pipeline.errors import BrokerUnavailable, ConfigError
from pipeline.message import EventMessage, ResultMessage, UserMessage
from pipeline.outcome import DeadLetter
from pipeline.transports.base import Transport
from pipeline.transports.redis.channels import ChannelSource
from pipeline.transports.redis.config import RedisConfig
from pipeline.transports.redis.intake import Intake
from pipeline.transports.redis.inward import Inward
from pipeline.transports.redis.lists import ListSource
from pipeline.transports.redis.sink import Sink
from pipeline.transports.redis.source import Source
from pipeline.transports.redis.streams import StreamSource
from pipeline.transports.redis.trouble import Trouble

__all__ = ["RedisTransport"]

#: Seconds between two looks at how much there is to be read.
MEASURED_EVERY = 5.0


class RedisTransport(Transport):
    """Reads entries of a stream, a list or channels, and writes messages to one of those.

    The other side is anything that speaks to Redis. What is read is acknowledged there when it is
    stored here; what is no message becomes a dead letter of ``<name>.inbound``, as it came.

    What it counts: ``read``, ``published``, ``redelivered`` (read again, by us or after another),
    ``malformed`` and ``oversized`` and other reasons of dead letters, ``dropped`` (by middleware,
    or shed), ``interrupted`` (a channel's connection), ``written``. Gauges: ``connected``,
    ``pending`` (taken and not settled, by all processes), ``lag`` (not taken yet).
    """

    CONFIG_CLASS = RedisConfig

    _source: Source | None = None
    _sink: Sink | None = None

    # Life --------------------------------------------------------------------------------------

    def setup_transport(self) -> None:
        """Make everything, and begin to connect. The other server may be away."""
        self._address = self._find_address()
        self._clients: list[Client] = []
        self._commands = self._client("commands")
        self._measuring = LoopingCall(self._measure)
        self._measuring.clock = self.clock
        self.statistics.gauge("connected", lambda: float(self._commands.connected))
        if self.config.write.place is not None:
            self._sink = Sink(self._commands, self.config.write)
        if self.config.read.place is not None:
            self._source = self._make_source(*self.config.read.place)
            for name in ("pending", "lag"):
                self.statistics.gauge(name, lambda name=name: self._figure(name))  # type: ignore[misc]  # the name is bound

    def start_worker(self) -> Deferred[None]:
        """Start, and read when everything else is ready."""
        return Deferred.fromCoroutine(self._start_and_read())

    def stop_worker(self, deadline: float | None = None) -> Deferred[None]:
        """Read no more, store what was read within the deadline, then stop."""
        seconds = self.config.stop_timeout if deadline is None else deadline
        return Deferred.fromCoroutine(self._finish_and_stop(seconds))

    def hurry(self) -> None:
        """Let the time to finish be over."""
        if self._source is not None:
            self._source.hurry()
        super().hurry()

    async def teardown_transport(self) -> None:
        """Close the connections."""
        for client in self.__dict__.get("_clients", ()):
            await client.stop()

    async def _start_and_read(self) -> None:
        await super().start_worker()
        if self._source is not None:
            self._source.start()
            self._measuring.start(MEASURED_EVERY)

    async def _finish_and_stop(self, deadline: float) -> None:
        end = self.clock.seconds() + deadline
        if self._source is not None:
            if self._measuring.running:
                self._measuring.stop()
            await self._source.stop(deadline)
        await super().stop_worker(max(0.0, end - self.clock.seconds()))

    # Writing -----------------------------------------------------------------------------------

    async def handle_outbound_message(self, message: UserMessage) -> None:
        """Write a message; an ack says that the other server has it."""
        if self._sink is None:
            self.log.warn("{message} goes nowhere: there is no `write`", message=message)
            await self.publish_nack(message.message_id, "this transport has no `write`")
            return
        sent = await self._sink.write(message)
        self.statistics.count("written")
        if not isinstance(message, ResultMessage):
            await self.publish_ack(message.message_id, sent)

    async def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> None:
        """As for every transport, and a nack."""
        await super().on_final_failure(message, error, outcome, delivery)
        if isinstance(message, UserMessage):
            nack = EventMessage(
                event_type="nack",
                user_message_id=message.message_id,
                nack_reason=described(error) or outcome.reason,
            )
            await self.connector.publish("event", nack, delivery=delivery)

    # Parts -------------------------------------------------------------------------------------

    def _find_address(self) -> Address:
        address = self.config.url or getattr(self.broker, "address", None)
        if not isinstance(address, Address):
            raise ConfigError(
                f"worker {self.name!r}: `url` is needed: this system has no Redis of its own"
            )
        return address

    def _client(self, what: str) -> Client:
        name = f"{self.name}-{what}".replace(" ", "-")
        client = Client(self._address, self.clock, name=name)
        client.start().addErrback(lambda why: why.trap(BrokerUnavailable))
        self._clients.append(client)
        return client

    def _make_source(self, kind: str, place: str) -> Source:
        config = self.config
        options = config.read
        trouble = Trouble(f"{kind} {place} at {self._address}", self.clock, self._tell)
        inward = Inward(options, config.transport_name, config.transport_type)
        queue = queue_of(config.transport_name, "inbound")
        intake = Intake(self, inward, queue, self._publish, options.dedup_window)
        count = self.statistics.count
        if kind in ("channel", "pattern"):
            return ChannelSource(
                *(intake, self._commands, trouble, self.clock),
                subscribe=("SUBSCRIBE" if kind == "channel" else "PSUBSCRIBE", place),
                address=self._address,
                batch=options.batch,
                count=count,
            )
        every = options.claim_after / 4
        reader = self._client("reader")
        parts = (intake, self._commands, reader, trouble, self.clock, every, options.batch)
        consumer = f"{self.broker.worker_id}.{self.name}"
        if kind == "list":
            return ListSource(*parts, key=place, consumer=consumer, options=options, count=count)
        group = options.group or f"{self.runtime.namespace}.{config.transport_name}"
        return StreamSource(
            *parts, stream=place, group=group, consumer=consumer, options=options, count=count
        )

    def _publish(self, message: UserMessage) -> Deferred[Any]:
        return self.publish_inbound(message, window=self.config.read.dedup_window)

    def _tell(self, status: str, text: str) -> None:
        told = self.publish_status(
            component="source",
            status=status,
            type="redis_source_trouble" if status == "down" else "redis_source_works",
            message=text,
        )
        told.addErrback(lambda why: self.log.failure("a status could not be published", why))

    def _figure(self, name: str) -> float:
        return 0.0 if self._source is None else self._source.figures.get(name, 0.0)

    def _measure(self) -> Deferred[None] | None:
        if self._source is None or not self._commands.connected:
            return None
        return Deferred.fromCoroutine(self._source.measure())
