"""Both brokers against a small model: whatever is done in what order, each message ends once."""

from __future__ import annotations

from collections import Counter
from typing import Any, Protocol

from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.brokers.memory import MemoryBroker, MemoryServer
from pipeline.delivery import Delivery, Post, Settled
from pipeline.store import Store
from tests.brokers.redis.bench import OTHER, QUEUE, RedisBench
from tests.properties import HealthCheck, Phase, given, settings

#: How many workers there are at a time.
WORKERS = 3
#: Milliseconds that a delayed message waits.
DELAY = 4000

slots = st.integers(0, WORKERS - 1)
few = st.integers(1, 4)
#: What a program is made of.
steps = st.one_of(
    st.tuples(st.just("publish"), few, st.booleans()),
    st.tuples(st.just("take"), slots, few),
    st.tuples(st.just("settle"), slots, few, st.sampled_from(["done", "retry", "bury"])),
    st.tuples(st.just("hand_back"), slots, few),
    st.tuples(st.just("die"), slots),
    st.tuples(st.just("late"), few, st.sampled_from(["done", "retry"])),
    st.tuples(st.just("elapse"), few),
)
programs = st.lists(steps, min_size=5, max_size=40)

Program = list[tuple[Any, ...]]


class World(Protocol):
    """Where brokers live."""

    async def make_broker(self) -> Any:
        """A started broker."""

    async def elapse(self, seconds: float) -> None:
        """Let the time of delays pass."""

    async def lose(self, broker: Any) -> None:
        """Let a broker hang until the others call it dead."""

    async def moment(self) -> None:
        """Let what is under way arrive."""


class Worker:
    """A broker, its consumer, and what it has in hand."""

    def __init__(self, broker: Any) -> None:
        self.broker = broker
        self.consumer = broker.consumer(QUEUE)
        self.held: list[tuple[Delivery, int]] = []


class Model:
    """What should be true of each message, by its payload.

    A message lives many lives: each retry, and each handing back, begins the next. A delivery
    belongs to one of them, and is settled only if that is still the present one.
    """

    def __init__(self) -> None:
        self.life: dict[bytes, int] = {}
        self.attempt: dict[bytes, int] = {}
        self.held: set[bytes] = set()
        self.ended: dict[bytes, str] = {}

    def publish(self) -> bytes:
        """A new message."""
        payload = b"m%d" % len(self.life)
        self.life[payload] = self.attempt[payload] = 1
        return payload

    @property
    def open(self) -> int:
        """How many are not at their end."""
        return len(self.life) - len(self.ended)

    def take(self, delivery: Delivery) -> int:
        """A delivery was taken; its life."""
        payload = delivery.payload
        assert payload in self.life, f"{payload!r} was never published"
        assert payload not in self.ended, f"{payload!r} is {self.ended[payload]} already"
        assert payload not in self.held, f"{payload!r} is in the hand of somebody who lives"
        assert delivery.attempt == self.attempt[payload], f"attempt {delivery.attempt}"
        self.held.add(payload)
        return self.life[payload]

    def settle(self, payload: bytes, life: int, how: str) -> Settled:
        """What settling a delivery must answer."""
        if payload in self.ended or life != self.life[payload]:
            return Settled.LOST
        self.held.discard(payload)
        if how in ("done", "bury"):
            self.ended[payload] = how
        else:
            self.life[payload] += 1
            self.attempt[payload] += how == "retry"
        return Settled.WON


class Run:
    """Runs a program on a broker, and holds what it does against the model."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.model = Model()
        self.workers: list[Worker] = []
        self.late_ones: list[tuple[Worker, Delivery, int]] = []

    async def run(self, program: Program) -> None:
        """Everything, and then the end."""
        for _ in range(WORKERS):
            self.workers.append(await self.hire())
        for name, *args in program:
            await getattr(self, name)(*args)
        await self.finish()

    async def hire(self) -> Worker:
        worker = Worker(await self.world.make_broker())
        await worker.consumer.open()
        return worker

    # Steps ---------------------------------------------------------------------------------------

    async def publish(self, count: int, is_delayed: bool) -> None:
        delay = DELAY if is_delayed else 0
        posts = [
            Post(QUEUE, payload, delay=delay, unique=payload.decode())
            for payload in (self.model.publish() for _ in range(count))
        ]
        await self.workers[0].broker.publish(posts)

    async def take(self, slot: int, count: int) -> int:
        worker = self.workers[slot]
        taking = worker.consumer.take(count)
        if not taking.called:
            await self.world.moment()
            await worker.consumer.interrupt()
        taken = await taking
        assert len(taken) <= count
        worker.held += [(delivery, self.model.take(delivery)) for delivery in taken]
        return len(taken)

    async def settle(self, slot: int, count: int, how: str) -> None:
        worker = self.workers[slot]
        batch, worker.held = worker.held[:count], worker.held[count:]
        await self._settle(worker, batch, how)

    async def late(self, count: int, how: str) -> None:
        """Who was called dead settles what it had."""
        for worker, delivery, life in self.late_ones[:count]:
            await self._settle(worker, [(delivery, life)], how)
        del self.late_ones[:count]

    async def _settle(self, worker: Worker, batch: list[tuple[Delivery, int]], how: str) -> None:
        for delivery, _ in batch:
            self._stage(delivery, how)
        wanted = [self.model.settle(d.payload, life, how) for d, life in batch]
        results = await worker.consumer.settle([delivery for delivery, _ in batch])
        assert results == wanted, f"{results} instead of {wanted}"

    def _stage(self, delivery: Delivery, how: str) -> None:
        if how == "done":
            delivery.stage(Post(OTHER, delivery.payload))
            delivery.store.incr(f"count:{delivery.payload.decode()}")
        elif how == "bury":
            delivery.stage(Post(f"!{QUEUE}", delivery.payload, (b"reason", b"planned")))
        else:
            headers = (b"a", b"%d" % (delivery.attempt + 1))
            unique = f"{delivery.id.decode()}:{delivery.attempt}"
            delivery.stage(Post(QUEUE, delivery.payload, headers, delay=DELAY, unique=unique))

    async def hand_back(self, slot: int, count: int) -> None:
        worker = self.workers[slot]
        batch, worker.held = worker.held[:count], worker.held[count:]
        for delivery, life in batch:
            self.model.settle(delivery.payload, life, "back")
        await worker.consumer.hand_back([delivery for delivery, _ in batch])

    async def die(self, slot: int) -> None:
        worker = self.workers[slot]
        self.workers[slot] = await self.hire()
        await self.world.lose(worker.broker)
        self.late_ones += [(worker, delivery, life) for delivery, life in worker.held]
        self.model.held -= {delivery.payload for delivery, _ in worker.held}

    async def elapse(self, seconds: int) -> None:
        await self.world.elapse(seconds)

    # The end -------------------------------------------------------------------------------------

    async def finish(self) -> None:
        """One worker is left and does all that there is; then all is as it should be."""
        for worker in self.workers[1:]:
            await worker.consumer.hand_back([delivery for delivery, _ in worker.held])
            for delivery, life in worker.held:
                self.model.settle(delivery.payload, life, "back")
            await worker.consumer.close()
        for _ in range(400):
            if not self.model.open:
                break
            await self.world.elapse(DELAY / 1000)
            await self.take(0, 10)
            await self.settle(0, 10, "done")
        await self.late(len(self.late_ones), "done")
        await self.check()

    async def check(self) -> None:
        broker, ended = self.workers[0].broker, self.model.ended
        assert self.model.open == 0, f"never came: {self.model.life.keys() - ended.keys()}"
        done = {payload for payload, how in ended.items() if how == "done"}
        buried = [payload for payload, how in ended.items() if how == "bury"]
        out = await self._drain(broker)
        assert out == Counter(done), f"published: {out}"
        letters = await broker.dead(QUEUE, count=1000)
        assert Counter(each.fields["payload"] for each in letters) == Counter(buried)
        store = Store(broker.reader())
        for payload in ended:
            assert await store.count(f"count:{payload.decode()}") == (payload in done)
        assert tuple(await broker.depth(QUEUE)) == (0, 0, 0, len(buried))

    async def _drain(self, broker: Any) -> Counter[bytes]:
        consumer = broker.consumer(OTHER)
        await consumer.open()
        out: Counter[bytes] = Counter()
        while (await broker.depth(OTHER)).waiting:
            taken = await consumer.take(100)
            out.update(delivery.payload for delivery in taken)
            await consumer.settle(taken)
        return out


class MemoryWorld:
    """Memory brokers on a clock."""

    DEAD_AFTER = 1.0

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.server = MemoryServer(self.clock)

    async def make_broker(self) -> Any:
        broker = MemoryBroker(self.clock, server=self.server, dead_after=self.DEAD_AFTER)
        await broker.start()
        return broker

    async def elapse(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def lose(self, broker: Any) -> None:
        broker.die()
        self.clock.advance(1.5 * self.DEAD_AFTER)

    async def moment(self) -> None:
        """Nothing is ever under way."""


class Memory(SynchronousTestCase):
    """The memory broker."""

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(programs)
    def test_model(self, program: Program) -> None:
        """It does what the model does."""
        self.successResultOf(Deferred.fromCoroutine(Run(MemoryWorld()).run(program)))


class Redis(RedisBench, TestCase):
    """The Redis broker, on a real server."""

    timeout = 120
    DEAD_AFTER = 0.4
    #: Programs, each of which dies a few deaths in real time.
    COUNT = 8

    async def lose(self, broker: Any) -> None:
        await self.kill(broker)
        await self._pause(1.5 * self.DEAD_AFTER)

    async def moment(self) -> None:
        await self._pause(0.02)

    async def _pause(self, seconds: float) -> None:
        waited: Deferred[None] = Deferred()
        self.reactor.callLater(seconds, waited.callback, None)
        await waited

    def _programs(self) -> list[Program]:
        found: list[Program] = []

        @settings(
            max_examples=self.COUNT * 4,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(programs)
        def gather(program: Program) -> None:
            found.append(program)

        gather()
        return sorted(found, key=len)[-self.COUNT :]

    async def test_model(self) -> None:
        """It does what the model does."""
        for number, program in enumerate(self._programs()):
            self.namespace = f"{self.namespace}-{number}"
            try:
                await Run(self).run(program)
            except AssertionError as error:
                raise self.failureException(f"{error}\n{program}") from error
