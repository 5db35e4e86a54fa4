"""The promises between the parts, as zope interfaces."""

from __future__ import annotations

from typing import Any

from zope.interface import Attribute, Interface

from pipeline.operating import IDeadLetters, IOverseer, IPlace

__all__ = [
    "IBroker",
    "ICodec",
    "IConsumer",
    "IDeadLetters",
    "IMessageHooks",
    "IOverseer",
    "IPlace",
    "IReader",
    "IRequestHooks",
    "ISearchService",
    "ITaskHooks",
    "IWorker",
]


class IReader(Interface):
    """Reads one partition of the store; what :class:`pipeline.store.Store` looks things up with."""

    def read(op: Any, key: Any, *args: Any) -> Any:
        """One value of the store.

        :param op: a read of :data:`pipeline.store.READS`, as ``"get"`` or ``"hget"``.
        :param key: the user's key.
        :param args: what the read takes besides, as a field.
        :return: a Deferred of the value, in the type that READS names.
        """

    def commit(checks: Any, writes: Any, posts: Any = ()) -> Any:
        """Apply writes and publish at once if every check holds; all or nothing.

        :param checks: list of ``(op, key, args, expected)``.
        :param writes: list of ``(op, key, *args)``, see :data:`pipeline.store.WRITES`.
        :param posts: list of :class:`pipeline.delivery.Post`, for any queues; ``window`` is for
            publishing only; ``writes`` the Store has added to its own.
        :return: a Deferred of True, or of False when a check failed.
        :raise ServerRefused: a write can't be done, as on a value of another type.
        """


class IConsumer(Interface):
    """Takes the messages of one queue in one partition and settles them."""

    queue = Attribute("str: the queue's name")
    partition = Attribute("int: which partition")
    in_hand = Attribute("dict, id -> delivery: what was taken and not yet settled or handed back")
    is_paused = Attribute("bool: an operator has paused the queue, so a take waits for its end")
    waiting_since = Attribute("float or None: since when a take that is out has no answer (clock)")

    def open() -> Any:
        """Make the queue ready to be read. A Deferred."""

    def take(count: Any) -> Any:
        """Up to ``count`` messages, at least one unless interrupted.

        Only one take may be out at a time.

        :return: a Deferred of a list of :class:`pipeline.delivery.Delivery`; an empty list only
            after :meth:`interrupt`.
        """

    def interrupt() -> Any:
        """End an outstanding take soon, with what it has. A Deferred that fires then."""

    def settle(deliveries: Any) -> Any:
        """Make what each delivery has staged true, for those that are still ours.

        Sends the same again until it knows the result, however long the server is away. A delivery
        that conflicts or is refused stays in hand, as nothing has happened to it.

        :param deliveries: deliveries of this consumer.
        :return: a Deferred of a list of :class:`pipeline.delivery.Settled`, one for each.
        """

    def postpone(delivery: Any, attempt: Any, history: Any, delay: Any) -> Any:
        """Note that a delivery has failed and stays in hand until its next attempt.

        Whoever takes it over, or gets it back, knows the attempt and what is left of the delay.
        The delivery's ``attempt``, ``history`` and ``wait`` are set.

        :param attempt: the next one's number.
        :param history: the failed attempts, as JSON.
        :param delay: milliseconds until the next.
        :return: a Deferred of a :class:`pipeline.delivery.Settled`: WON when it was noted, LOST or
            FENCED when the delivery is not ours any more.
        """

    def hand_back(deliveries: Any) -> Any:
        """Put messages back at the tail of their queue, for any worker, at once. A Deferred.

        What they staged is forgotten. Attempts, deaths and history are kept. In a queue that is
        read in order they keep their place instead.
        """

    def close() -> Any:
        """Forget this consumer; nothing may be in hand. A Deferred.

        What the queue of an instance still holds is dead-lettered as ``gone``.
        """


class IBroker(Interface):
    """Carries messages between connectors, and keeps the store.

    The contract is proved by :mod:`pipeline.testing.contracts`.
    """

    namespace = Attribute("str: what separates this system from others on the same server")
    partitions = Attribute("int: how many partitions there are")
    clock = Attribute("the reactor, or a Clock")
    worker_id = Attribute("str: this process's incarnation, unique at each start")
    available = Attribute("bool: the server answers now")
    problem = Attribute("str or None: why it does not, in words for a person")
    silence = Attribute("float: seconds since the server took a beat; 0 where nothing beats")

    def start() -> Any:
        """Connect, check the server, start to beat. A Deferred that fires when ready."""

    def stop() -> Any:
        """Send what waits to be sent, then let go. A Deferred."""

    def consumer(
        queue: Any,
        partition: int = 0,
        instance: bool = False,
        ordered: bool = False,
        limit: Any = None,
    ) -> Any:
        """A consumer of a queue.

        :param queue: as ``sms.inbound``.
        :param instance: the queue belongs to this process alone; when it dies, what is left in it
            is dead-lettered.
        :param ordered: of all consumers of the partition one at a time gets messages, as long as
            it lives and isn't closed, in the order of the queue; who comes after it begins with
            what was not settled. All of a queue's consumers must be ordered, or none. To open one
            fails with ConfigError when the queue isn't empty and was read, in order, with another
            number of partitions.
        :param limit: a :class:`pipeline.delivery.Limit` of what is taken from this partition, which
            all of the queue's consumers should have alike; None: there is none. It is kept when
            consumers die, since what they had in hand counts until it is settled: a message is only
            taken when it may be. Not for what is an instance's or ordered.
        :return: an :class:`IConsumer`.
        """

    def publish(posts: Any, partition: int = 0, max_depth: int = 0) -> Any:
        """Publish from the edge: outside of any delivery, once though a reply is lost.

        A queue with ``!`` before it is its dead letters: so an edge keeps what it can't make a
        message of, as it came. The headers are then the fields of a
        :class:`pipeline.delivery.DeadLetterEntry`.

        :param posts: list of :class:`pipeline.delivery.Post`, all for one queue; together they are
            accepted or refused.
        :param max_depth: refuse when the queue would be longer than this; 0: no limit.
        :return: a Deferred that fires when the server has them.
        :raise QueueFull: ``max_depth`` reached, or too much already waits here to be sent.
        :raise ServerRefused: what a post wants to write can't be done; nothing was published.
        :raise BrokerUnavailable: the broker is stopping, or was never there.
        """

    def reader(partition: int = 0) -> Any:
        """The :class:`IReader` of a partition's store."""

    def now() -> Any:
        """A Deferred of the time that delays go by, the server's: ms since the epoch."""

    def depth(queue: Any) -> Any:
        """A Deferred of a :class:`pipeline.delivery.Depth`, over all partitions."""

    def dead(queue: Any, partition: int = 0, start: str = "-", count: int = 100) -> Any:
        """Dead letters, oldest first. Those of an instance's queue lie with its connector's.

        :param start: the id to begin with; ``(`` before it leaves that one out; ``-`` the oldest.
        :return: a Deferred of a list of :class:`pipeline.delivery.DeadLetterEntry`.
        """

    def dead_letters(queue: Any, partition: int = 0) -> Any:
        """The :class:`IDeadLetters` of a queue in a partition; instances have their connector's."""

    def dead_queues() -> Any:
        """A Deferred of the sorted names of the queues that have dead letters, in any partition.

        For an operator: it may have to look through all keys of the namespace.
        """

    def overseer() -> Any:
        """The :class:`IOverseer` of the namespace: what an operator sees there, and may do."""


class ICodec(Interface):
    """Message to bytes and back."""

    def encode(message: Any) -> Any:
        """Bytes. Raises InvalidMessageField for a value that can't travel."""

    def decode(data: Any) -> Any:
        """A message, or a :class:`pipeline.codec.Undecodable`; never raises."""


class IMessageHooks(Interface):
    """Vumi's family of middleware hooks; every one is optional.

    Each takes ``(message, connector_name)`` and returns the message, another, a Deferred or a
    coroutine of one.
    """

    def handle_inbound(message: Any, connector_name: Any) -> Any:
        """Called for inbound messages in both directions, unless a narrower hook is there."""

    def handle_outbound(message: Any, connector_name: Any) -> Any:
        """The same for outbound messages."""

    def handle_event(message: Any, connector_name: Any) -> Any:
        """The same for events."""

    def handle_failure(message: Any, connector_name: Any) -> Any:
        """The same for failures."""

    def handle_status(message: Any, connector_name: Any) -> Any:
        """The same for status messages."""


class ITaskHooks(Interface):
    """redis-tasks' family; both are optional, a new instance is made for each call."""

    def run_task(task: Any, run: Any, args: Any, kwargs: Any) -> Any:
        """Call ``run(*args, **kwargs)``, or don't. What it returns is ignored."""

    def process_outcome(task: Any, *exc_info: Any) -> Any:
        """Called once for every final outcome; a truthy return swallows the exception."""


class IRequestHooks(Interface):
    """Django's family, with ``process_result(request, result)`` besides; every one is optional."""

    def process_request(request: Any) -> Any:
        """None, or a response that ends the request phase."""

    def process_view(request: Any, view: Any, args: Any, kwargs: Any) -> Any:
        """None, or a response instead of the view's."""

    def process_template_response(request: Any, response: Any) -> Any:
        """The response to render."""

    def process_response(request: Any, response: Any) -> Any:
        """The response to send."""

    def process_exception(request: Any, exception: Any) -> Any:
        """None, or a response instead of the error."""


class IWorker(Interface):
    """What the service runs, and what middleware is given."""

    name = Attribute("str: its name in the configuration")
    config = Attribute("its pipeline.config.Config")

    def start_worker() -> Any:
        """Middleware, connectors, the worker itself, then reading. A Deferred."""

    def stop_worker(deadline: Any) -> Any:
        """Stop reading, finish what is in hand within ``deadline`` seconds, hand the rest back."""


class ISearchService(Interface):
    """Says what is known about exceptions; for the troubleshooter.

    It is made with the options of who asks and with its worker, as ``Service(config, worker)``.
    """

    def start() -> Any:
        """Get ready. May return a Deferred."""

    def stop() -> Any:
        """Let go of everything. May return a Deferred."""

    def saw(trouble: Any, delivery: Any = None) -> Any:
        """Take note of a failure, also of one that nobody searches for. Neither waits nor raises.

        :param trouble: a :class:`pipeline.search.trouble.Trouble`.
        :param delivery: the message that failed, when its handling did; else None.
        """

    def search(trouble: Any) -> Any:
        """What is known about an exception.

        It may take its time, and is cancelled when that is too long.

        :return: a Deferred or coroutine of a list of :class:`pipeline.search.findings.Finding`.
        :raise SearchFailed: it can't say.
        """
