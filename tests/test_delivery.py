"""A delivery and its unit of work."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from pipeline.codec import Codec
from pipeline.delivery import (
    Delivery,
    Limit,
    Post,
    Settled,
    current,
    delivery_in_hand,
    delivery_of,
    derived_id,
)
from pipeline.message import UserMessage
from pipeline.store import Store


class Carried:
    """A message, as far as a delivery looks at it."""

    def __init__(self, message_id: str | None) -> None:
        self.message_id = message_id
        self._delivery: Any = None


class Reader:
    """Answers every read with None."""

    def read(self, op: str, key: str, *args: Any) -> Deferred[Any]:
        return succeed(None)


def delivery(payload: bytes = b"x", **options: Any) -> Delivery:
    return Delivery("work.inbound", b"1-0", payload, reader=Reader(), **options)


class Belonging(SynchronousTestCase):
    """Which delivery a message belongs to."""

    def test_order(self) -> None:
        """The one it came in goes before the one in hand; at the edge there is none."""
        message = Carried("m")
        self.assertIsNone(delivery_of(message))
        in_hand, own = delivery(), delivery()
        self.addCleanup(current.reset, current.set(in_hand))
        self.assertIs(in_hand, delivery_of(message))
        message._delivery = own
        self.assertIs(own, delivery_of(message))


class Staging(SynchronousTestCase):
    """What is staged waits for the settlement, and can be forgotten until then."""

    def test_in_order(self) -> None:
        """Posts are kept in the order in which they were staged."""
        job = delivery()
        posts = [Post("a.outbound", b"1"), Post("b.event", b"2"), Post("a.outbound", b"1")]
        for post in posts:
            job.stage(post)
        self.assertEqual(posts, job.posts)

    def test_too_late(self) -> None:
        """To publish with a delivery that is settled is an error that says what to do."""
        job = delivery()
        job.settled = True
        error = self.assertRaises(RuntimeError, job.stage, Post("q", b"late"))
        self.assertIn("immediately=True", str(error))
        self.assertIn("work.inbound", str(error))
        self.assertEqual([], [*job.posts])

    def test_restart(self) -> None:
        """A second run starts with nothing of the first."""
        job = delivery()
        job.stage(Post("q", b"1"))
        job.wait_for(Deferred())
        self.successResultOf(Deferred.fromCoroutine(job.store.get("k")))
        job.store.set("k", "v")
        job.refusal, job.settled = "no", True
        first = job.next_id()
        job.restart()
        self.assertEqual(([], [], []), ([*job.posts], job.store.writes, job.store.checks))
        self.assertEqual(("", False, ()), (job.refusal, job.settled, job.take_unfinished()))
        self.assertEqual(first, job.next_id())

    def test_unfinished(self) -> None:
        """What must still fire is given once; what comes meanwhile is given the next time."""
        job = delivery()
        first, second = Deferred[None](), Deferred[None]()
        job.wait_for(first)
        self.assertEqual([first], list(job.take_unfinished()))
        job.wait_for(second)
        self.assertEqual([second], list(job.take_unfinished()))
        self.assertEqual([], list(job.take_unfinished()))

    def test_store(self) -> None:
        """A store is made when it is asked for, and stays the same."""
        job = delivery()
        self.assertFalse(job.has_state)
        self.assertIsInstance(job.store, Store)
        self.assertIs(job.store, job.store)
        self.assertTrue(job.has_state)


class Identity(SynchronousTestCase):
    """Ids that are the same in every run."""

    def test_derived(self) -> None:
        """Derived ids differ by parent and by index, and never by run."""
        ids = {derived_id(parent, index) for parent in ("a", "b") for index in (1, 2, 11)}
        self.assertEqual(6, len(ids))
        self.assertEqual(derived_id("a", 1), derived_id("a", 1))
        self.assertTrue(all(len(id) == 32 and int(id, 16) >= 0 for id in ids))

    def test_of_a_message(self) -> None:
        """The ids of what a message makes derive from its own, whatever its entry's id is."""
        first, second = delivery(), Delivery("work.inbound", b"2-0", b"x", attempt=2)
        for job in (first, second):
            job.message = Carried("m1")
        self.assertEqual("m1", first.idempotency_key)
        self.assertEqual([first.next_id(), first.next_id()], [second.next_id(), second.next_id()])
        self.assertNotEqual(first.next_id(), first.next_id())

    def test_of_copies(self) -> None:
        """What is made of one message in two queues has two ids; an instance's is no other."""
        jobs = [
            Delivery(queue, b"1-0", b"x") for queue in ("a.inbound", "b.inbound", "a.inbound@i")
        ]
        for job in jobs:
            job.message = Carried("m1")
        first, other, instance = (job.next_id() for job in jobs)
        self.assertNotEqual(first, other)
        self.assertEqual(first, instance)

    def test_let_go_of(self) -> None:
        """The key is the same when the message was let go of, for who goes on in the background."""
        message = UserMessage(to_addr="1", from_addr="2", transport_name="t", transport_type="sms")
        job = delivery(Codec().encode(message))
        job.message = message
        before = job.idempotency_key
        job.message = None
        self.assertEqual(before, job.idempotency_key)

    def test_without_an_id(self) -> None:
        """A message without an id is known by its bytes."""
        self.assertEqual(delivery(b"x").idempotency_key, delivery(b"x").idempotency_key)
        self.assertNotEqual(delivery(b"x").idempotency_key, delivery(b"y").idempotency_key)
        nameless = delivery(b"x")
        nameless.message = Carried(None)
        self.assertEqual(delivery(b"x").idempotency_key, nameless.idempotency_key)

    def test_repr(self) -> None:
        """A delivery shows its entry, its queue and its attempt."""
        self.assertEqual("<Delivery 1-0 of work.inbound, attempt 3>", repr(delivery(attempt=3)))

    def test_themselves(self) -> None:
        """Two deliveries of the same message are two."""
        self.assertNotEqual(delivery(), delivery())


class Current(SynchronousTestCase):
    """The delivery in hand is known to the code that handles it."""

    def test_survives_await(self) -> None:
        """It is still known after an await, though another was handled meanwhile."""
        gate: Deferred[None] = Deferred()
        seen: list[Delivery | None] = []

        async def handle(job: Delivery, wait: Deferred[None]) -> None:
            current.set(job)
            await wait
            seen.append(current.get())

        first, second = delivery(b"1"), delivery(b"2")
        self.assertIsNone(current.get())
        Deferred.fromCoroutine(handle(first, gate))
        Deferred.fromCoroutine(handle(second, succeed(None)))
        gate.callback(None)
        self.assertEqual([second, first], seen)

    def test_in_hand(self) -> None:
        """Where no message is handled, asking for the delivery is an error that says so."""
        self.assertRaisesRegex(RuntimeError, "no message is in hand here", delivery_in_hand)

    def test_in_hand_of_a_handler(self) -> None:
        """A handler gets its own."""
        own = delivery()
        reset = current.set(own)
        self.addCleanup(current.reset, reset)
        self.assertIs(own, delivery_in_hand())

    def test_posts_are_values(self) -> None:
        """A post with nothing but a queue and a payload is due now, for the first time."""
        post = Post("q", b"x")
        self.assertEqual(((), 0, "", 0), (post.headers, post.delay, post.unique, post.window))
        self.assertEqual(6, len(Settled))


class Memory(SynchronousTestCase):
    """There may be very many deliveries in hand."""

    def test_no_dictionary(self) -> None:
        """What handling sets on a delivery gives it no dictionary of its own."""
        handled = [delivery() for _ in range(100)][-1]
        handled.handler, handled.message, handled.key = ("worker", "inbound"), Carried("1"), "key"
        handled.next_id()
        handled.stage(Post("q", b"x"))
        handled.wait_for(succeed(None))
        self.assertIsNotNone(handled.store)
        handled.settled = True
        self.assertNotIn(dict, [type(each) for each in gc.get_referents(handled)])

    def test_apart(self) -> None:
        """What one stages, or adopts, is staged by no other, also after it was forgotten."""
        one, other = delivery(), delivery()
        post = Post("q", b"x")
        for _ in range(2):
            twin = one.apart()
            twin.stage(post)
            one.adopt(twin)
            one.stage(post)
            self.assertEqual([post, post], one.posts)
            one.restart()
        self.assertEqual(([], []), ([*one.posts], [*other.posts]))

    def test_past_staging(self) -> None:
        """Who puts a message beside what is staged can't put it into all other deliveries."""
        with self.assertRaises(AttributeError):
            delivery().posts.append(Post("q", b"x"))  # type: ignore[attr-defined]  # the mistake
        self.assertEqual([], [*delivery().posts])


class Limits(SynchronousTestCase):
    """A limit is divided among partitions, and never becomes more or nothing by that."""

    def test_shares(self) -> None:
        """The parts add up to the whole."""
        shares = [Limit(7, 10, 500).share(n, 3) for n in range(3)]
        self.assertEqual([(3, 4, 500), (2, 3, 500), (2, 3, 500)], shares)
        self.assertEqual(Limit(rate=4), Limit(rate=4).share(0, 1))

    def test_too_little(self) -> None:
        """What would leave a partition with nothing is refused."""
        for limit in (Limit(concurrency=2), Limit(rate=1), Limit(5, 2)):
            self.assertRaises(ValueError, limit.share, 0, 3)
