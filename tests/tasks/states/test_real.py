"""States over a real server: cancelling and ending race, and exactly one of them is true."""

from __future__ import annotations

from collections import Counter
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.codec import Codec
from pipeline.errors import TaskFailed
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.registry import task
from pipeline.tasks.states.reading import calls, counts
from pipeline.testing.server import shared_server, unique_namespace
from pipeline.worker import Runtime

#: How many calls are cancelled while they end.
RACES = 150

#: What has been sent by calls, by the number that they were given.
followed: Counter[int] = Counter()


@task(name="tests.states.follow", queue="race")
async def follow(number: int) -> None:
    """Count what was sent by a call that has finished."""
    followed[number] += 1


@task(name="tests.states.race", queue="race")
async def race(number: int) -> int:
    """Send another call, and take a moment."""
    from twisted.internet import reactor

    await follow.send(number)
    clock: Any = reactor
    await deferLater(clock, 0.001 * (number % 7))
    return number


class Racing(TestCase):
    """Two workers, and a client that cancels each call at another moment."""

    timeout = 120

    async def make(self) -> Runtime:
        """One more process's runtime."""
        broker = RedisBroker(self.address, self.reactor, namespace=self.namespace)
        await broker.start()
        self.addCleanup(broker.stop)
        return Runtime(broker, Codec(), self.reactor, self.namespace)

    async def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        followed.clear()
        self.address = shared_server()
        self.namespace = unique_namespace()
        options = {"transport_name": "race", "tasks": [__name__]}
        for name in ("one", "two"):
            worker = TaskApplication(name, dict(options), await self.make())
            await worker.start_worker()
            self.addCleanup(worker.stop_worker, 5)
        self.runtime = await self.make()
        self.client = Client(self.runtime)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.client.stop()))

    async def one(self, number: int) -> tuple[TaskHandle, bool, str]:
        """Send a call, and cancel it a moment later: what each side says."""
        handle = await self.client.send(race, [number])
        await deferLater(self.reactor, 0.0004 * (number % 25))
        cancelled = await handle.cancel()
        try:
            said = "finished" if await handle.result(60) == number else "odd"
        except TaskFailed as error:
            said = error.status
        return handle, cancelled, said

    async def test_one_outcome(self) -> None:
        """What cancel says, the result, the state, the lists and the effects always agree."""
        racing = [Deferred.fromCoroutine(self.one(number)) for number in range(RACES)]
        ended = await gatherResults(racing)
        outcomes = Counter((cancelled, said) for _, cancelled, said in ended)
        self.assertEqual(RACES, outcomes[True, "cancelled"] + outcomes[False, "finished"])
        for handle, cancelled, _ in ended:
            expected = "cancelled" if cancelled else "finished"
            self.assertEqual(expected, (await handle.status()).state)
        finished = outcomes[False, "finished"]
        while sum(followed.values()) < finished:
            await deferLater(self.reactor, 0.02)
        await deferLater(self.reactor, 0.3)
        self.assertEqual(finished, sum(followed.values()))
        numbers = {number for number, (_, cancelled, _) in enumerate(ended) if not cancelled}
        self.assertEqual(dict.fromkeys(numbers, 1), dict(followed))
        counted = (await counts(self.runtime.broker))[race.name]
        self.assertEqual((0, finished), (counted["live"], counted["finished"]))
        self.assertEqual(RACES - finished, counted["cancelled"])
        listed = await calls(self.runtime.broker, task=race.name, state="cancelled", count=1000)
        self.assertEqual(RACES - finished, len(listed))

    async def test_elsewhere(self) -> None:
        """Another process waits for a call by its id, and sees its state."""
        handle = await self.client.send(race, [6])
        other = Client(await self.make())
        self.addCleanup(lambda: Deferred.fromCoroutine(other.stop()))
        delayed = await self.client.send(race, [3])
        same = other.handle_of(delayed.id)
        self.assertEqual(6, await handle.result(30))
        self.assertEqual("finished", (await other.handle_of(handle.id).status()).state)
        self.assertEqual(race.name, (await same.status()).task)
