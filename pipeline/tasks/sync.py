"""Sending tasks from code that has no reactor: a view of Flask or Django, a script.

The client is the one that workers use; here it runs over a broker that blocks, so that each of its
coroutines comes to its end at once.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar
from weakref import WeakSet

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from pipeline.errors import BrokerUnavailable, ConfigError, NotAllSent, ResultTimeout
from pipeline.tasks.chain import Signature
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.options import SendOptions
from pipeline.tasks.registry import Task
from pipeline.tasks.states.status import TaskStatus

__all__ = ["Parts", "SyncHandle", "SyncSender"]

T = TypeVar("T")

#: Seconds between two tries to read results, while the server is away.
PAUSE = 0.2


class Parts(NamedTuple):
    """What a sender is made of, anew in each process.

    :param broker: a :class:`~pipeline.brokers.blocking.BlockingBroker`.
    :param client: over that broker.
    """

    broker: Any
    client: Client


class SyncSender:
    """Sends calls of tasks, and waits for their results, by blocking.

    Safe from several threads: what they send goes out one after another, and who waits for a result
    holds nobody up. Safe after a fork: the child is another sender, with connections of its own;
    handles from before the fork are the parent's.

    :param make: makes the parts; called when they are first needed, and again in a child process.
    """

    def __init__(self, make: Callable[[], Parts]) -> None:
        self._make = make
        self._made: Parts | None = None
        self._lock = threading.RLock()
        self._reading = threading.Lock()
        self._arrived = threading.Condition()
        _senders.add(self)

    def send(
        self,
        task: Task[Any, Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: SendOptions | None = None,
    ) -> SyncHandle:
        """Send a call, and wait until the server has it.

        :param options: how this call is sent otherwise than the others.
        :raise TypeError: the arguments don't fit the function, or one can't travel.
        :raise BrokerError: the call could not be sent; if it says that the server is away, it may
            have been.
        :raise ConfigError: middleware waits for something, which can't come here.
        """
        return SyncHandle(self, self.run(lambda client: client.send(task, args, kwargs, options)))

    def send_many(
        self, task: Task[Any, Any], calls: Iterable[Any], options: SendOptions | None = None
    ) -> list[SyncHandle]:
        """Send many calls of a task, and wait until the server has them all.

        Other threads that send wait meanwhile. The parameters and what is raised are those of
        :meth:`pipeline.tasks.client.Client.send_many`, and of :meth:`send`.
        """
        try:
            handles = self.run(lambda client: client.send_many(task, calls, options))
        except NotAllSent as error:
            error.sent = [SyncHandle(self, handle) for handle in error.sent]
            raise
        return [SyncHandle(self, handle) for handle in handles]

    def handle_of(self, call_id: str) -> SyncHandle:
        """A handle of a call that somebody has sent into the same namespace."""
        with self._lock:
            return SyncHandle(self, self._parts().client.handle_of(call_id), is_named=True)

    def send_chain(self, steps: Sequence[Signature]) -> SyncHandle:
        """Send a chain of calls, and wait until the server has the first; as :meth:`send`."""
        return SyncHandle(self, self.run(lambda client: client.send_chain(steps)))

    def run(self, work: Callable[[Client], Coroutine[Any, Any, T]]) -> T:
        """Do something with the client.

        :param work: given the client, a coroutine.
        """
        with self._lock:
            parts = self._parts()
            return _result(work(parts.client), parts.broker.clock.turn)

    def wait_for(self, is_there: Callable[[], bool], seconds: float | None) -> bool:
        """Read results until a claim is true; False when the time is over.

        One thread reads for all that wait.
        """
        end = None if seconds is None else time.monotonic() + seconds
        while not is_there():
            left = 60.0 if end is None else end - time.monotonic()
            if left <= 0:
                return False
            if self._reading.acquire(blocking=False):
                try:
                    self._read(left)
                finally:
                    self._reading.release()
                    with self._arrived:
                        self._arrived.notify_all()
            else:
                with self._arrived:
                    self._arrived.wait(min(left, 1.0))
        return True

    def close(self) -> None:
        """Let go of everything; results that still come are dead-lettered as ``gone``."""
        with self._lock:
            parts, self._made = self._made, None
            if parts is None:
                return
            try:
                _result(parts.client.stop(), parts.broker.clock.turn)
                parts.broker.close()
            except BrokerUnavailable:
                return  # the server will notice

    def _read(self, seconds: float) -> None:
        with self._lock:
            broker = self._parts().broker
        try:
            found = broker.read(seconds)
        except BrokerUnavailable:
            time.sleep(min(PAUSE, seconds))
            return
        with self._lock:
            broker.give_out(found)
            broker.clock.turn()

    def _parts(self) -> Parts:
        if self._made is None:
            self._made = self._make()
        return self._made

    def renew(self) -> None:
        """Begin anew in a child process.

        Locks may be held by threads that it doesn't have; connections are its parent's.
        """
        self._made = None
        self._lock = threading.RLock()
        self._reading = threading.Lock()
        self._arrived = threading.Condition()


#: All senders of this process, for its children.
_senders: WeakSet[SyncSender] = WeakSet()


def _in_child() -> None:
    for sender in list(_senders):
        sender.renew()


os.register_at_fork(after_in_child=_in_child)


class SyncHandle:
    """A call that was sent from synchronous code.

    :ivar id: the call's message id.
    :ivar task: the task's name.
    :ivar is_new: False when nothing was sent, since an equal call of a unique task was there.
    """

    def __init__(self, sender: SyncSender, handle: TaskHandle, *, is_named: bool = False) -> None:
        self.id = handle.id
        self.task = handle.task
        self.is_new = handle.is_new
        self._sender = sender
        self._handle = handle
        self._is_named = is_named  # made of an id: nobody sends its result here unasked
        self._process = os.getpid()

    def __repr__(self) -> str:
        return f"<SyncHandle {self.task} {self.id}>"

    @property
    def done(self) -> bool:
        """Whether the result is there."""
        return self._handle.done

    def status_sync(self) -> TaskStatus:
        """What is known of the call now; see :meth:`pipeline.tasks.handle.TaskHandle.status`."""
        return self._sender.run(lambda client: client.status(self.id))

    def cancel_sync(self) -> bool:
        """Cancel the call; see :meth:`pipeline.tasks.handle.TaskHandle.cancel`."""
        return self._sender.run(lambda client: client.cancel(self.id))

    def result_sync(self, timeout: float | None = None) -> Any:
        """Wait for what the task returns. May be called several times, and by several threads.

        :param timeout: seconds to wait; None: as long as it takes.
        :raise TaskFailed: the task ended in an error, after the retries it has.
        :raise ResultTimeout: there is no result yet; the task may still run.
        :raise UnknownCall: (of a handle that was made of an id) nothing is known of it, or its
            result was not kept.
        :raise RuntimeError: the call was sent by another process, as before a fork.
        """
        if self._is_named and not self.done:
            self._sender.run(lambda client: client.watch(self._handle))
            self._is_named = False
        if not (self.done or self._handle.is_coming):
            return self._sender.run(lambda client: self._handle.result())  # says why it isn't
        if not self.done and self._process != os.getpid():
            raise RuntimeError(f"{self!r} was sent before a fork: its result comes to the parent")
        if not self._sender.wait_for(lambda: self.done, timeout):
            raise ResultTimeout(f"{self.task} {self.id}: no result after {timeout:g} s")
        return self._sender.run(lambda client: self._handle.result())


def _result(work: Coroutine[Any, Any, T], turn: Callable[[], bool]) -> T:
    """What a coroutine over a broker that blocks comes to.

    :param turn: calls what is due; whether anything was.
    :raise ConfigError: it waits for something else.
    """
    doing: Deferred[T] = Deferred.fromCoroutine(work)
    while not doing.called and turn():
        pass
    if not doing.called:
        doing.addErrback(lambda _: None)
        doing.cancel()
        raise ConfigError(
            "middleware waits for something, which never comes without a reactor",
            hint="use middleware that answers at once for what is sent from synchronous code",
        )
    result: Any = doing.result
    if isinstance(result, Failure):
        doing.addErrback(lambda _: None)
        result.raiseException()
    done: T = result
    return done
