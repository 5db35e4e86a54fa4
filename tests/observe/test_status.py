"""A status is made of looks."""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.brokers.memory import MemoryBroker, MemoryServer
from pipeline.delivery import Post
from pipeline.observe.status import Look, look, status_of
from pipeline.operating import Pause, QueueSeen, WorkerSeen

NOW = 1_764_000_000_000


def queue(name: str = "q", partition: int = 0, **given: Any) -> QueueSeen:
    """A queue as it was seen, with nothing in it."""
    seen = QueueSeen(name, partition, 0, 0, 0, 0, None, None, 0, {})
    return seen._replace(**given)


def worker(id: str, *names: str, beat: int = NOW, died: int = 0) -> WorkerSeen:
    """A worker as it was seen."""
    return WorkerSeen(id, names, "host", 7, NOW - 60_000, beat, died)


def status(now: Look, before: Look | None = None, **options: Any) -> dict[str, Any]:
    """What is told of looks."""
    return status_of(now, before, **{"dead_after": 15, **options})


class Workers(SynchronousTestCase):
    """Who is alive, and who is not."""

    def states(self, *workers: WorkerSeen, dead_after: float = 15) -> dict[str, str]:
        found = status(Look(NOW, workers, [], []), dead_after=dead_after)
        return {each["id"]: each["state"] for each in found["workers"]}

    def test_states(self) -> None:
        """One is late after three seconds without a beat, and dead after ``dead_after``."""
        beats = {"a": 0, "b": 2999, "c": 3000, "d": 14_999, "e": 15_000}
        states = self.states(*(worker(id, "w", beat=NOW - age) for id, age in beats.items()))
        expected = {"a": "alive", "b": "alive", "c": "late", "d": "late", "e": "dead"}
        self.assertEqual(expected, states)
        self.assertEqual({"c": "late"}, self.states(worker("c", "w", beat=NOW - 500), dead_after=1))
        self.assertEqual({"f": "dead"}, self.states(worker("f", "w", died=NOW)))

    def test_all_there_is(self) -> None:
        """A worker tells who it is, since when, and what it reads and holds; who runs no worker
        is a client, but not who looks."""
        seen = [queue("q", 0, readers={"a": 2, "x": 1}), queue("q", 1, readers={"a": 1})]
        workers = [worker("a", "web", "work"), worker("me"), worker("other")]
        workers.append(worker("gone", beat=1))
        found = status(Look(NOW, workers, seen, []), me="me")
        [told] = found["workers"]
        expected = {
            "id": "a",
            "workers": ["web", "work"],
            "host": "host",
            "pid": 7,
            "state": "alive",
            "beat_age": 0.0,
            "since": "2025-11-24T15:59:00.000+00:00",
            "died_at": None,
            "in_hand": 3,
            "reads": ["q"],
        }
        self.assertEqual((expected, 1), (told, found["clients"]))

    def test_readers_live(self) -> None:
        """The dead are no readers, though what they held is still in hand."""
        seen = [queue(readers={"a": 0, "b": 1}, in_hand=1)]
        workers = [worker("a", "web"), worker("b", "web", beat=1)]
        [told] = status(Look(NOW, workers, seen, []))["queues"]
        self.assertEqual((["a"], 1), (told["readers"], told["in_hand"]))


class Queues(SynchronousTestCase):
    """What is in queues, and how fast it goes."""

    def test_partitions(self) -> None:
        """A queue is the sum of its partitions; the oldest is the oldest of all."""
        seen = [
            queue(waiting=1, in_hand=2, delayed=3, dead=4, oldest=NOW - 1000, due=NOW + 9000),
            queue(partition=1, waiting=10, oldest=NOW - 61_000, due=NOW + 3000),
        ]
        [told] = status(Look(NOW, [], seen, [Pause("q", "ada", NOW - 1000, "why")]))["queues"]
        counts = [told[name] for name in ("waiting", "in_hand", "delayed", "dead")]
        self.assertEqual([11, 2, 3, 4], counts)
        self.assertEqual((61.0, 3.0), (told["oldest_age"], told["next_due_in"]))
        self.assertEqual([1, 10], [part["waiting"] for part in told["partitions"]])
        self.assertEqual(("ada", "why"), (told["paused"]["by"], told["paused"]["reason"]))

    def test_rates(self) -> None:
        """What came and what went is counted between two looks, by the server's clock."""
        before = Look(NOW, [], [queue(added=100, waiting=5, in_hand=5)], [])
        after = Look(NOW + 2000, [], [queue(added=110, waiting=2, in_hand=2)], [])
        [told] = status(after, before)["queues"]
        self.assertEqual((5.0, 8.0), (told["in_per_second"], told["out_per_second"]))

    def test_no_rates(self) -> None:
        """With one look, a server that doesn't count, or one that has lost all meanwhile, there
        are no rates rather than wrong ones."""
        now = Look(NOW + 1000, [], [queue(added=5)], [])
        for before in (
            None,
            Look(NOW, [], [queue(added=None)], []),
            Look(NOW, [], [queue(added=9)], []),
            Look(NOW, [], [queue("other")], []),
            Look(NOW + 1000, [], [queue(added=1)], []),
        ):
            [told] = status(now, before)["queues"]
            self.assertEqual((None, None), (told["in_per_second"], told["out_per_second"]))

    def test_left_out(self) -> None:
        """What is neither wanted nor of use is left out."""
        seen = [
            queue("a"),
            queue("b", dead=1),
            queue("c", readers={"x": 0}),
            queue("d"),
            queue("e"),
        ]
        now = Look(NOW, [worker("x")], seen, [Pause("e", "ada", 1)])
        told = [each["queue"] for each in status(now, wanted={"d"})["queues"]]
        self.assertEqual(["b", "c", "d", "e"], told)
        self.assertEqual(5, len(status(now)["queues"]))


class Looking(TestCase):
    """A look goes over a broker."""

    async def test_look(self) -> None:
        """Known queues, those that are named, and those that are paused are looked at."""
        clock = Clock()
        clock.advance(NOW / 1000)
        broker = MemoryBroker(clock, server=MemoryServer(clock), workers=["web"])
        await broker.start()
        self.addCleanup(broker.stop)
        await broker.consumer("read.inbound").open()
        await broker.publish([Post("named.inbound", b"x")])
        await broker.overseer().pause("paused.inbound", "ada")
        found = status(await look(broker, ["named.inbound"]))
        told = {each["queue"]: each["waiting"] for each in found["queues"]}
        self.assertEqual({"named.inbound": 1, "paused.inbound": 0, "read.inbound": 0}, told)
        self.assertEqual(["alive"], [each["state"] for each in found["workers"]])
