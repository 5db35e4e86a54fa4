"""Signals: what happens is told to whoever listens, who can change nothing.

The behaviour is Django's (5.2, ``django.dispatch``), for threads and the reactor alike: receivers
are weakly held, called in the order in which they were connected, and given ``signal``, ``sender``
and what the signal names. Of the built-in ones the framework sends with :meth:`Signal.send_robust`,
so that an error of a receiver is logged under ``pipeline.signals`` and breaks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import iscoroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, fail, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.receivers import Live, Receivers, check

__all__ = [
    "DEBUG",
    "Signal",
    "class_prepared",
    "connection_lost",
    "connection_made",
    "got_request_exception",
    "message_dead_lettered",
    "message_dropped",
    "message_published",
    "message_received",
    "message_retried",
    "message_settled",
    "middleware_prepared",
    "post_delete",
    "post_save",
    "post_setup",
    "pre_delete",
    "pre_save",
    "pre_setup",
    "receiver",
    "request_finished",
    "request_not_found",
    "request_started",
    "setting_changed",
    "task_cancelled",
    "task_failed",
    "task_finished",
    "task_progress",
    "task_queued",
    "task_retried",
    "task_started",
    "template_rendered",
    "worker_started",
    "worker_starting",
    "worker_stopped",
    "worker_stopping",
]

#: Whether a receiver is checked when it is connected.
DEBUG = False

ReceiverT = TypeVar("ReceiverT", bound=Callable[..., Any])
Responses = list[tuple[Any, Any]]

_log = Logger("pipeline.signals")


class Signal(Receivers):
    """Something that happens, and those who want to know.

    :param use_caching: remember which receivers a sender has, if it allows weak references. Pays
        when a signal with many receivers is sent much more often than connected.
    """

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
    ) -> None:
        """Call this from now on, until it is disconnected or dies.

        :param receiver: takes ``**kwargs``; may be ``async def``.
        :param sender: only for what this very object sends; None: whoever does.
        :param weak: hold it weakly; a function defined in a function needs False.
        :param dispatch_uid: what identifies the receiver, if not it itself. One that is connected
            already is not connected twice.
        :raise TypeError: it can't be called (with ``DEBUG`` only).
        :raise ValueError: it takes no ``**kwargs`` (with ``DEBUG`` only).
        """
        if DEBUG:
            check(receiver)
        super().connect(receiver, sender, weak, dispatch_uid)

    def send(self, sender: Any, **named: Any) -> Responses:
        """Call all receivers; the first error ends it and is raised.

        The response of an ``async def`` receiver is a Deferred, which nobody waits for; its error
        is logged.

        :return: a list of ``(receiver, response)``.
        """
        if not self.receivers:
            return []
        return [
            (receiver, self._call(receiver, is_async, sender, named))
            for receiver, is_async in self.live(sender)
        ]

    def send_robust(self, sender: Any, **named: Any) -> Responses:
        """Like :meth:`send`, but an Exception is logged and stands for the response."""
        if not self.receivers:
            return []
        return [
            (receiver, self._call_robustly(receiver, is_async, sender, named))
            for receiver, is_async in self.live(sender)
        ]

    def asend(self, sender: Any, **named: Any) -> Deferred[Responses]:
        """Like :meth:`send`, but asynchronous receivers run side by side and are waited for.

        So is the Deferred of a plain receiver that returns one. When several fail, the first error
        is raised and the others are logged.

        :return: a Deferred of a list of ``(receiver, response)``, the synchronous ones first.
        """
        if not self.receivers:
            return succeed([])
        return Deferred.fromCoroutine(self._asend(sender, named))

    def asend_robust(self, sender: Any, **named: Any) -> Deferred[Responses]:
        """Like :meth:`asend`, but an Exception is logged and stands for the response."""
        if not self.receivers:
            return succeed([])
        return Deferred.fromCoroutine(self._asend_robust(sender, named))

    async def _asend(self, sender: Any, named: dict[str, Any]) -> Responses:
        live = self.live(sender)
        asked = [
            (receiver, receiver(signal=self, sender=sender, **named))
            for receiver, is_async in live
            if not is_async
        ]
        ended = await _together(asked + self._begun(live, sender, named))
        failed = [(receiver, end) for receiver, end in ended if isinstance(end, Failure)]
        for receiver, failure in failed[1:]:
            _reported(receiver, failure)
        if failed:
            failed[0][1].raiseException()
        return ended

    async def _asend_robust(self, sender: Any, named: dict[str, Any]) -> Responses:
        live = self.live(sender)
        asked = [
            (receiver, _attempted(receiver, signal=self, sender=sender, **named))
            for receiver, is_async in live
            if not is_async
        ]
        ended = await _together(asked + self._begun(live, sender, named))
        return [(receiver, _reported(receiver, end)) for receiver, end in ended]

    def _begun(self, live: Live, sender: Any, named: dict[str, Any]) -> Responses:
        """What the asynchronous receivers have begun; a failed Deferred where one could not."""
        return [
            (receiver, _later(_attempted(receiver, signal=self, sender=sender, **named)))
            for receiver, is_async in live
            if is_async
        ]

    def _call(
        self, receiver: Callable[..., Any], is_async: bool, sender: Any, named: dict[str, Any]
    ) -> Any:
        response = receiver(signal=self, sender=sender, **named)
        if not is_async:
            return response
        return ensureDeferred(response).addErrback(lambda failure: _reported(receiver, failure))

    def _call_robustly(
        self, receiver: Callable[..., Any], is_async: bool, sender: Any, named: dict[str, Any]
    ) -> Any:
        response = _attempted(receiver, signal=self, sender=sender, **named)
        if is_async:
            later = _later(response)
            return later.addErrback(lambda failure: _reported(receiver, failure))
        return _reported(receiver, response)


def receiver(signal: Signal | Iterable[Signal], **options: Any) -> Callable[[ReceiverT], ReceiverT]:
    """Connect the decorated function to a signal, or to several.

    :param options: as of :meth:`Signal.connect`.
    """
    signals = [signal] if isinstance(signal, Signal) else list(signal)

    def connected(function: ReceiverT) -> ReceiverT:
        for each in signals:
            each.connect(function, **options)
        return function

    return connected


def _attempted(receiver: Callable[..., Any], /, **named: Any) -> Any:
    """What a receiver answers; a Failure for an Exception."""
    try:
        return receiver(**named)
    except Exception:  # noqa: BLE001  # a receiver's error must not become the sender's
        return Failure()


def _later(answer: Any) -> Deferred[Any]:
    """A Deferred of what an asynchronous receiver answers."""
    if iscoroutine(answer) or isinstance(answer, Deferred):
        return ensureDeferred(answer)
    return fail(answer) if isinstance(answer, Failure) else succeed(answer)


async def _together(answers: Responses) -> Responses:
    """The same, when all that are late have come; a Failure for an error."""
    late = [answer for _, answer in answers if isinstance(answer, Deferred)]
    if not late:
        return answers
    ends = iter(await DeferredList(late, consumeErrors=True))
    return [
        (receiver, next(ends)[1] if isinstance(answer, Deferred) else answer)
        for receiver, answer in answers
    ]


def _reported(receiver: Any, result: Any) -> Any:
    """The result, or for a Failure its error, which is logged.

    :raise BaseException: the error is no Exception.
    """
    if not isinstance(result, Failure):
        return result
    if not isinstance(result.value, Exception):
        result.raiseException()
    name = getattr(receiver, "__qualname__", repr(receiver))
    _log.failure("signal receiver {name} failed", result, name=name)
    return result.value


#: A worker is about to start, runs, is about to stop, has stopped. ``sender`` is the worker.
worker_starting = Signal()
worker_started = Signal()
worker_stopping = Signal()
worker_stopped = Signal()

#: A worker's middleware is made and set up (``middlewares``). ``sender`` is the worker.
middleware_prepared = Signal()

#: The workers of a process are about to be started; all of them run. ``sender`` is the
#: :class:`~pipeline.service.running.System`; both have ``namespace``.
pre_setup = Signal()
post_setup = Signal()

#: The broker's connection was made, or lost or closed (``reason``). ``sender`` is the broker.
connection_made = Signal()
connection_lost = Signal()

#: What happens to a message. ``sender`` is the connector; all have ``kind`` and ``message``.
#: Received: it was decoded and goes into the consume chain (``delivery``).
message_received = Signal()
#: Published: it left the publish chain and is staged or on its way (``queue``, and ``delivery``,
#: or None at the edge).
message_published = Signal()
#: Settled: what became of it is now true (``delivery`` and ``outcome``). One of the three below is
#: sent as well, with the same, unless it is done.
message_settled = Signal()
message_retried = Signal()
message_dead_lettered = Signal()
message_dropped = Signal()

#: A message store is about to keep a message or an event, has staged it; is about to forget it, has
#: staged that. ``sender`` is the message's class; all have ``message`` and ``store``.
pre_save = Signal()
post_save = Signal()
pre_delete = Signal()
post_delete = Signal()

#: A kind of message is registered. ``sender`` is its class.
class_prepared = Signal()

#: What happens to a call of a task. ``sender`` is the task, or its name where that is not known;
#: all but the first have ``call``, a :class:`pipeline.tasks.current.CurrentTask`. Queued: it was
#: sent, or staged (with ``message``).
task_queued = Signal()
#: Started: its run begins. Progress: as it has reported, a few times a second (with ``progress``).
task_started = Signal()
task_progress = Signal()
#: How it ended, or will go on, as it is about to be settled (with ``value`` of what has finished,
#: ``error`` of what has failed or is retried, and then ``after``, in seconds). What has to be
#: handled again after all, as after a conflict, tells anew.
task_finished = Signal()
task_failed = Signal()
task_retried = Signal()
task_cancelled = Signal()

#: A request of a view: it came; its response is on its way (``response``); a hook or a view failed
#: and nothing handled it (``exception``). ``sender`` is who handles requests; all have ``request``.
request_started = Signal()
request_finished = Signal()
got_request_exception = Signal()
#: A link leads nowhere, or nothing routes a message; sent by the middleware ``not_found`` (with
#: ``request`` and ``response``). ``sender`` is the worker.
request_not_found = Signal()

#: A template was rendered (``template`` and ``context``). ``sender`` is the response.
template_rendered = Signal()

#: A test has another value for an option (``setting``, ``value``, and ``enter``, False where it is
#: as before again). ``sender`` is the class of the options.
setting_changed = Signal()
