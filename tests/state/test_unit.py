"""Work on the store, with a delivery in hand and with none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail

from pipeline.codec import Codec
from pipeline.delivery import Delivery, current
from pipeline.errors import BrokerUnavailable, Conflict, ServerRefused
from pipeline.state.partition import partition_of
from pipeline.state.unit import CONFLICTS, LONGEST, State
from pipeline.store import Store
from pipeline.worker import Runtime
from tests.brokers.redis.bench import RedisCase
from tests.workers import Bare, WorkerCase, inbound


async def wrote(store: Store) -> str:
    store.set("k", "v")
    return "done"


class Flaky:
    """A reader whose commits fail: before or after they were carried out."""

    def __init__(self, reader: Any, errors: list[tuple[Exception, bool]]) -> None:
        self.read = reader.read
        self.commits = 0
        self._reader = reader
        self._errors = errors

    def commit(self, checks: Any, writes: Any, posts: Any = ()) -> Deferred[Any]:
        self.commits += 1
        error, was_done = self._errors.pop(0) if self._errors else (None, True)
        done: Deferred[Any] = (
            self._reader.commit(checks, writes, posts) if was_done else fail(error)
        )
        return done if error is None else done.addCallback(lambda _: fail(error))


class StateCase(WorkerCase):
    """Over four partitions."""

    def setUp(self) -> None:
        super().setUp()
        self.state = State(self.worker())

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 4}

    def done(self, work: Any) -> Any:
        return Deferred.fromCoroutine(work)

    def kept(self, partition: int, key: str = "k") -> bytes | None:
        value: bytes | None = self.successResultOf(self.looker.reader(partition).read("get", key))
        return value

    def flaky(self, *errors: tuple[Exception, bool]) -> Flaky:
        """The broker's commits fail like this, one after another."""
        flaky = Flaky(self.broker.reader(partition_of("+27", 4)), list(errors))
        self.patch(self.broker, "reader", lambda partition=0: flaky)
        return flaky


class InHand(StateCase):
    """With a delivery."""

    def test_staged(self) -> None:
        """Work goes on the delivery's store, and nothing is committed."""
        message = inbound()
        message._delivery = Delivery("q", b"1-0", b"", partition=3, reader=self.broker.reader(3))
        for asked in (
            lambda: self.state.for_message("inbound", message, wrote),
            lambda: self.state.for_key("+27", wrote, message._delivery),
        ):
            message._delivery.restart()
            self.assertEqual("done", self.successResultOf(self.done(asked())))
            self.assertEqual([("set", "k", b"v", 0)], message._delivery.store.writes)
        self.assertEqual([None] * 4, [self.kept(number) for number in range(4)])

    async def test_context(self) -> None:
        """The delivery whose handler runs is in hand."""
        delivery = Delivery("q", b"1-0", b"", reader=self.broker.reader())
        current.set(delivery)
        await self.state.for_key("+27", wrote)
        self.assertEqual(1, len(delivery.store.writes))

    def test_settled(self) -> None:
        """What goes on after the message was settled is committed by itself, in its partition."""
        delivery = Delivery("q", b"1-0", b"", partition=3, reader=self.broker.reader(3))
        delivery.settled = True
        self.successResultOf(self.done(self.state.for_key("+27", wrote, delivery)))
        self.assertEqual((b"v", []), (self.kept(3), delivery.store.writes))


class AtTheEdge(StateCase):
    """With none: units of work of their own."""

    def edge(self, work: Callable[[Store], Any] = wrote) -> Deferred[Any]:
        return self.done(self.state.for_message("inbound", inbound(), work))

    def test_committed(self) -> None:
        """Work is committed in the partition that the message goes to, or that a key has."""
        self.assertEqual("done", self.successResultOf(self.edge()))
        self.assertEqual(b"v", self.kept(partition_of("+27", 4)))
        self.successResultOf(self.done(self.state.for_key("+44", wrote)))
        self.assertEqual(b"v", self.kept(partition_of("+44", 4)))

    def test_only_read(self) -> None:
        """Work that writes nothing commits nothing."""
        flaky = self.flaky()
        self.assertIsNone(self.successResultOf(self.edge(lambda store: store.get("k"))))
        self.assertEqual(0, flaky.commits)

    def test_conflict(self) -> None:
        """Work runs again on fresh reads when what it read has changed."""
        where = partition_of("+27", 4)
        seen = []

        async def appended(store: Store) -> bytes:
            before = await store.get("k") or b""
            seen.append(before)
            if len(seen) < 3:
                other = Store(self.looker.reader(where))
                other.set("k", before + b"other ")
                await other.commit()
            store.set("k", before + b"mine")
            return before

        self.assertEqual(b"other other ", self.successResultOf(self.edge(appended)))
        self.assertEqual([b"", b"other ", b"other other "], seen)
        self.assertEqual(b"other other mine", self.kept(where))

    def test_conflicts_are_bounded(self) -> None:
        """What is changed by others again and again fails, and writes nothing."""
        where = partition_of("+27", 4)
        runs = []

        async def unlucky(store: Store) -> None:
            await store.get("k")
            runs.append(1)
            other = Store(self.looker.reader(where))
            other.set("k", str(len(runs)))
            await other.commit()
            store.set("k", "mine")

        self.failureResultOf(self.edge(unlucky), Conflict)
        self.assertEqual(CONFLICTS, len(runs))
        self.assertEqual(b"%d" % CONFLICTS, self.kept(where))

    def test_away(self) -> None:
        """While the server is away, or refuses for a time, the work is tried again."""
        flaky = self.flaky(
            (BrokerUnavailable("gone"), False),
            (BrokerUnavailable("reply lost"), True),
            (ServerRefused("OOM", "OOM"), False),
        )
        working = self.edge()
        for _ in range(3):
            self.assertNoResult(working)
            self.clock.advance(1)
        self.assertEqual(("done", 4), (self.successResultOf(working), flaky.commits))
        self.assertEqual(b"v", self.kept(partition_of("+27", 4)))

    def test_away_for_long(self) -> None:
        """It is not tried for ever."""
        self.flaky(*[(BrokerUnavailable("gone"), False)] * 1000)
        working = self.edge()
        self.clock.pump([1] * round(LONGEST - 3))
        self.assertNoResult(working)
        self.clock.pump([1] * 4)
        self.failureResultOf(working, BrokerUnavailable)

    def test_refused(self) -> None:
        """What the server refuses for good fails at once."""
        flaky = self.flaky((ServerRefused("wrong type", "WRONGTYPE"), False))
        self.failureResultOf(self.edge(), ServerRefused)
        self.assertEqual(1, flaky.commits)


class OverRedis(RedisCase):
    """The same with a real server."""

    OWN_SERVER = True

    async def state(self) -> tuple[Any, State]:
        broker = await self.make_broker()
        return broker, State(Bare("worker", {}, Runtime(broker, Codec(), self.reactor)))

    async def test_server_restarts(self) -> None:
        """Work at the edge waits while the server is away, and is done when it is back."""
        assert self.server is not None
        broker, state = await self.state()
        self.server.kill_now()
        await self.until(lambda: not broker.client.connected)
        working = Deferred.fromCoroutine(_coroutine(state.for_message("inbound", inbound(), wrote)))
        await self.pause(0.2)
        self.assertFalse(working.called)
        self.server.start_now()
        self.assertEqual("done", await self.soon(working))
        self.assertEqual(b"v", await broker.reader().read("get", "k"))

    async def test_memory(self) -> None:
        """At the memory limit it waits for room, as publishing does."""
        broker, state = await self.state()
        self.limit()
        working = Deferred.fromCoroutine(_coroutine(state.for_key("+27", wrote)))
        await self.pause(0.2)
        self.assertFalse(working.called)
        self.unlimit()
        self.assertEqual("done", await self.soon(working))
        self.assertEqual(b"v", await broker.reader().read("get", "k"))


async def _coroutine(waited: Any) -> Any:
    return await waited
