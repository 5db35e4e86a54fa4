"""Which request does what."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qs, unquote

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.errors import WorkerShutdown
from pipeline.message import TaskMessage
from pipeline.transports.answers import Answer, HttpError, Page, refusal, unavailable
from pipeline.transports.bodies import (
    arguments_in,
    object_in,
    user_message_in,
)
from pipeline.transports.callers import Caller, Callers
from pipeline.transports.http.exchange import Exchange
from pipeline.transports.http.known_tasks import KnownTasks
from pipeline.transports.http.protocol import Request
from pipeline.transports.http.replies import reply_answer
from pipeline.transports.http.views import Views, is_below
from pipeline.transports.http.webhooks import Webhooks

__all__ = ["Routes"]

#: How many parameters a query may have.
MOST_PARAMETERS = 20

Handler = Callable[[Request, str, Caller], Awaitable[Answer]]


class Wanted(NamedTuple):
    """How a client wants its answer.

    :param seconds: how long its request waits; 0: not at all.
    :param callback: where the reply is sent instead.
    """

    seconds: float
    callback: str | None = None


class Own(NamedTuple):
    """What is done at a path.

    :param method: how it is asked for.
    :param handler: does it.
    :param rest: what the handler is given of the path.
    """

    method: str
    handler: Handler
    rest: str = ""


#: Who asks for what is open to all.
NOBODY = Caller(None, "")


class Routes:
    """Answers every request, whatever it is.

    :param exchange: sends messages and waits for replies.
    :param known: says which tasks there are.
    :param callers: says who sends a request.
    :param webhooks: says which addresses may be called.
    :param name: the transport's name, for its messages.
    :param transport_type: and its type.
    :param wait: seconds that a request waits unless it says otherwise.
    :param max_wait: the most that it may say.
    :param dedup_window: seconds in which a second message with the same id is left out.
    :param open_health: whether anybody may ask for the health.
    :param debug: whether answers show tracebacks.
    :param api: what the paths of these begin with; False: there are none.
    :param views: answers other requests; None: nobody does.
    :param tracing: puts messages into the traces of their requests; None: nobody does.
    """

    log = Logger()

    def __init__(
        self,
        exchange: Exchange,
        known: KnownTasks,
        callers: Callers,
        webhooks: Webhooks,
        *,
        name: str,
        transport_type: str,
        wait: float,
        max_wait: float,
        dedup_window: float,
        open_health: bool,
        debug: bool,
        api: str | Literal[False] = "",
        views: Views | None = None,
        tracing: Any = None,
    ) -> None:
        self._tracing = tracing
        self._api = api
        self._views = views
        self._exchange = exchange
        self._known = known
        self._callers = callers
        self._webhooks = webhooks
        self._name = name
        self._type = transport_type
        self._wait = wait
        self._max_wait = max_wait
        self._dedup_window = dedup_window
        self._open_health = open_health
        self._debug = debug
        self._handling: set[Deferred[None]] = set()

    def handle(self, request: Request) -> None:
        """Answer a request, at once or later."""
        handling = Deferred.fromCoroutine(self._answered(request))
        if handling.called:
            return
        self._handling.add(handling)
        handling.addBoth(lambda _: self._handling.discard(handling))
        # The client has gone: nobody waits any more.
        request.notifyFinish().addErrback(lambda _: handling.cancel())

    def when_idle(self) -> Deferred[Any]:
        """Fires when every request that is being handled now has its answer."""
        return DeferredList([_when_done(each) for each in self._handling], consumeErrors=True)

    def end(self) -> None:
        """Answer those that wait that this server stops."""
        self._exchange.waiting.fail_all(WorkerShutdown())

    async def _answered(self, request: Request) -> None:
        answer: Answer | Page
        if self._tracing is not None:
            self._tracing.join(request.header(b"traceparent"), request.header(b"tracestate"))
        try:
            answer = await self._found(request)
        except HttpError as error:
            answer = error.answer
        except WorkerShutdown:
            answer = unavailable("this server is stopping; it may still be worked on").answer
        except CancelledError:
            return
        except Exception:  # noqa: BLE001  # the last resort: the client gets an answer
            self.log.failure("{method} {uri} failed", method=request.method, uri=request.uri)
            answer = refusal(500, "this went wrong here; the log says more").answer
        request.answer(answer)

    async def _found(self, request: Request) -> Answer | Page:
        path = _decoded(request.path)
        own = self._own(path)
        if own is None and self._views is not None and self._views.takes(path):
            return await self._views.answer(request, path)
        is_open = own is not None and own.handler == self._health and self._open_health
        caller = NOBODY if is_open else await self._callers.of(request)
        if own is None:
            raise self._nothing(path)
        return await self._allowed(request, own.method, own.handler, own.rest, caller)

    def _own(self, path: str) -> Own | None:
        """What is done at a path of ours; None: it is another's."""
        if self._api is False or not is_below(path, self._api):
            return None
        within = path[len(self._api) :]
        if within == "/messages":
            return Own("POST", self._message)
        if within == "/health":
            return Own("GET", self._health)
        if within.startswith("/tasks/") and len(within) > len("/tasks/"):
            return Own("POST", self._task, within[len("/tasks/") :])
        return None

    def _nothing(self, path: str) -> HttpError:
        if self._api is False:
            return refusal(404, f"there is nothing at {path}")
        own = ", ".join(f"{self._api}/{each}" for each in ("messages", "tasks/<name>"))
        return refusal(404, f"there is nothing at {path}; try {own} or {self._api}/health")

    async def _allowed(
        self, request: Request, method: str, handler: Handler, rest: str, caller: Caller
    ) -> Answer:
        allowed = ["GET", "HEAD"] if method == "GET" else [method]
        if request.method.decode("latin-1") not in allowed:
            listed = ", ".join(allowed)
            raise refusal(405, f"only {listed} here", headers=(("Allow", listed),))
        # No preflight asks about a POST without a body: a page of anyone's could call tasks here.
        if method == "POST" and request.header(b"Sec-Fetch-Site") in ("cross-site", "same-site"):
            raise refusal(403, "a browser sends this for a page of another site")
        return await handler(request, rest, caller)

    # What each does ----------------------------------------------------------------------------

    async def _health(self, request: Request, rest: str, caller: Caller) -> Answer:
        waiting = len(self._exchange.waiting)
        try:
            self._exchange.check()
        except HttpError as error:
            problem = error.answer.content["error"]["message"]
            content = {"status": "unavailable", "problem": problem, "waiting": waiting}
            return Answer(503, content, error.answer.headers)
        return Answer(200, {"status": "ok", "problem": None, "waiting": waiting})

    async def _message(self, request: Request, rest: str, caller: Caller) -> Answer:
        wanted = self._wanted(request)
        if not request.has_length:
            raise refusal(411, "send the message as the body, with its Content-Length")
        self._check_type(request, required=True)
        said = object_in(request.take_body())
        message = user_message_in(said, self._name, self._type)
        window = 0.0
        if "message_id" in said:
            window = self._dedup_window
            message.message_id = caller.inside(message.message_id)
        return await self._sent(message, wanted, window, caller)

    async def _task(self, request: Request, name: str, caller: Caller) -> Answer:
        wanted = self._wanted(request)
        self._check_type(request, required=False)
        args, kwargs = arguments_in(request.take_body())
        self._exchange.check()
        await self._known.check(name)
        call = TaskMessage(
            task=name,
            args=args,
            kwargs=kwargs,
            transport_name=self._name,
            transport_type=self._type,
        )
        if wanted.seconds:
            call.reply_to = self._exchange.instance
        return await self._sent(call, wanted, 0, caller)

    async def _sent(self, message: Any, wanted: Wanted, window: float, caller: Caller) -> Answer:
        """Send a message, and answer with its reply, or with its id if nobody waits."""
        if wanted.callback is not None:
            message.transport_metadata["callback"] = wanted.callback
        if caller.user is not None:
            message.transport_metadata["user"] = caller.user
        id = caller.outside(message.message_id)
        try:
            if wanted.seconds:
                reply = await self._exchange.ask(message, wanted.seconds, window, caller.share)
                return reply_answer(reply, id, self._debug)
            await self._exchange.send(message, window)
        except HttpError as error:
            error.answer.content["error"]["id"] = id
            raise
        return Answer(202, {"id": id})

    def _wanted(self, request: Request) -> Wanted:
        """How the client wants its answer."""
        query = _query(request.query)
        seconds, callback = query.get("wait"), query.get("callback")
        if callback is None:
            return Wanted(self._wait if seconds is None else self._seconds(seconds[-1]))
        if seconds is not None and self._seconds(seconds[-1]):
            raise refusal(400, "either wait or callback, not both", field="wait")
        try:
            return Wanted(0, self._webhooks.check(callback[-1]))
        except ValueError as error:
            raise refusal(400, f"callback: {error}", field="callback") from None

    def _seconds(self, given: str) -> float:
        try:
            seconds = float(given)
        except ValueError:
            seconds = math.nan
        if 0 <= seconds <= self._max_wait:
            return seconds
        what = f"wait must be seconds from 0 to {self._max_wait:g}, got {given!r}"
        raise refusal(400, what, field="wait")

    def _check_type(self, request: Request, *, required: bool) -> None:
        if not required and not request.content.getbuffer().nbytes:
            return
        given = request.header(b"Content-Type")
        media_type = given.partition(";")[0].strip().lower()
        if media_type == "application/json" or media_type.endswith("+json"):
            return
        what = f"the body must be application/json, got {given or 'no Content-Type'}"
        raise refusal(415, what, headers=(("Accept", "application/json"),))


def _query(text: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(
            text.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError:
        what = f"the query is not percent-encoded UTF-8, or has over {MOST_PARAMETERS} parameters"
        raise refusal(400, what) from None


def _decoded(text: bytes) -> str:
    try:
        return unquote(text.decode("ascii"), errors="strict")
    except UnicodeDecodeError:
        raise refusal(400, "the path is not percent-encoded UTF-8") from None


def _when_done(handling: Deferred[None]) -> Deferred[None]:
    done: Deferred[None] = Deferred()

    def fire(result: Any) -> Any:
        done.callback(None)
        return None if isinstance(result, Failure) else result

    handling.addBoth(fire)
    return done
