"""One partition in memory: its queues, its delayed messages, its dead letters, its store."""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping

from pipeline.brokers.memory.graves import Graves, noted
from pipeline.brokers.memory.keyspace import Keyspace
from pipeline.brokers.memory.stream import Stream
from pipeline.delivery import DeadLetterEntry, Delivery, Depth, Post, Settled
from pipeline.errors import QueueFull, ServerRefused
from pipeline.operating import Pause

__all__ = ["Shard"]

Headers = Mapping[bytes, bytes]
#: Who owns the queue of an instance that is gone.
NOBODY = ""


def _headers(post: Post) -> dict[bytes, bytes]:
    return dict(zip(post.headers[::2], post.headers[1::2], strict=True))


class Shard:
    """Everything that one message can touch, changed in one step.

    :param now: answers the time, in milliseconds.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._count = 0
        #: The queues that got something since they were last looked at.
        self.touched: set[str] = set()
        #: Queue -> the worker that it belongs to alone.
        self.owners: dict[str, str] = {}
        self.flush()

    def flush(self) -> None:
        """Lose everything, as a server does at FLUSHALL."""
        self.keys = Keyspace(self._now)
        self._streams: dict[str, Stream] = {}
        self._delayed: dict[str, list[tuple[int, int, Post]]] = defaultdict(list)
        self.graves = Graves()
        #: Queue with a rate -> when messages were taken lately, in ms.
        self.taken: dict[str, deque[int]] = defaultdict(deque)
        #: The queues that were ever read.
        self.known: set[str] = set()
        #: Queue -> why nobody takes from it; in partition 0, for all of them.
        self.pauses: dict[str, Pause] = {}
        #: Queue with a rate -> when more may be taken, in ms, if that is waited for.
        self.reopened: dict[str, int] = {}

    def stream(self, queue: str) -> Stream:
        """A queue, made when it isn't there."""
        if queue not in self._streams:
            self._streams[queue] = Stream(self._now)
        return self._streams[queue]

    # Publishing --------------------------------------------------------------------------------

    def accept(self, posts: Iterable[Post], max_depth: int) -> None:
        """Put what a publisher sends on its queue: all of it or nothing.

        :raise QueueFull: the queue would be longer than ``max_depth``.
        :raise ServerRefused: what one wants to write can't be done.
        """
        posts = list(posts)
        if max_depth and posts:
            self._refuse_over(posts[0].queue, len(posts), max_depth)
        fresh = [post for post in posts if not post.window or self._is_first(post)]
        self.keys.apply(write for post in fresh for write in post.writes)
        for post in fresh:
            self.post(post)

    def _is_first(self, post: Post) -> bool:
        return self.keys.mark(f"{post.queue}:{post.unique}", post.window)

    def _refuse_over(self, queue: str, more: int, max_depth: int) -> None:
        there = len(self.stream(queue))
        if there + more > max_depth:
            raise QueueFull(f"{queue} has {there} messages: {more} more exceed {max_depth}")

    def post(self, post: Post) -> None:
        """Put one message where its queue's name and its delay say."""
        if post.queue.startswith("!"):
            self._bury(post.queue[1:], post.payload, _headers(post))
        elif post.delay:
            self._delay(post)
        else:
            self._add(post.queue, post.payload, _headers(post))

    def _delay(self, post: Post) -> None:
        self._count += 1
        now = self._now()
        dated = post._replace(headers=(b"t", b"%d" % now, *post.headers))
        heapq.heappush(self._delayed[post.queue], (now + post.delay, self._count, dated))

    def _add(self, queue: str, payload: bytes, headers: Headers) -> None:
        if self.owners.get(queue) == NOBODY:
            self._bury_gone(queue, payload, headers)
            return
        self.stream(queue).add(payload, headers)
        self.touched.add(queue)

    def _bury(self, queue: str, payload: bytes, fields: Headers) -> None:
        named = {name.decode(): value for name, value in fields.items()}
        self.graves.add(queue, self._now(), {**named, "payload": payload})

    def _bury_gone(self, queue: str, payload: bytes, headers: Headers) -> None:
        fields = {
            b"reason": b"gone",
            b"error": b"the instance it was addressed to is gone",
            b"queue": queue.encode(),
            b"attempts": headers.get(b"a", b"1"),
            b"history": headers.get(b"h", b""),
            b"enqueued_at": headers.get(b"t", b"%d" % self._now()),
        }
        if b"c" in headers:
            fields[b"trace"] = headers[b"c"]
        self._bury(queue, payload, fields)

    # Time --------------------------------------------------------------------------------------

    def next_due(self) -> int | None:
        """When the next message is due that can't be taken yet, in ms; None when there is none."""
        due = [waiting[0][0] for waiting in self._delayed.values() if waiting]
        return min([*due, *self.reopened.values()], default=None)

    def move_due(self) -> None:
        """Put the delayed messages whose time has come on their queues, oldest first."""
        now = self._now()
        for queue, waiting in self._delayed.items():
            while waiting and waiting[0][0] <= now:
                _, _, post = heapq.heappop(waiting)
                self._add(queue, post.payload, _headers(post))
        for queue in [queue for queue, when in self.reopened.items() if when <= now]:
            del self.reopened[queue]
            self.touched.add(queue)

    # Settlement --------------------------------------------------------------------------------

    def settle(self, delivery: Delivery) -> Settled:
        """Acknowledge a delivery and make what it staged true, in one step, or do nothing."""
        stream = self._streams.get(delivery.queue)
        if stream is None or not stream.is_current(delivery.token):
            return Settled.FENCED
        # Whatever becomes of it: another that a worker died with may wait for its end.
        self.touched.add(delivery.queue)
        if delivery.id not in stream:
            return Settled.LOST
        if delivery.has_state and not self.keys.holds(delivery.store.checks):
            return Settled.CONFLICT
        try:
            self.keys.apply(delivery.store.writes if delivery.has_state else ())
        except ServerRefused as refused:
            delivery.refusal = str(refused)
            return Settled.REFUSED
        self._acknowledge(stream, delivery)
        return Settled.WON

    def _acknowledge(self, stream: Stream, delivery: Delivery) -> None:
        stream.acknowledge(delivery.id)
        for post in delivery.posts:
            self.post(post)

    def postpone(self, delivery: Delivery, attempt: int, history: bytes, delay: int) -> Settled:
        """Note that an attempt has failed of what stays in hand."""
        stream = self._streams.get(delivery.queue)
        if stream is None or not stream.is_current(delivery.token):
            return Settled.FENCED
        entry = stream.find(delivery.id)
        if entry is None:
            return Settled.LOST
        entry.headers |= {b"a": b"%d" % attempt, b"h": history}
        entry.due = self._now() + delay
        self.touched.add(delivery.queue)
        return Settled.WON

    def hand_back(self, delivery: Delivery) -> None:
        """Put a message at the tail of its queue, if it is still the one that was taken."""
        stream = self._streams.get(delivery.queue)
        if stream is None or stream.token != delivery.token:
            return
        entry = stream.acknowledge(delivery.id)
        if entry is None:
            return
        headers = tuple(part for pair in entry.counted().items() for part in pair)
        delay = max(0, entry.due - self._now()) if entry.due is not None else 0
        self.post(Post(delivery.queue, entry.payload, headers, delay=delay))
        self.touched.add(delivery.queue)

    # Death -------------------------------------------------------------------------------------

    def bereave(self, worker: str) -> None:
        """A worker has died: others take what it held, and nobody what was its alone."""
        for queue, stream in self._streams.items():
            stream.abandon(worker)
            self.touched.add(queue)
        for queue in [queue for queue, owner in self.owners.items() if owner == worker]:
            self.orphan(queue)

    def orphan(self, queue: str) -> None:
        """Nobody reads this queue any more: dead-letter what it holds, and what still comes."""
        self.owners[queue] = NOBODY
        for entry in self.stream(queue).drain():
            self._bury_gone(queue, entry.payload, entry.counted())

    # Numbers -----------------------------------------------------------------------------------

    def depth(self, queue: str) -> Depth:
        """How much is in a queue."""
        stream = self.stream(queue)
        delayed, dead = len(self._delayed[queue]), self.graves.count(queue)
        return Depth(len(stream) - stream.in_hand, stream.in_hand, delayed, dead)

    # Delayed -----------------------------------------------------------------------------------

    def delayed(self, queue: str) -> list[tuple[int, int, Post]]:
        """What is due later, the next first: when, a number that names it, and the message."""
        return sorted(self._delayed[queue])

    def forget_delayed(self, queue: str, number: int) -> None:
        """Take out what is due later."""
        left = [each for each in self._delayed[queue] if each[1] != number]
        heapq.heapify(left)
        self._delayed[queue] = left

    # Dead letters -----------------------------------------------------------------------------

    def revive(self, queue: str, id: str) -> bool:
        """Put a dead letter back on its queue as a fresh message, if it is there."""
        letter = self.graves.take(queue, id)
        if letter is None:
            return False
        now = self._now()
        headers = {
            b"a": b"1",
            b"t": letter.fields.get("enqueued_at") or id.partition("-")[0].encode(),
            b"h": noted(letter, "requeued", now),
        }
        if trace := letter.fields.get("trace"):
            headers[b"c"] = trace
        self._add(self._home(letter), letter.fields["payload"], headers)
        return True

    def _home(self, letter: DeadLetterEntry) -> str:
        """The queue a letter came from; its connector's, if that was an instance now gone."""
        home = letter.fields.get("queue", b"").decode()
        return letter.queue if self.owners.get(home, NOBODY) == NOBODY else home

    def mend(self, letter: DeadLetterEntry, payload: bytes) -> str | None:
        """Give a dead letter another payload: its new id, or None when it is another by now."""
        there = self.graves.find(letter.queue, letter.id)
        if there is None or there.fields["payload"] != letter.fields["payload"]:
            return None
        self.graves.take(letter.queue, letter.id)
        fields = {"died_at": letter.id.partition("-")[0].encode(), **there.fields}
        fields |= {"payload": payload, "history": noted(there, "edited", self._now())}
        return self.graves.add(letter.queue, self._now(), fields)
