"""Who listens to a signal: how one receiver is told from another, and for how long it lives."""

from __future__ import annotations

import inspect
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

__all__ = ["Connection", "Live", "Receivers", "check"]

#: The receiver's identity, and the sender's.
Key: TypeAlias = tuple[Any, Any]
#: Those who are to be called, each with whether it is asynchronous.
Live: TypeAlias = list[tuple[Callable[..., Any], bool]]


class Connection(NamedTuple):
    """A receiver of a signal.

    :param key: what no other connection has.
    :param reference: gives the receiver, or None when it is gone.
    :param sender: gives whom it listens to, or None when that is gone; None: everybody.
    :param is_async: whether it answers with a coroutine.
    """

    key: Key
    reference: Callable[[], Any]
    sender: Callable[[], Any] | None
    is_async: bool

    @property
    def is_alive(self) -> bool:
        """Neither the receiver nor its sender is gone."""
        return self.reference() is not None and (self.sender is None or self.sender() is not None)


class Receivers:
    """Those who listen to something: any thread may connect and disconnect them at any time.

    :param use_caching: remember which receivers a sender has, if it allows weak references.
    """

    def __init__(self, use_caching: bool = False) -> None:
        #: Who is connected; empty when nobody listens, so that a sender whose speed matters may
        #: look here before it makes the call.
        self.receivers: list[Connection] = []
        self.use_caching = use_caching
        self._lock = threading.RLock()
        self._cache: dict[int, tuple[Callable[[], Any], list[Connection]]] = {}

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: Any = None,
        weak: bool = True,
        dispatch_uid: Any = None,
    ) -> None:
        """Call this from now on; see :meth:`pipeline.signals.Signal.connect`."""
        made = _connection(receiver, sender, weak, dispatch_uid, self._bury)
        with self._lock:
            known = _alive(self.receivers)
            if all(each.key != made.key for each in known):
                self._change([*known, made])

    def disconnect(
        self,
        receiver: Callable[..., Any] | None = None,
        sender: Any = None,
        dispatch_uid: Any = None,
    ) -> bool:
        """Call it no longer.

        :return: whether it was connected.
        """
        return self._remove(_key_of(receiver, sender, dispatch_uid))

    def has_listeners(self, sender: Any = None) -> bool:
        """Whether anybody would be called for this sender."""
        return bool(self.live(sender))

    def live(self, sender: Any) -> Live:
        """Who is to be called now, with whether it is asynchronous."""
        connections = self.receivers
        if not connections:
            return []
        if self.use_caching and sender is not None:
            connections = self._cached(sender)
        return [
            (receiver, is_async)
            for _, reference, listened, is_async in connections
            if (listened is None or listened() is sender) and (receiver := reference()) is not None
        ]

    def _cached(self, sender: Any) -> list[Connection]:
        place = id(sender)
        known = self._cache.get(place)
        if known is not None and known[0]() is sender:
            return known[1]
        with self._lock:
            found = _matching(self.receivers, sender)
            try:
                reference = weakref.ref(sender, lambda _: self._cache.pop(place, None))
            except TypeError:
                return found
            self._cache[place] = (reference, found)
        return found

    def _bury(self, _: Any) -> None:
        """Somebody has died, perhaps while another thread holds the lock and waits for one that
        this thread holds: then the next change takes the dead away."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._change(self.receivers)
        finally:
            self._lock.release()

    def _remove(self, key: Key) -> bool:
        with self._lock:
            left = [known for known in self.receivers if known.key != key]
            was_there = len(left) < len(self.receivers)
            if was_there:
                self._change(left)
        return was_there

    def _change(self, receivers: list[Connection]) -> None:
        # Always another list: who is sending goes on with the one that it has.
        self.receivers = receivers
        # Whoever has died since was looked for in the list before.
        self.receivers = _alive(self.receivers)
        self._cache.clear()


def _connection(
    receiver: Any, sender: Any, weak: bool, dispatch_uid: Any, gone: Callable[[Any], Any]
) -> Connection:
    """Connect a receiver to a sender.

    :param weak: whether the connection lets the receiver die; a bound method dies with its object.
    :param gone: called when one of them has died.
    """
    return Connection(
        _key_of(receiver, sender, dispatch_uid),
        _weakly(receiver, gone) if weak else lambda: receiver,
        None if sender is None else _if_possible(sender, gone),
        _is_async(receiver),
    )


def _key_of(receiver: Any, sender: Any, dispatch_uid: Any) -> Key:
    """What tells one connection from another."""
    whose = None if sender is None else id(sender)
    if dispatch_uid is not None:
        return (dispatch_uid, whose)
    if inspect.ismethod(receiver):
        return ((id(receiver.__self__), id(receiver.__func__)), whose)
    return (id(receiver), whose)


def _alive(connections: Iterable[Connection]) -> list[Connection]:
    """Those of which nothing is gone."""
    return [each for each in connections if each.is_alive]


def _matching(connections: Iterable[Connection], sender: Any) -> list[Connection]:
    """Those that listen to this very sender, or to everybody."""
    return [each for each in connections if each.sender is None or each.sender() is sender]


def check(receiver: Any) -> None:
    """Refuse a receiver that can't work.

    :raise TypeError: it can't be called.
    :raise ValueError: it takes no ``**kwargs``.
    """
    if not callable(receiver):
        raise TypeError(f"a signal's receiver must be callable, {receiver!r} is not")
    try:
        parameters = inspect.signature(receiver).parameters.values()
    except (TypeError, ValueError):
        return  # written in C: nobody can tell
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        raise ValueError(f"a signal's receiver must accept **kwargs, {receiver!r} does not")


def _weakly(receiver: Any, gone: Callable[[Any], Any]) -> Callable[[], Any]:
    made = weakref.WeakMethod if inspect.ismethod(receiver) else weakref.ref
    return made(receiver, gone)


def _if_possible(sender: Any, gone: Callable[[Any], Any]) -> Callable[[], Any]:
    """A weak reference; a strong one to what allows none, as a text: its identity must stay its
    own."""
    try:
        return weakref.ref(sender, gone)
    except TypeError:
        return lambda: sender


def _is_async(receiver: Any) -> bool:
    called = getattr(receiver, "__call__", None)  # noqa: B004  # what it is, not whether
    return inspect.iscoroutinefunction(receiver) or inspect.iscoroutinefunction(called)
