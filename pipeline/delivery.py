"""A delivery: one message in hand, with everything that handling it wants to happen.

Nothing is sent while a handler runs. What it publishes and writes is staged here, and the
connector settles it in one step with the acknowledgement: all of it happens, once, or none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from enum import Enum
from typing import Any, NamedTuple, cast

from pipeline.message.ids import derived_id, id_on_wire, id_source
from pipeline.store import Store, Write

__all__ = [
    "Apart",
    "DeadLetterEntry",
    "Delivery",
    "Depth",
    "Limit",
    "Post",
    "Settled",
    "current",
    "delivery_in_hand",
    "delivery_of",
    "derived_id",
]


class Post(NamedTuple):
    """A message to be put on a queue.

    :param queue: as ``sms.outbound``; with ``!`` before it, the dead letters of that queue.
    :param payload: the encoded message; of a dead letter any bytes.
    :param headers: what travels beside it, name and value as bytes, flat: ``a`` the attempt it will
        be, ``d`` how many workers died with it, ``t`` when it was first enqueued (ms since the
        epoch), ``h`` its history of failed attempts (JSON); left out for a message's first time.
        ``c`` is the context of its trace.
    :param delay: milliseconds before it is due; 0: now.
    :param unique: for delayed and de-duplicated posts, what tells this one from its twins.
    :param window: milliseconds in which a second post with the same ``unique`` is left out;
        0: none. Only for publishing at the edge.
    :param writes: of :data:`pipeline.store.WRITES`: what is written in the same step.
    """

    queue: str
    payload: bytes
    headers: tuple[bytes, ...] = ()
    delay: int = 0
    unique: str = ""
    window: int = 0
    writes: tuple[Write, ...] = ()


class Settled(Enum):
    """What became of an attempt to settle a delivery."""

    #: Acknowledged, and all that was staged has happened.
    WON = "won"
    #: It was settled before: by another worker, or by an earlier try whose answer was lost.
    LOST = "lost"
    #: What it read has changed meanwhile: nothing happened, handle it again.
    CONFLICT = "conflict"
    #: A staged write can't be done: nothing happened. The reason is in ``delivery.refusal``.
    REFUSED = "refused"
    #: Acknowledged, but a write failed half-way: it will be dead-lettered as torn.
    TORN = "torn"
    #: The queue is not the one it was read from any more: nothing happened.
    FENCED = "fenced"


class Depth(NamedTuple):
    """How much is in a queue."""

    waiting: int
    in_hand: int
    delayed: int
    dead: int


class Limit(NamedTuple):
    """How much of a queue may be taken, by all consumers of a partition together.

    :param concurrency: the most messages that may be in hand at a time; 0: any number.
    :param rate: the most messages that may be taken in any ``period``; 0: any number.
    :param period: milliseconds.
    """

    concurrency: int = 0
    rate: int = 0
    period: int = 1000

    def share(self, partition: int, partitions: int) -> Limit:
        """A partition's part of the whole: the parts add up to it.

        :raise ValueError: there is less to share than there are partitions.
        """
        if 0 < self.concurrency < partitions or 0 < self.rate < partitions:
            raise ValueError(f"{self} can't be shared by {partitions} partitions")
        concurrency, rate = (
            most // partitions + (partition < most % partitions)
            for most in (self.concurrency, self.rate)
        )
        return Limit(concurrency, rate, self.period)


class DeadLetterEntry(NamedTuple):
    """A dead letter as it lies in its queue.

    :param fields: ``reason`` (undecodable, exhausted, permanent, refused, torn, poison,
        gone ..), ``error``, ``traceback``, ``where``, ``attempts``, ``history``,
        ``enqueued_at``, ``payload``.
    """

    id: str
    queue: str
    fields: dict[str, bytes]


#: The delivery that the code now running handles, if any; survives ``await``. It gives the ids.
current = cast("ContextVar[Delivery | None]", id_source)


def delivery_of(message: Any) -> Delivery | None:
    """The delivery that a message came in, else the one in hand; None at the edge."""
    return getattr(message, "_delivery", None) or current.get()


def delivery_in_hand() -> Delivery:
    """The delivery that the code now running handles; its ``store`` is settled with it.

    :raise RuntimeError: there is none: the code doesn't run for a message.
    """
    delivery = current.get()
    if delivery is None:
        raise RuntimeError("no message is in hand here: only handlers, views and tasks have one")
    return delivery


class Delivery:
    """One message in hand.

    :ivar id: the entry's id in its queue; changes when the message is retried.
    :ivar payload: the message as it lay on the wire.
    :ivar attempt: which try this is, from 1.
    :ivar deaths: how many workers died while they had it in hand.
    :ivar history: its failed attempts so far, as JSON; b"" when there are none.
    :ivar trace: the context of its trace, as who published it wrote it; b"" when there is none.
    :ivar message: the decoded message, once it is.
    :ivar posts: what is staged to be published.
    """

    # What most deliveries have alike is the class's: there is one of them for each message.
    attempt: int = 1
    deaths: int = 0
    history: bytes = b""
    trace: bytes = b""
    probation: bool = False
    message: Any = None
    key: Any = None
    #: The name of the worker that handles it, and the kind; None before it begins.
    handler: tuple[str, str] | None = None
    refusal: str = ""
    #: When a failed attempt was noted while it stayed in hand: until when it waits for the next, in
    #: seconds on this process's clock; else None.
    wait: float | None = None
    #: How often it was handled again since what it read had changed.
    conflicts: int = 0
    #: True once its unit of work is closed: what is staged later is an error.
    settled: bool = False
    # Who puts something in here by mistake, and not by stage(), hears of it at once.
    posts: Sequence[Post] = ()
    _enqueued_at: int | None = None
    _store: Store | None = None
    _ids: int = 0
    _unfinished: list[Any] | None = None

    def __init__(
        self,
        queue: str,
        id: bytes,
        payload: bytes,
        partition: int = 0,
        token: bytes = b"",
        reader: Any = None,
        attempt: int = 1,
        deaths: int = 0,
        enqueued_at: int | None = None,
        history: bytes = b"",
        trace: bytes = b"",
        probation: bool = False,
    ) -> None:
        self.queue = queue
        self.id = id
        self.payload = payload
        self.partition = partition
        self.token = token
        self._reader = reader
        if attempt != 1:
            self.attempt = attempt
        if deaths:
            self.deaths = deaths
        if enqueued_at is not None:
            self._enqueued_at = enqueued_at
        if history:
            self.history = history
        if trace:
            self.trace = trace
        if probation:
            self.probation = probation

    def __repr__(self) -> str:
        return f"<Delivery {self.id.decode()} of {self.queue}, attempt {self.attempt}>"

    @property
    def enqueued_at(self) -> int:
        """When it was first published, in ms since the epoch: unless noted, as its id says."""
        if self._enqueued_at is None:
            born = self.id.partition(b"-")[0]
            self._enqueued_at = int(born) if born.isdigit() else 0
        return self._enqueued_at

    @property
    def idempotency_key(self) -> str:
        """A text that is the same every time this message is handled, for effects outside."""
        message = self.message  # None once it is let go of: there may be somebody in the background
        known = getattr(message, "message_id", "") if message else id_on_wire(self.payload)
        return known or derived_id(repr(self.payload), 0)

    @property
    def trace_headers(self) -> tuple[bytes, ...]:
        """The headers that keep this message in its trace when it is put on a queue once more."""
        return (b"c", self.trace) if self.trace else ()

    def next_id(self) -> str:
        """A new message id that derives from this message, its queue and how many were made before.

        The queue, since a dispatcher puts one message on several: what two applications make of it
        are two messages. An instance's queue counts as its connector's, as for dead letters.
        """
        self._ids += 1
        queue = self.queue.partition("@")[0] if "@" in self.queue else self.queue
        return derived_id(f"{queue}:{self.idempotency_key}", self._ids)

    @property
    def store(self) -> Store:
        """The store, as this unit of work sees it."""
        if self._store is None:
            self._store = Store(self._reader)
        return self._store

    @property
    def has_state(self) -> bool:
        """Whether the store was touched: reads to compare, or writes to make."""
        return self._store is not None

    def stage(self, post: Post) -> None:
        """Publish this when, and only if, the delivery is settled as done."""
        if self.settled:
            raise RuntimeError(
                f"{self!r} is settled already: publish before the handler is done, or wait for "
                "what it does in the background, or publish with immediately=True"
            )
        if post.writes:
            self.store.writes += post.writes
            post = post._replace(writes=())
        if isinstance(self.posts, list):
            self.posts.append(post)
        else:
            self.posts = [post]

    def apart(self) -> Apart:
        """A unit of work that begins as this one is, and becomes part of it by :meth:`adopt`."""
        twin = Apart(
            *(self.queue, self.id, self.payload, self.partition, self.token, self._reader),
            *(self.attempt, self.deaths, self.enqueued_at, self.history, self.trace),
        )
        twin.message, twin.key, twin._ids = self.message, self.key, self._ids
        twin.handler = self.handler
        if self._store is not None:
            twin._store = _copied(self._store)
        return twin

    def adopt(self, twin: Apart) -> None:
        """Take over what was staged in a unit of work that began as this one."""
        self.posts = [*self.posts, *twin.posts]
        self._ids = max(self._ids, twin._ids)
        for unfinished in twin.take_unfinished():
            self.wait_for(unfinished)
        if twin._store is not None:
            self._store = twin._store
        twin.close()

    def wait_for(self, unfinished: Any) -> None:
        """Settle only after this Deferred has fired; its failure is the delivery's."""
        if self._unfinished is None:
            self._unfinished = []
        self._unfinished.append(unfinished)

    def take_unfinished(self) -> Iterable[Any]:
        """What must still fire before the unit of work is complete; each is given once."""
        unfinished, self._unfinished = self._unfinished, None
        return unfinished or ()

    def restart(self) -> None:
        """Forget what was staged and read: the message is handled anew, or settled otherwise."""
        self.posts = ()
        self._ids = 0
        self._unfinished = None
        self.refusal = ""
        self.settled = False
        if self._store is not None:
            self._store.forget()


class Apart(Delivery):
    """A part of a delivery's work that may be given up, as that of a thread that takes too long."""

    @property
    def store(self) -> Store:
        """As :attr:`Delivery.store`.

        :raise RuntimeError: it was given up.
        """
        if self.settled:
            raise RuntimeError(f"{self!r} is over: what is written now would be lost")
        return super().store

    def close(self) -> None:
        """Give it up: what is staged from now on is an error."""
        self.settled = True


# Python keeps attributes without a dictionary only under the names that the first thirty instances
# had, and many more are taken before one is handled: so the first has all that handling sets.
_FIRST = Delivery("", b"", b"")
_FIRST.message = _FIRST.handler = _FIRST.key = _FIRST._store = _FIRST._unfinished = None
_FIRST._ids, _FIRST.settled, _FIRST.posts = 0, False, ()


def _copied(store: Store) -> Store:
    """A view that has read and staged the same."""
    copied = Store(store._reader)
    copied._seen, copied.writes = dict(store._seen), list(store.writes)
    copied._overlay = {key: dict(staged) for key, staged in store._overlay.items()}
    return copied
