"""Records what happens to messages: every handler of every stack, and what becomes of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from types import CoroutineType
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import implementer

from pipeline.delivery import current
from pipeline.eager import eager
from pipeline.errors import Drop, Respond, RetryLater
from pipeline.explain.source import place_in, place_of
from pipeline.explain.trace.differences import differences, plain
from pipeline.explain.trace.happening import Happening, Stored
from pipeline.outcome import DeadLetter, Dropped, Retry
from pipeline.signals import message_published, message_settled

__all__ = ["Recorder", "TooMuch"]

Handler = Callable[..., Any]

#: Lines of the log that one step keeps.
MOST_LOGS = 20
#: Writes to the store that one step keeps.
MOST_STORED = 100


class TooMuch(Exception):
    """More happened than is recorded: messages go round in circles."""


@implementer(ILogObserver)
class Recorder:
    """Watches workers, from before they have connectors.

    :param clock: the workers'.
    :param most: so many things are recorded; then nothing more may happen.
    """

    def __init__(self, clock: IReactorTime, most: int) -> None:
        self.happened: list[Happening] = []
        #: Whether more happened than is recorded.
        self.is_full = False
        #: Whether what happens now is of no interest any more.
        self.is_over = False
        self._clock = clock
        self._most = most
        self._owners: dict[Any, str] = {}
        #: Writes that a step has told of; kept, so that no other gets the id of one.
        self._claimed: dict[int, Any] = {}
        self._running: ContextVar[Happening | None] = ContextVar("pipeline_traced", default=None)

    def open(self) -> None:
        """Listen from now on."""
        message_published.connect(self._published)
        message_settled.connect(self._settled)
        globalLogPublisher.addObserver(self)

    def close(self) -> None:
        """Listen no more."""
        message_published.disconnect(self._published)
        message_settled.disconnect(self._settled)
        globalLogPublisher.removeObserver(self)

    # Watching ----------------------------------------------------------------------------------

    def watch_stack(self, worker: Any) -> None:
        """Record every handler of a worker's stack, from its :meth:`setup_middleware` on."""
        worker.stack.watch(partial(self._around, worker.name))

    def watch_connectors(self, worker: Any, is_run: bool) -> None:
        """Record what the connectors of a worker are given to handle.

        :param is_run: whether its handlers run; else the message has reached its end.
        """
        for connector in worker.connectors.values():
            self._owners[connector] = worker.name
            connector.wrap_handlers(partial(self._handling, worker.name, connector.name, is_run))

    def stored(self, writes: Any) -> None:
        """Something is written to the store at once."""
        happening = self._running.get()
        if happening is not None:
            _keep(happening, writes, at_once=True)

    def called(self, happening: Happening, subject: Any, call: Callable[[], Any]) -> Any:
        """Call something, and record what it makes of its subject.

        :param happening: what this is.
        :param subject: a message, or what else has a state that can be compared.
        :return: what the call returns; a coroutine of it, if that must be waited for.
        """
        step = _Step(self, happening, subject)
        token = self._running.set(happening)
        try:
            result = call()
        except Exception as error:
            step.raised(error)
            raise
        finally:
            self._running.reset(token)
        if isinstance(result, CoroutineType | Deferred):
            return self._awaited(step, result)
        step.returned(result)
        return result

    def note(self, happening: Happening) -> Happening:
        """Something happens.

        :raise TooMuch: there was too much already.
        """
        if self.is_over:
            return happening
        if len(self.happened) >= self._most:
            self.is_full = True
            raise TooMuch(f"{self._most} steps and no end: do messages go round in circles?")
        self.happened.append(happening)
        return happening

    async def _awaited(self, step: _Step, promise: Any) -> Any:
        outer = self._running.get()
        self._running.set(step.happening)
        try:
            result = eager(promise) if isinstance(promise, CoroutineType) else promise
            if isinstance(result, Deferred):
                step.waits()
                result = await result
        except Exception as error:
            step.raised(error)
            raise
        finally:
            self._running.set(outer)
        step.returned(result)
        return result

    def _around(self, worker: str, direction: str, kind: str, step: Any) -> Handler:
        at = place_of(step.handler) or ""

        def call(message: Any, connector_name: str) -> Any:
            happening = Happening(
                *("middleware", worker, connector_name, kind, _id_of(message), direction),
                *(step.middleware, step.class_name, step.method, at),
            )
            return self.called(happening, message, lambda: step.handler(message, connector_name))

        return call

    def _handling(
        self, worker: str, connector: str, is_run: bool, kind: str, handler: Handler
    ) -> Handler:
        name, at = getattr(handler, "__qualname__", repr(handler)), place_of(handler) or ""

        def call(message: Any) -> Any:
            place = (worker, connector, kind, _id_of(message))
            if not is_run:
                self.note(Happening("reached", *place, name=name, at=at, result="passed"))
                return None
            happening = Happening("handler", *place, name=name, at=at)
            return self.called(happening, message, lambda: handler(message))

        return call

    # Signals -----------------------------------------------------------------------------------

    def _published(
        self, sender: Any, kind: str, message: Any, queue: str, delivery: Any = None, **_: Any
    ) -> None:
        running = self._running.get()
        worker = self._owners.get(sender) or (running.worker if running is not None else "")
        if not worker:
            return  # of another system in this process
        # Who sends calls of tasks has no connector.
        connector = queue.partition("@")[0].rpartition(".")[0]
        detail = "when the message in hand is settled" if delivery is not None else "at once"
        self._noted(
            *("published", worker, connector, kind, _id_of(message)),
            name=queue,
            result="passed",
            detail=detail,
            message=plain(message),
        )

    def _settled(self, sender: Any, kind: str, message: Any, outcome: Any, **_: Any) -> None:
        if sender not in self._owners:
            return
        result, detail = _told(outcome)
        error = getattr(outcome, "error", None)
        self._noted(
            *("settled", self._owners[sender], sender.name, kind, _id_of(message)),
            result=result,
            detail=detail,
            where=getattr(error, "pipeline_where", "") if error is not None else "",
        )

    def _noted(self, *what: Any, **more: Any) -> None:
        """Note what a signal tells: its receiver can't stop anything."""
        if len(self.happened) < self._most:
            self.note(Happening(*what, **more))
        else:
            self.is_full = True

    def __call__(self, event: LogEvent) -> None:
        """Something was logged, perhaps by a step."""
        happening = self._running.get()
        if happening is None or len(happening.logs) >= MOST_LOGS:
            return
        level = event.get("log_level", LogLevel.info)
        failure = event.get("log_failure")
        why = "" if failure is None else f": {failure.type.__name__}: {failure.value}"
        happening.logs.append(f"{level.name}: {formatEvent(event)}{why}")


class _Step:
    """A call that is recorded, from its beginning to its end."""

    def __init__(self, recorder: Recorder, happening: Happening, subject: Any) -> None:
        self.happening = recorder.note(happening)
        self._recorder = recorder
        self._clock = recorder._clock
        self._subject = subject
        self._before = plain(subject)
        self._earlier = {id(write) for write in _staged()}
        self._waits = False
        self._began, self._since = time.perf_counter(), self._clock.seconds()

    def waits(self) -> None:
        """It promised to end later."""
        self._waits = True
        self.happening.took = time.perf_counter() - self._began

    def returned(self, result: Any) -> None:
        """It ended well, with this."""
        if self.happening.what == "middleware":
            if result is None:
                self._end("error", "returned None: it must return a message")
                return
            self._subject = result
        self._end("passed", "")

    def raised(self, error: Exception) -> None:
        """It raised this."""
        if isinstance(error, Respond):
            self._end("answered", f"with {error.message!r}")
        elif isinstance(error, RetryLater):
            self._end("retry", f"after {error.after:g} s: {error.reason}".removesuffix(": "))
        elif isinstance(error, Drop):
            self._end("dropped", error.reason)
        else:
            self._end("error", f"{type(error).__name__}: {error}", _raised_at(error))

    def _end(self, result: str, detail: str, where: str = "") -> None:
        if self._recorder.is_over:
            return
        happening = self.happening
        happening.waited = self._clock.seconds() - self._since
        if not (self._waits and happening.waited):  # else most of it was spent turning the clock
            happening.took = time.perf_counter() - self._began
        happening.result, happening.detail, happening.where = result, detail, where
        happening.changes += differences(self._before, plain(self._subject))
        _keep(happening, self._own())

    def _own(self) -> list[Any]:
        """What it has staged itself, without what the steps within it have."""
        own = [each for each in _staged() if id(each) not in self._earlier]
        own = [each for each in own if id(each) not in self._recorder._claimed]
        self._recorder._claimed.update((id(each), each) for each in own)
        return own


def _staged() -> list[Any]:
    """What is staged for the store with the message in hand."""
    delivery = current.get()
    return delivery.store.writes if delivery is not None and delivery.has_state else []


def _keep(happening: Happening, writes: Any, at_once: bool = False) -> None:
    for op, key, *_ in writes:
        if len(happening.stored) < MOST_STORED:
            happening.stored.append(Stored(op, str(key), at_once))


def _id_of(message: Any) -> str:
    return str(getattr(message, "message_id", None) or getattr(message, "event_id", None) or "")


def _told(outcome: Any) -> tuple[str, str]:
    if isinstance(outcome, Retry):
        why = outcome.error if outcome.error is not None else outcome.reason
        return "retry", f"again after {outcome.after:.3g} s: {why}".removesuffix(": ")
    if isinstance(outcome, Dropped):
        return "dropped", outcome.reason
    if isinstance(outcome, DeadLetter):
        why = "" if outcome.error is None else f": {type(outcome.error).__name__}: {outcome.error}"
        return "dead letter", outcome.reason + why
    return "done", ""


def _raised_at(error: BaseException) -> str:
    """The line that raised an exception."""
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return ""
    code, module = traceback.tb_frame.f_code, traceback.tb_frame.f_globals.get("__name__", "")
    return f"{place_in(code, traceback.tb_lineno, module)} in {code.co_qualname}"
