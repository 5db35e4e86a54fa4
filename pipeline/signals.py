"""Signals: what happens is told to whoever listens, who can change nothing.

The behaviour is Django's (5.2, ``django.dispatch``), for threads and the reactor alike: receivers
are weakly held, called in the order in which they were connected, and given ``signal``, ``sender``
and what the signal names. Of the built-in ones the framework sends with :meth:`Signal.send_robust`,
so that an error of a receiver is logged under ``pipeline.signals`` and breaks nothing.
"""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = [
    "DEBUG",
    "Signal",
    "connection_lost",
    "connection_made",
    "got_request_exception",
    "message_dead_lettered",
    "message_dropped",
    "message_published",
    "message_received",
    "message_retried",
    "message_settled",
    "receiver",
    "request_finished",
    "request_started",
    "template_rendered",
    "worker_started",
    "worker_starting",
    "worker_stopped",
    "worker_stopping",
]

#: Whether a receiver is checked when it is connected.
DEBUG = False

ReceiverT = TypeVar("ReceiverT", bound=Callable[..., Any])
Live = list[tuple[Callable[..., Any], bool]]
Responses = list[tuple[Any, Any]]
Key = tuple[Any, Any]

_log = Logger("pipeline.signals")


class _Connection(NamedTuple):
    """One receiver of a signal; ``reference`` gives it, or None when it is gone."""

    key: Key
    reference: Callable[[], Any]
    is_async: bool


class Signal:
    """Something that happens, and those who want to know.

    :param use_caching: remember which receivers a sender has; senders must be hashable and allow
        weak references. Pays when a signal is sent much more often than connected.
    """

    def __init__(self, use_caching: bool = False) -> None:
        #: Who is connected; empty exactly when nobody ever listens, so that a sender whose
        #: speed matters may look here before it makes the call.
        self.receivers: list[_Connection] = []
        self.use_caching = use_caching
        self._lock = threading.RLock()
        self._cache: Any = weakref.WeakKeyDictionary()

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
            _check(receiver)
        key = _key(receiver, sender, dispatch_uid)
        reference = self._weakly(receiver, key) if weak else lambda: receiver
        connection = _Connection(key, reference, _is_async(receiver))
        with self._lock:
            alive = [known for known in self.receivers if known.reference() is not None]
            if all(known.key != key for known in alive):
                self._change([*alive, connection])

    def disconnect(
        self,
        receiver: Callable[..., Any] | None = None,
        sender: Any = None,
        dispatch_uid: Any = None,
    ) -> bool:
        """Call it no longer.

        :return: whether it was connected.
        """
        return self._remove(_key(receiver, sender, dispatch_uid))

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether anybody would be called for this sender."""
        return bool(self._live(sender))

    def send(self, sender: Any, **named: Any) -> Responses:
        """Call all receivers; the first error ends it and is raised.

        The response of an ``async def`` receiver is a Deferred, which nobody waits for; its error
        is logged.

        :return: a list of ``(receiver, response)``.
        """
        return [
            (receiver, self._call(receiver, is_async, sender, named))
            for receiver, is_async in self._live(sender)
        ]

    def send_robust(self, sender: Any, **named: Any) -> Responses:
        """Like :meth:`send`, but an Exception is logged and stands for the response."""
        return [
            (receiver, self._call_robustly(receiver, is_async, sender, named))
            for receiver, is_async in self._live(sender)
        ]

    async def asend(self, sender: Any, **named: Any) -> Responses:
        """Like :meth:`send`, but asynchronous receivers run side by side and are awaited.

        :return: a list of ``(receiver, response)``, the synchronous ones first.
        """
        live = self._live(sender)
        responses = [
            (receiver, self._call(receiver, False, sender, named))
            for receiver, is_async in live
            if not is_async
        ]
        later = await self._together(live, sender, named)
        for _, result in later:
            if isinstance(result, Failure):
                result.raiseException()
        return responses + later

    async def asend_robust(self, sender: Any, **named: Any) -> Responses:
        """Like :meth:`asend`, but an Exception is logged and stands for the response."""
        live = self._live(sender)
        responses = [
            (receiver, self._call_robustly(receiver, False, sender, named))
            for receiver, is_async in live
            if not is_async
        ]
        later = await self._together(live, sender, named)
        return responses + [(receiver, _reported(receiver, result)) for receiver, result in later]

    async def _together(self, live: Live, sender: Any, named: dict[str, Any]) -> Responses:
        """What all asynchronous receivers answer; a Failure for an error."""
        asked = [receiver for receiver, is_async in live if is_async]
        started = [ensureDeferred(ask(signal=self, sender=sender, **named)) for ask in asked]
        results = await DeferredList(started, consumeErrors=True)
        return [(ask, result) for ask, (_, result) in zip(asked, results, strict=True)]

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
        try:
            return self._call(receiver, is_async, sender, named)
        except Exception:  # noqa: BLE001  # a receiver's error must not become the sender's
            return _reported(receiver, Failure())

    def _live(self, sender: Any) -> Live:
        """Who is to be called now, with whether it is asynchronous."""
        connections = self.receivers
        if not connections:
            return []
        if self.use_caching and sender is not None:
            connections = self._cached(sender)
        else:
            connections = _for(connections, sender)
        found = [(connection.reference(), connection.is_async) for connection in connections]
        return [(receiver, is_async) for receiver, is_async in found if receiver is not None]

    def _cached(self, sender: Any) -> list[_Connection]:
        with self._lock:
            known: list[_Connection] | None = self._cache.get(sender)
            if known is None:
                known = self._cache[sender] = _for(self.receivers, sender)
            return known

    def _weakly(self, receiver: Callable[..., Any], key: Key) -> Callable[[], Any]:
        """A reference whose death disconnects the receiver; a bound method dies with its self."""
        made = weakref.WeakMethod if inspect.ismethod(receiver) else weakref.ref
        return made(receiver, lambda _: self._remove(key))

    def _remove(self, key: Key) -> bool:
        with self._lock:
            left = [known for known in self.receivers if known.key != key]
            was_there = len(left) < len(self.receivers)
            if was_there:
                self._change(left)
        return was_there

    def _change(self, receivers: list[_Connection]) -> None:
        # Always another list: who is sending goes on with the one that it has.
        self.receivers = receivers
        self._cache.clear()


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


def _for(connections: list[_Connection], sender: Any) -> list[_Connection]:
    wanted = (None, id(sender))
    return [connection for connection in connections if connection.key[1] in wanted]


def _key(receiver: Any, sender: Any, dispatch_uid: Any) -> Key:
    """What tells one connection from another: the receiver's identity, and the sender's."""
    whose = None if sender is None else id(sender)
    if dispatch_uid is not None:
        return (dispatch_uid, whose)
    if inspect.ismethod(receiver):
        return ((id(receiver.__self__), id(receiver.__func__)), whose)
    return (id(receiver), whose)


def _is_async(receiver: Any) -> bool:
    called = receiver if inspect.isroutine(receiver) else getattr(receiver, "__call__", receiver)  # noqa: B004
    return inspect.iscoroutinefunction(called)


def _check(receiver: Any) -> None:
    if not callable(receiver):
        raise TypeError(f"a signal's receiver must be callable, {receiver!r} is not")
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except ValueError:
        return  # written in C: nobody can tell
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        raise ValueError(f"a signal's receiver must accept **kwargs, {receiver!r} does not")


def _reported(receiver: Any, result: Any) -> Any:
    """The result, or for a Failure its error, which is logged."""
    if not isinstance(result, Failure):
        return result
    name = getattr(receiver, "__qualname__", repr(receiver))
    _log.failure("signal receiver {name} failed", result, name=name)
    return result.value


#: A worker is about to start, runs, is about to stop, has stopped. ``sender`` is the worker.
worker_starting = Signal()
worker_started = Signal()
worker_stopping = Signal()
worker_stopped = Signal()

#: The broker's connection was made, or lost (with ``reason``). ``sender`` is the broker.
connection_made = Signal()
connection_lost = Signal()

#: What happens to a message. ``sender`` is the connector; all have ``kind`` and ``message``.
#: Received: it was decoded and goes into the consume chain (with ``delivery``).
message_received = Signal()
#: Published: it left the publish chain and is staged or on its way (with ``queue``, and
#: ``delivery``, or None at the edge).
message_published = Signal()
#: Settled: what became of it is now true (with ``delivery`` and ``outcome``). One of the three
#: below is sent as well, with the same, unless it is done.
message_settled = Signal()
message_retried = Signal()
message_dead_lettered = Signal()
message_dropped = Signal()

#: A request of a view: it came; its response is on its way (with ``response``); a hook or a view
#: failed and nothing handled it (with ``exception``). ``sender`` is who handles requests; all have
#: ``request``.
request_started = Signal()
request_finished = Signal()
got_request_exception = Signal()

#: A template was rendered (with ``template`` and ``context``). ``sender`` is the response.
template_rendered = Signal()
