"""The transport that speaks HTTP."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeout
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall

from pipeline.delivery import Delivery
from pipeline.message import ResultMessage, TaskMessage, UserMessage
from pipeline.message.ids import random_id
from pipeline.outcome import DeadLetter, Outcome, Retry
from pipeline.requests.wire import HTTP
from pipeline.transports.authentication import Authentication
from pipeline.transports.base import Transport
from pipeline.transports.callers import Caller, Callers
from pipeline.transports.http.config import HttpConfig
from pipeline.transports.http.exchange import Exchange
from pipeline.transports.http.known_tasks import KnownTasks
from pipeline.transports.http.poster import NotTaken
from pipeline.transports.http.proxies import Proxies
from pipeline.transports.http.replies import reply_answer
from pipeline.transports.http.routes import Routes
from pipeline.transports.http.server import Limits, Server
from pipeline.transports.http.views import Views, session_key
from pipeline.transports.http.waiting import WaitingRequests
from pipeline.transports.http.webhooks import Webhooks
from pipeline.transports.listening import Listening, url_of
from pipeline.transports.peers import Admission

__all__ = ["HttpTransport"]

#: Seconds between two looks for requests that come in too slowly.
SLOW_SWEEP = 5.0

#: Seconds that the last answers may take to leave.
LAST_WORDS = 1.0
#: Seconds that the first request of a new connection may still take.
FIRST_WORDS = 1.0


class HttpTransport(Transport):
    """Takes messages and task calls as HTTP requests, and answers with their replies.

    - ``POST /messages``: a user message, as a JSON object of its fields.
    - ``POST /tasks/<name>``: a call of a task: ``{"args": [..], "kwargs": {..}}``, or only an array
      or an object of arguments, or nothing.
    - ``GET /health``: 200 when messages can be taken, else 503.

    With ``requests`` every other request is one for a view: a message whose ``extra`` has it under
    ``http``, for :class:`~pipeline.applications.requests.RequestApplication`, whose reply is the
    response; see :mod:`pipeline.transports.http.views`.

    ``?wait=SECONDS`` says how long to wait for the answer; with 0 the request is answered with 202
    as soon as the message is stored. Errors are ``{"error": {"code", "message", ..}}``. The reply
    to a message is 200; the result of a task is 200, or 500 when it failed; what has no answer in
    time is 504 and goes on. A message with a ``message_id`` of the client's own is taken once
    within ``dedup_window``; the reply goes to the requests that wait for it at that time.

    ``?callback=URL`` leaves an address that the reply is sent to, by whichever process takes it
    from the queue: see :mod:`pipeline.transports.http.webhooks`.

    With ``authentication`` it is known who sends a request: their name is in the message's
    ``transport_metadata``, as ``user``, and the ids that they choose are their own: a message is
    ``ada/order-1`` inside, and ``order-1`` to her.

    Requests are answered by the process that they came to, over a queue of its own. It can't send
    what answers no request: such a message gets a nack. What a browser sends for a page of another
    site is refused, by its ``Sec-Fetch-Site``.

    :ivar port: the open port, after the start.
    """

    CONFIG_CLASS = HttpConfig

    port: IListeningPort | None = None

    def ordering_key(self, message: Any, kind: str) -> Any:
        """As for every worker; calls of tasks are in no order, and requests for views belong
        together that are of one session."""
        if isinstance(message, TaskMessage):
            return None
        if kind == "inbound" and HTTP in message.extra:
            return session_key(message, self.config.session_cookie)
        return super().ordering_key(message, kind)

    def setup_transport(self) -> None:
        """Make everything but the port."""
        config = self.config
        self._listening = Listening.of(config)
        self.waiting = WaitingRequests(self.clock)
        self.exchange = self._make_exchange(config.instance or random_id())
        self.webhooks = Webhooks(config.webhooks, self.clock, self.statistics, config.max_in_flight)
        self.authentication = Authentication(config.authentication, self.clock, self.statistics)
        self.authentication.start()
        self._routes = self._make_routes()
        self._server = Server(
            self._routes.handle,
            self.clock,
            _limits(config),
            Admission(config.max_connections, config.max_connections_per_address, self.statistics),
            self.statistics,
        )
        self._server.is_behind_proxy = self._listening.is_behind_proxy
        self.statistics.gauge("waiting", lambda: len(self.waiting))
        self._slow = LoopingCall(self._server.end_slow)
        self._slow.clock = self.clock
        self.connector.consume_instance("outbound", self.exchange.instance)

    async def teardown_transport(self) -> None:
        """Let go of what outlives a request."""
        if hasattr(self, "authentication"):
            self.authentication.stop()
            await self.webhooks.stop()

    def start_worker(self) -> Deferred[None]:
        """Start, and listen when everything else is ready."""
        return Deferred.fromCoroutine(self._start_and_listen())

    def stop_worker(self, deadline: float | None = None) -> Deferred[None]:
        """Listen no more, let requests have their answers within the deadline, then stop."""
        seconds = self.config.stop_timeout if deadline is None else deadline
        return Deferred.fromCoroutine(self._finish_and_stop(seconds))

    def handle_outbound_message(self, message: UserMessage) -> Any:
        """Answer the request that waits for this, or send it where the client wants it; an ack or a
        nack says how it went."""
        if message.transport_metadata.get("callback"):
            return self._send_webhook(message)
        answered = self.waiting.answer(message.in_reply_to, message)
        if isinstance(message, ResultMessage):
            return None
        if answered:
            return self._acknowledge(message)
        self.log.info("no request waits for {message}", message=message)
        return self.publish_nack(message.message_id, "no request waits for this")

    def decide(self, error: BaseException, delivery: Delivery) -> Outcome:
        """As for every worker; a webhook is not tried again before its Retry-After."""
        outcome = super().decide(error, delivery)
        if isinstance(error, NotTaken) and isinstance(outcome, Retry):
            return Retry(max(outcome.after, error.retry_after), error)
        return outcome

    async def on_final_failure(
        self, message: Any, error: BaseException | None, outcome: DeadLetter, delivery: Delivery
    ) -> None:
        """As for every transport; who sent a reply that was to be a webhook gets a nack."""
        await super().on_final_failure(message, error, outcome, delivery)
        if not isinstance(message, UserMessage) or not message.transport_metadata.get("callback"):
            return
        self.statistics.count("webhooks_given_up")
        if not isinstance(message, ResultMessage):
            await self.publish_nack(message.message_id, str(error or outcome.reason))

    async def _send_webhook(self, reply: UserMessage) -> None:
        metadata = reply.transport_metadata
        user = metadata.get("user")
        id = Caller(user, "").outside(reply.in_reply_to or "")
        answer = reply_answer(reply, id, self.runtime.debug)
        await self.webhooks.send(metadata["callback"], answer, reply.message_id, user)
        if not isinstance(reply, ResultMessage):
            await self._acknowledge(reply)

    def _acknowledge(self, message: UserMessage) -> Deferred[Any]:
        id = message.message_id
        return self.publish_ack(user_message_id=id, sent_message_id=id)

    async def _start_and_listen(self) -> None:
        await super().start_worker()
        try:
            self.port = await self._listening.open(self._server, self.clock)
        except BaseException:
            await super().stop_worker(0)
            raise
        self._slow.start(SLOW_SWEEP, now=False)
        scheme = "https" if self._listening.is_secure else "http"
        self.log.info("listening on {url}", url=url_of(self.port, scheme))
        if not (self._listening.is_secure or self._listening.is_local):
            self._warn_of_plain_text()

    def _warn_of_plain_text(self) -> None:
        if self.authentication.is_required:
            self.log.warn("passwords and tokens can be read on their way: there is no TLS")

    async def _finish_and_stop(self, deadline: float) -> None:
        end = self.clock.seconds() + deadline
        if self.port is not None:
            await maybeDeferred(self.port.stopListening)
            self._slow.stop()
            self.port = None
            self._server.close_idle()
            # Who has just connected has a request on its way, and won't ask anywhere else.
            await self._within(min(deadline, FIRST_WORDS), self._server.when_begun())
            await self._finish(deadline)
        await super().stop_worker(max(0.0, end - self.clock.seconds()))

    async def _finish(self, deadline: float) -> None:
        self.exchange.is_closed = True
        self._server.close_new()
        await self._within(deadline, self._routes.when_idle())
        self._routes.end()
        await self._within(LAST_WORDS, self._server.when_closed())
        self._server.abort_all()

    async def _within(self, seconds: float, waited: Deferred[Any]) -> None:
        try:
            await waited.addTimeout(seconds, self.clock)
        except DeferredTimeout:
            return

    def _make_exchange(self, instance: str) -> Exchange:
        config = self.config
        return Exchange(
            self._publish,
            self.broker,
            self.clock,
            self.waiting,
            instance=instance,
            max_waiting=config.max_waiting,
            max_waiting_each=config.max_waiting_per_client,
            publish_timeout=config.publish_timeout,
        )

    def _make_routes(self) -> Routes:
        config = self.config
        callers = Callers(self.authentication)
        return Routes(
            self.exchange,
            KnownTasks(config.transport_name, self.store, self.clock),
            callers,
            self.webhooks,
            name=config.transport_name,
            transport_type=config.transport_type,
            wait=config.wait,
            max_wait=config.max_wait,
            dedup_window=config.dedup_window,
            open_health=config.open_health,
            debug=self.runtime.debug,
            api=config.api,
            views=None if config.requests is False else self._make_views(callers),
            tracing=self.tracing,
        )

    def _make_views(self, callers: Callers) -> Views:
        config = self.config
        return Views(
            self.exchange,
            None if config.open_requests else callers,
            Proxies(config.trusted_proxies),
            prefix=config.requests,
            scheme="https" if self._listening.is_secure else "http",
            name=config.transport_name,
            transport_type=config.transport_type,
            wait=config.wait,
            debug=self.runtime.debug,
        )

    def _publish(self, message: Any, window: float) -> Deferred[Any]:
        max_depth = self.config.max_depth
        return self.connector.publish("inbound", message, max_depth=max_depth, window=window)


def _limits(config: Any) -> Limits:
    return Limits(
        max_body=config.max_body,
        body_memory=config.max_body_memory,
        max_uri=config.max_uri,
        max_headers=config.max_headers,
        max_head=config.max_head,
        idle_timeout=config.idle_timeout,
        head_timeout=config.head_timeout,
        request_timeout=config.request_timeout,
        read_timeout=config.read_timeout,
    )
