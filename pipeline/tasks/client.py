"""Sends calls of tasks into a namespace, and takes their results."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from pipeline.connector.publishing import Edge, Publisher, queue_of
from pipeline.delivery import Delivery, current
from pipeline.errors import Drop, PermanentFailure, PipelineError, Respond, UnknownTask
from pipeline.message import ResultMessage, TaskMessage
from pipeline.message.ids import random_id
from pipeline.middleware.stack import MiddlewareStack
from pipeline.signals import task_queued
from pipeline.tasks.call import packed
from pipeline.tasks.chain import Signature, attach, following
from pipeline.tasks.composing import apply, call_of, limit_wait
from pipeline.tasks.handle import ChainHandle, TaskHandle
from pipeline.tasks.inbox import Inbox
from pipeline.tasks.many import Calls, checked
from pipeline.tasks.options import SendOptions
from pipeline.tasks.registry import Task, known
from pipeline.tasks.states.sent import SentStates
from pipeline.tasks.states.status import TaskStatus
from pipeline.tasks.unique import FIELD, Claim
from pipeline.threads import wait_in_thread

__all__ = ["Client"]

Handle = TypeVar("Handle", bound=TaskHandle)


T = TypeVar("T")


class Client:
    """Sends calls of tasks, and reads a queue of its own for their results.

    Results are read from ``<queue>.outbound@<instance>`` as long as somebody holds a handle.

    :param runtime: a :class:`pipeline.worker.Runtime`, or a worker: gives broker, codec and clock.
    :param stack: what calls pass on their way out, and results on their way in; nothing by
        default.
    :param stages: whether a call that is sent while a message is handled waits for that to be
        settled. False for a client of another namespace than the worker's.
    :ivar instance: what names this client's own queues; random.
    """

    log = Logger("pipeline.tasks")

    def __init__(
        self, runtime: Any, stack: MiddlewareStack | None = None, *, stages: bool = True
    ) -> None:
        self.broker = runtime.broker
        self.codec = runtime.codec
        self.clock = runtime.clock
        self.tracing = runtime.tracing
        self.instance = random_id()
        self._stack = MiddlewareStack([]) if stack is None else stack
        self._stages = stages
        self.states = SentStates(runtime.broker, runtime.clock, runtime.keep_task_states)
        self._publishers: dict[str, Publisher] = {}
        self._opened: dict[str, Deferred[None]] = {}
        self._inboxes: list[Inbox] = []
        #: The queues whose results are read already.
        self._read: set[str] = set()
        self._awaited: WeakValueDictionary[str, TaskHandle] = WeakValueDictionary()

    async def send(
        self,
        task: Task[Any, Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        options: SendOptions | None = None,
        *,
        helper_metadata: Mapping[str, Any] | None = None,
    ) -> TaskHandle:
        """Send a call. With a delivery in hand it is staged, see :class:`Client`.

        :param options: how this call is sent otherwise than the others.
        :param helper_metadata: what the message has in its field of that name, for middleware.
        :return: a handle to wait for the result; not for the result of what is staged. Of a unique
            task that is there already, a handle of that call: its ``is_new`` is False.
        :raise TypeError: the arguments don't fit the function, or one can't travel.
        :raise BrokerError: the call could not be sent.
        :raise PipelineError: middleware dropped it.
        """
        given, named = packed(task, args, kwargs or {})
        delivery = current.get() if self._stages else None
        waits = delivery is None and not task.ignore_result
        message = call_of(task, given, named, self.instance if waits else None)
        if helper_metadata:
            message.helper_metadata = dict(helper_metadata)
        delay = 0.0
        if options is not None:
            apply(options, message)
            delay = options.delay_from(self.clock.seconds())
        writes = await self.states.queued(message, delay) if self.states.are_kept else ()
        edge = Edge(delivery, queue=task.own_queue, delay=delay, writes=writes)
        if task.unique is not None:
            return await self._send_once(task, message, task.unique.key(args, kwargs or {}), edge)
        handle = TaskHandle(message.message_id, task, self.clock, awaited=waits, client=self)
        return await self._send(task, message, edge, handle)

    async def send_many(
        self, task: Task[Any, Any], calls: Iterable[Any], options: SendOptions | None = None
    ) -> list[TaskHandle]:
        """Send many calls of a task, in order and together; with a delivery in hand staged.

        All are checked before one is sent. They are stored 500 in a step, each step whole or not at
        all; those of a unique task one by one.

        :param calls: each a list or tuple of arguments, a mapping of named ones, or ``task.s(..)``.
        :param options: of each.
        :return: their handles, in order; see :meth:`send`.
        :raise TypeError: the arguments of a call, which is named, don't fit; none is sent.
        :raise NotAllSent: some could not be sent; it has the handles of the others.
        """
        given = checked(task, calls)
        sending = Calls(self, task, options)
        if self._stages and current.get() is not None:
            return [await self.send(task, *each, options) for each in given.as_said]
        if task.unique is not None:
            return await sending.send_each(given.as_said)
        return await sending.send(given.packed)

    async def send_chain(self, steps: Sequence[Signature]) -> ChainHandle:
        """Send the first call of a chain; each other one is published when its turn has come.

        :return: a handle of the whole, see :meth:`pipeline.tasks.chain.Chain.send`.
        :raise: as :meth:`send` does.
        """
        first = steps[0]
        args, kwargs = packed(first.task, first.args, first.kwargs)
        delivery = current.get() if self._stages else None
        message = call_of(first.task, args, kwargs, self.instance if delivery is None else None)
        tasks = [step.task for step in steps]
        ids = attach(message, steps)
        handle = ChainHandle(ids, tasks, self.clock, awaited=delivery is None, client=self)
        if delivery is None:
            for queue in {task.queue for task in tasks}:
                await self._results_of(queue)
        writes = await self.states.queued(message, 0)
        edge = Edge(delivery, queue=first.task.own_queue, writes=writes)
        await self._send(first.task, message, edge, handle)
        return handle

    async def follow(self, message: TaskMessage, value: Any, delivery: Delivery) -> None:
        """Stage the call that follows one that is done in its chain.

        :param message: the call that is done.
        :param value: its result, as it travels.
        :raise PermanentFailure: middleware dropped what follows, so the chain has ended.
        """
        call, queue, own, ttl = following(message, value)
        limit_wait(call, ttl, self.clock.seconds())
        edge = Edge(delivery, queue=own, writes=await self.states.queued(call, 0))
        sent = await self.publisher(queue).publish("inbound", call, edge)
        if sent is None:
            raise PermanentFailure(f"middleware dropped {call.task}, the next step of the chain")

    async def _send(
        self, task: Task[Any, Any], message: TaskMessage, edge: Edge, handle: Handle
    ) -> Handle:
        limit_wait(message, task.ttl, self.clock.seconds() + edge.delay)
        if edge.delivery is None:
            self.remember(task, handle)
        if handle.is_coming:
            await self.listen(task.queue)
        sent = await self.publisher(task.queue).publish("inbound", message, edge)
        if sent is not None and task_queued.receivers:
            task_queued.send_robust(task, message=message)
        if sent is None and not handle.done:
            self._awaited.pop(handle.id, None)
            raise PipelineError(f"middleware dropped the call of {task.name}")
        return handle

    def remember(self, task: Task[Any, Any], handle: TaskHandle) -> None:
        """Know a handle, as long as somebody holds it, if something may come for it."""
        # Middleware may answer what nobody else will, and other calls be the same as a unique one.
        if handle.is_coming or task.unique is not None or self._stack.publish_middlewares:
            self._awaited[handle.id] = handle

    async def listen(self, queue: str) -> None:
        """Read the results that come from a connector."""
        if queue not in self._read:
            await self._results_of(queue)

    async def _send_once(
        self, task: Task[Any, Any], message: TaskMessage, key: str, edge: Edge
    ) -> TaskHandle:
        """Send a call, unless another with this key is there; then a handle of that one."""
        waits = message.reply_to is not None
        handle = TaskHandle(message.message_id, task, self.clock, awaited=waits, client=self)
        claim = Claim(key, message.message_id, edge.delay)
        message.extra[FIELD] = key
        try:
            if edge.delivery is None:
                edge = edge._replace(through=partial(claim.publish, self.broker))
                return await self._send(task, message, edge, handle)
            if await claim.stage(edge.delivery.store):
                return await self._send(task, message, edge, handle)
        except PipelineError:
            if not claim.holder:
                raise
        first = self._awaited.get(claim.holder)
        return TaskHandle(
            claim.holder, task, self.clock, awaited=False, first=first, is_new=False, client=self
        )

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine of this in the reactor, and wait for it in another thread.

        :raise RuntimeError: this is the reactor's own thread.
        """
        return wait_in_thread(self.clock, coroutine)

    async def stop(self) -> None:
        """Read no more results; who still waits goes on waiting until its timeout."""
        inboxes, self._inboxes = self._inboxes, []
        self._opened.clear()
        self._read.clear()
        for inbox in inboxes:
            await inbox.close()

    def ordering_key(self, message: Any, kind: str) -> Any:
        """The call's key; None: it is in no order."""
        return message.extra.get(FIELD) or message.from_addr or None

    # Calls that were sent ----------------------------------------------------------------------

    def handle_of(self, call_id: str) -> TaskHandle:
        """A handle of a call that somebody has sent into the same namespace."""
        return TaskHandle(call_id, None, self.clock, awaited=True, client=self)

    async def status(self, call_id: str) -> TaskStatus:
        """What is known of a call; see :meth:`pipeline.tasks.handle.TaskHandle.status`."""
        return await self.states.status(call_id)

    async def cancel(self, call_id: str) -> bool:
        """Cancel a call; see :meth:`pipeline.tasks.handle.TaskHandle.cancel`."""
        return await self.states.cancel(call_id, self._leaving)

    async def stage_purged(
        self, delivery: Delivery, message: TaskMessage, watched: list[str]
    ) -> None:
        """Stage the end of a call that waits and is thrown away with this delivery.

        :param watched: as of :func:`pipeline.tasks.states.purging.watchers`.
        """
        await self.states.purged(delivery, message, watched, self._leaving)

    async def watch(self, handle: TaskHandle) -> None:
        """Settle a handle that was made of an id, now or when its call ends.

        :raise UnknownCall: nothing is known of the call, or its result was not kept.
        """
        self._awaited[handle.id] = handle
        found = await self.states.follow(handle.id, self.instance, self._results_of)
        with suppress(UnknownTask):
            handle.know(known(found.name))
        if found.answer is not None and not handle.done:
            self._take(found.answer)

    async def _leaving(self, connector: str, answer: ResultMessage) -> bytes | None:
        """An answer that this gives in place of a worker, as it leaves."""
        try:
            passed = await maybeDeferred(self._stack.publish("outbound"), answer, connector)
        except (Drop, Respond):
            return None
        return bytes(self.codec.encode(passed))

    def publisher(self, queue: str) -> Publisher:
        """What puts calls on the queues of a connector."""
        found = self._publishers.get(queue)
        if found is None:
            found = Publisher(queue, self, self._stack, ["inbound"], self, self._answered)
            self._publishers[queue] = found
        return found

    async def _answered(self, kind: str, respond: Respond, delivery: Delivery | None) -> None:
        """Take what middleware answered to a call instead of sending it."""
        self._take(respond.message)

    # Results -----------------------------------------------------------------------------------

    def _results_of(self, queue: str) -> Deferred[None]:
        """Fires when the results of a queue are read."""
        opened = self._opened.get(queue)
        if opened is None:
            opened = self._opened[queue] = Deferred.fromCoroutine(self._open(queue))
            opened.addErrback(self._not_opened, queue)
        waiting: Deferred[None] = Deferred()
        opened.addBoth(_passed_on, waiting)
        return waiting

    async def _open(self, queue: str) -> None:
        name = f"{queue_of(queue, 'outbound')}@{self.instance}"
        for partition in range(self.broker.partitions):
            consumer = self.broker.consumer(name, partition, True)
            inbox = Inbox(consumer, self.codec, self.clock, partial(self._came, queue))
            await inbox.open()
            self._inboxes.append(inbox)
        self._read.add(queue)

    def _not_opened(self, failure: Failure, queue: str) -> Failure:
        self._opened.pop(queue, None)
        return failure

    def _came(self, queue: str, answer: Any) -> None:
        """Pass a result through middleware, as what is read passes it."""
        chain = self._stack.consume("outbound")
        if not chain.steps or not isinstance(answer, ResultMessage):
            self._take(answer)
            return
        passed: Deferred[Any] = maybeDeferred(chain, answer, queue)
        passed.addCallback(self._take)
        passed.addErrback(self._refused, answer)

    def _refused(self, failure: Failure, answer: ResultMessage) -> None:
        """It may be forged: who waits goes on waiting, for the true one or for its timeout."""
        self.log.warn(
            "the result {answer!r} was not accepted: {error}", answer=answer, error=failure.value
        )

    def _take(self, answer: Any) -> None:
        if not isinstance(answer, ResultMessage):
            self.log.warn("instead of a task's result came {answer!r}", answer=answer)
            return
        handle = self._awaited.pop(answer.in_reply_to or "", None)
        if handle is not None:
            handle.settle(answer)


def _passed_on(result: Any, waiting: Deferred[None]) -> Any:
    waiting.callback(result)
    return None if isinstance(result, Failure) else result
