"""Who sends the calls that ``some_task.send(..)`` makes here."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from pipeline.tasks.chain import Signature
    from pipeline.tasks.handle import ChainHandle, TaskHandle
    from pipeline.tasks.options import SendOptions
    from pipeline.tasks.registry import Task
    from pipeline.tasks.sync import SyncSender

__all__ = [
    "Sender",
    "bind",
    "bind_sync",
    "bound",
    "current_sender",
    "current_sync_sender",
    "handle_of",
    "unbind",
    "unbind_sync",
]


T = TypeVar("T")


class Sender(Protocol):
    """Sends calls into one namespace; :class:`pipeline.tasks.client.Client` is one."""

    #: The reactor that it works in.
    clock: Any

    async def send(
        self,
        task: Task[Any, Any],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        options: SendOptions | None = None,
    ) -> TaskHandle:
        """Send a call of a task."""

    async def send_many(
        self, task: Task[Any, Any], calls: Iterable[Any], options: SendOptions | None = None
    ) -> list[TaskHandle]:
        """Send many calls of a task, see :meth:`pipeline.tasks.client.Client.send_many`."""

    async def send_chain(self, steps: Sequence[Signature]) -> ChainHandle:
        """Send a chain of calls, see :func:`pipeline.tasks.chain.chain`."""

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run what this has begun, from code that can't await, and wait for it."""

    def handle_of(self, call_id: str) -> TaskHandle:
        """A handle of a call that somebody has sent into the same namespace."""


#: The sender of the code that runs now: a worker sets it around what it runs.
bound: ContextVar[Sender | None] = ContextVar("pipeline_task_sender", default=None)

#: The senders of the process, for code that no worker runs; the last one counts.
_process: list[Sender] = []


def bind(sender: Sender) -> Sender:
    """Send the calls of this process through ``sender``, where no worker says otherwise.

    :return: the sender, to be given to :func:`unbind`.
    """
    _process.append(sender)
    return sender


def unbind(sender: Sender) -> None:
    """Take back a :func:`bind`; nothing happens if it was not bound."""
    if sender in _process:
        _process.remove(sender)


def handle_of(call_id: str) -> TaskHandle:
    """A handle of a call by its id, to see its status, to cancel it or to wait for its result.

    :param call_id: the ``id`` of a handle, from whichever process.
    :raise RuntimeError: nothing binds tasks to a namespace here.
    """
    return current_sender().handle_of(call_id)


def current_sender() -> Sender:
    """The sender that counts here.

    :raise RuntimeError: there is none.
    """
    sender = bound.get() or (_process[-1] if _process else None)
    if sender is None:
        raise RuntimeError(
            "nothing says where tasks are sent to: run inside of a worker, or call "
            "pipeline.connect('file.yaml') first"
        )
    return sender


#: The senders of the process for code without a reactor; the last one counts.
_process_sync: list[SyncSender] = []


def bind_sync(sender: SyncSender) -> SyncSender:
    """As :func:`bind`, for ``some_task.send_sync(..)``."""
    _process_sync.append(sender)
    return sender


def unbind_sync(sender: SyncSender) -> None:
    """Take back a :func:`bind_sync`; nothing happens if it was not bound."""
    if sender in _process_sync:
        _process_sync.remove(sender)


def current_sync_sender() -> SyncSender:
    """The sender that ``some_task.send_sync(..)`` goes through.

    :raise RuntimeError: there is none.
    """
    if not _process_sync:
        raise RuntimeError(
            "nothing says where tasks are sent to: call pipeline.connect_sync('file.yaml') first"
        )
    return _process_sync[-1]
