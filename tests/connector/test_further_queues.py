"""A connector that reads more queues of a kind, with a limit or more weight than the first."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector import Connector
from pipeline.delivery import Limit
from pipeline.errors import ConfigError, PipelineError
from tests.workers import WorkerCase, inbound

MORE = "sms.more.inbound"


class FurtherQueues(WorkerCase):
    """What is in a further queue is handled as all of its kind is."""

    def further(self, limit: Limit | None = None, weight: int = 1, **options: Any) -> Connector:
        """A connector that has begun to read a further queue; handlers hold what they get."""
        made = self.unstarted(**options)
        made.consume_queue("inbound", MORE, limit=limit, weight=weight)
        made.add_handler("inbound", self.hold)
        self.successResultOf(Deferred.fromCoroutine(made.start()))
        made.unpause()
        self.addCleanup(self.stop, made)
        self.held: list[tuple[str, Deferred[None]]] = []
        return made

    def unstarted(self, **options: Any) -> Connector:
        """A connector that isn't started."""
        made: Connector = self.worker(**options).setup_connector("sms", ["inbound"])
        return made

    def hold(self, message: Any) -> Deferred[None]:
        """Handle a message until :meth:`finish`."""
        held: Deferred[None] = Deferred()
        self.held.append((message.content, held))
        return held

    def finish(self) -> None:
        """Let the oldest that is handled be done."""
        unfinished = [held for _, held in self.held if not held.called]
        unfinished[0].callback(None)
        self.helper.advance()

    def fill(self, queue: str, letters: str) -> None:
        """Put a message on a queue for each letter."""
        self.put(queue, *[inbound(letter) for letter in letters])

    @property
    def begun(self) -> str:
        """What has begun, in its order."""
        return "".join(content for content, _ in self.held)

    def test_read(self) -> None:
        """It is read beside the first, and what is handled there is settled there."""
        connector = self.further()
        self.assertEqual(["sms.inbound", MORE], connector.reads)
        self.fill(MORE, "a")
        self.fill("sms.inbound", "b")
        self.assertEqual("ab", self.begun)
        self.finish()
        self.assertEqual(0, self.depth(MORE).in_hand)
        self.assertEqual(1, connector.in_hand)

    def test_limit(self) -> None:
        """What may not be taken stays in its queue; other queues don't wait for it."""
        self.further(Limit(concurrency=2))
        self.fill(MORE, "abcd")
        self.fill("sms.inbound", "xyz")
        self.assertEqual("abxyz", self.begun)
        self.assertEqual(2, self.depth(MORE).waiting)
        self.finish()
        self.assertEqual("abxyzc", self.begun)

    def test_weight(self) -> None:
        """Of what waits four with the weight 4 begin, then one with the weight 1."""
        self.further(weight=4, max_in_flight=2)
        self.fill("sms.inbound", "abcde")
        self.fill(MORE, "ABCDEF")
        for _ in range(8):
            self.finish()
        self.assertEqual("abABCDcEFd", self.begun)

    def test_room_of_its_own(self) -> None:
        """A queue with weight is read though as many of the others are in hand as may be."""
        connector = self.further(weight=4, max_in_flight=1)
        self.fill("sms.inbound", "abcdef")
        self.fill(MORE, "A")
        self.finish()
        self.assertEqual("aA", self.begun)
        self.assertLessEqual(connector.in_hand, 4)

    def test_stop(self) -> None:
        """What waits is handed back when it stops."""
        connector = self.further(weight=4, max_in_flight=1)
        self.fill("sms.inbound", "ab")
        self.fill(MORE, "AB")
        stopping = Deferred.fromCoroutine(connector.stop(0))
        self.helper.advance(2)
        self.successResultOf(stopping)
        self.assertEqual((2, 2), (self.depth("sms.inbound").waiting, self.depth(MORE).waiting))

    def test_in_order(self) -> None:
        """A queue with weight has room of its own for what waits behind its key, too."""
        self.further(weight=4, ordering="process", max_in_flight=1)
        self.fill(MORE, "ABC")
        self.fill("sms.inbound", "x")
        for _ in range(4):
            self.finish()
        self.assertEqual("ABCx", "".join(sorted(self.begun)))

    def test_refused(self) -> None:
        """A limit that can't be kept is refused, and so is a kind that isn't read."""
        strict, plain = self.unstarted(ordering="strict"), self.unstarted()
        limit = Limit(concurrency=1)
        self.assertRaises(ConfigError, strict.consume_queue, "inbound", MORE, limit=limit)
        self.assertRaises(PipelineError, plain.consume_queue, "outbound", MORE, limit=limit)


class Spread(WorkerCase):
    """A limit that is divided among partitions."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 2}

    def test_divided(self) -> None:
        """Each partition has its part; what can't be divided is refused."""
        made = self.worker().setup_connector("sms", ["inbound"])
        with self.assertRaises(ConfigError) as caught:
            made.consume_queue("inbound", MORE, limit=Limit(concurrency=1))
        self.assertIn("2 partitions", str(caught.exception))
        made.consume_queue("inbound", MORE, limit=Limit(concurrency=2))
        seen: list[Any] = []
        made.set_default_handler("inbound", lambda message: seen.append(message) or Deferred())
        self.successResultOf(Deferred.fromCoroutine(made.start()))
        made.unpause()
        self.addCleanup(self.stop, made)
        for partition in (0, 0, 1, 1):
            self.put(MORE, inbound(), partition=partition)
        self.assertEqual(2, len(seen))
