"""Chains: calls one after another, each given the result of the one before.

A chain travels with its calls: the settlement of a step publishes the next. So the next step is
there when, and only if, the one before is done; a crash neither loses nor doubles it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.errors import PermanentFailure
from pipeline.message import ResultMessage, TaskMessage
from pipeline.message.ids import new_id
from pipeline.tasks.call import packed
from pipeline.tasks.sender import current_sender, current_sync_sender

if TYPE_CHECKING:
    from pipeline.tasks.handle import ChainHandle
    from pipeline.tasks.registry import Task
    from pipeline.tasks.sync import SyncHandle

__all__ = [
    "FIELD",
    "LONGEST",
    "Chain",
    "Following",
    "Signature",
    "address",
    "attach",
    "chain",
    "following",
    "is_followed",
]

#: Where a call says what follows it.
FIELD = "chain"
#: The most steps of a chain, as each travels with those before it.
LONGEST = 100


class Signature(NamedTuple):
    """A call that is not sent yet; made by ``some_task.s(..)``.

    :param task: the task.
    :param args: its positional arguments; in a chain they follow the result of the step before.
    :param kwargs: its named ones.
    """

    task: Task[Any, Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class Chain:
    """Calls that follow one another; made by :func:`chain`.

    :ivar steps: the calls.
    """

    def __init__(self, steps: Sequence[Signature]) -> None:
        self.steps = tuple(steps)

    def __repr__(self) -> str:
        return f"<Chain {' -> '.join(step.task.name for step in self.steps)}>"

    async def send(self) -> ChainHandle:
        """Have it run. While a message is handled it is sent when, and only if, that is done.

        :return: a handle whose result is that of the last step, or the error of the step that has
            failed for good; its ``steps`` are the handles of the steps.
        :raise TypeError: the arguments of the first step don't fit, or one can't travel.
        :raise RuntimeError: nothing binds tasks to a namespace here, see
            :func:`pipeline.tasks.sender.bind`.
        :raise BrokerError: the first call could not be sent.
        """
        return await current_sender().send_chain(self.steps)

    def send_from_thread(self) -> ChainHandle:
        """As :meth:`send`, for a task that runs in a thread or a process, which can't await."""
        sender = current_sender()
        return sender.wait(sender.send_chain(self.steps))

    def send_sync(self) -> SyncHandle:
        """As :meth:`send`, from code that has no reactor; see :func:`pipeline.connect_sync`."""
        return current_sync_sender().send_chain(self.steps)


def chain(*steps: Signature | Chain) -> Chain:
    """Calls one after another: each has the result of the one before as its first argument.

    Each step is tried again as its task says; the next is published in the step that ends it. One
    that has failed for good ends the chain. The steps may be on different queues.

    :param steps: calls, as ``resize.s(200)``, or chains, whose steps are taken.
    :raise TypeError: the arguments of a step don't fit its task, or its task is unique.
    :raise ValueError: there is no step, or there are more than :data:`LONGEST`.
    """
    flat = [each for step in steps for each in _steps(step)]
    if not 0 < len(flat) <= LONGEST:
        raise ValueError(f"a chain has 1 to {LONGEST} steps, not {len(flat)}")
    for step in flat:
        if step.task.unique is not None:
            raise TypeError(f"{step.task.name} is unique: it can't be a step of a chain")
    for step in flat[1:]:  # the first may follow others, when it is sent it is known
        packed(step.task, step.args, step.kwargs, behind=1)
    return Chain(flat)


def _steps(step: Any) -> Sequence[Signature]:
    if isinstance(step, Chain):
        return step.steps
    if not isinstance(step, Signature):
        raise TypeError(f"a step is a call as task.s(..), or a chain, got {step!r}")
    return (step,)


# On the wire --------------------------------------------------------------------------------------


def attach(message: TaskMessage, steps: Sequence[Signature]) -> list[str]:
    """Let a call be the first step of a chain.

    :param steps: all of them.
    :return: the ids of their calls.
    """
    following = [_wired(step) for step in steps[1:]]
    message.extra[FIELD] = {
        "id": message.message_id,
        "at": 1,
        "of": len(steps),
        "steps": following,
    }
    return [message.message_id, *(step["id"] for step in following)]


def _wired(step: Signature) -> dict[str, Any]:
    task = step.task
    args, kwargs = packed(task, step.args, step.kwargs, behind=1)
    wired = {"id": new_id(), "task": task.name, "args": args, "kwargs": kwargs}
    return {**wired, "queue": task.queue, "own": task.own_queue, "ttl": task.ttl}


class Following(NamedTuple):
    """The next call of a chain, and where it goes.

    :param queue: the connector.
    :param own: the queue of its own; None: it has none.
    :param ttl: seconds in which it has to begin; None: any number.
    """

    message: TaskMessage
    queue: str
    own: str | None
    ttl: float | None


def is_followed(message: TaskMessage) -> bool:
    """Whether another call follows this one when it is done."""
    found = message.extra.get(FIELD)
    return isinstance(found, dict) and bool(found.get("steps"))


def following(message: TaskMessage, value: Any) -> Following:
    """What follows a call that is done.

    :param value: its result, as it travels.
    :raise PermanentFailure: what the call says of it makes no sense.
    """
    try:
        return _following(message, value, **message.extra[FIELD])
    except (LookupError, TypeError, ValueError) as error:
        raise PermanentFailure(f"what follows in the chain is no call: {error!r}") from None


def _following(
    message: TaskMessage, value: Any, *, id: str, at: int, of: int, steps: list[dict[str, Any]]
) -> Following:
    step, *rest = steps
    call = TaskMessage(
        message_id=step["id"],
        task=step["task"],
        args=[value, *step["args"]],
        kwargs=step["kwargs"],
        transport_name=step["queue"],
        transport_type="task",
        reply_to=message.reply_to,
        transport_metadata=dict(message.transport_metadata),
        extra={FIELD: {"id": id, "at": at + 1, "of": of, "steps": rest}},
    )
    return Following(call, step["queue"], step["own"], step["ttl"])


def address(answer: ResultMessage, message: TaskMessage) -> None:
    """Let an answer that ends a chain reach who waits for it, and say which step it is of."""
    found = message.extra[FIELD]
    answer.in_reply_to = found["id"]
    if answer.status != "finished":
        step = f"step {found['at']} of {found['of']}, {message.task}"
        answer.error = f"{step}: {answer.error or answer.status}"
