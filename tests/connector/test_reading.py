from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.connector.reading import AGAIN, MANY, Reader, Window
from pipeline.delivery import Delivery
from tests.workers import WorkerCase, inbound


class ReaderCase(WorkerCase):
    """Has a reader of a queue, with room for four."""

    def setUp(self) -> None:
        super().setUp()
        self.batches: list[list[Delivery]] = []
        self.consumer = self.broker.consumer("q")
        self.window = Window(4)
        self.reader = Reader(self.consumer, self.window, self.clock, self.batches.append)
        self.reader.read()
        self.addCleanup(self.reader.pause)

    def settle(self, deliveries: list[Delivery]) -> None:
        self.successResultOf(self.consumer.settle(deliveries))
        for delivery in deliveries:
            self.reader.release(delivery)
        self.reader.take_more()
        self.clock.advance(0)


class Taking(ReaderCase):
    """It takes as long as there is room."""

    def test_half_at_a_time(self) -> None:
        """Half the room is taken at once, so that there is always something on its way."""
        self.put("q", *map(inbound, "abcdef"))
        self.assertEqual([2, 2], [len(batch) for batch in self.batches])
        self.settle(self.batches[0])
        self.assertEqual([2, 2, 2], [len(batch) for batch in self.batches])

    def test_room(self) -> None:
        """With no room nothing is taken."""
        self.put("q", *map(inbound, "abcdef"))
        self.assertEqual((4, 0), (self.window.in_hand, self.window.room))
        self.assertEqual(2, self.depth("q").waiting)

    def test_a_turn_for_each_batch(self) -> None:
        """Batches that are there at once are handled in a turn of the reactor each."""
        self.reader.pause()
        self.put("q", *map(inbound, "abcd"))
        self.reader.read()
        self.assertEqual(1, len(self.batches))
        self.clock.advance(0)
        self.assertEqual(2, len(self.batches))

    def test_handled_first(self) -> None:
        """A batch begins before the next take is asked for; which follows though handling fails."""
        seen: list[bool] = []

        def handle(batch: list[Delivery]) -> None:
            seen.append(reader.is_halted)
            raise RuntimeError("a fault of ours")

        reader = Reader(self.consumer, self.window, self.clock, handle)
        self.reader.pause()
        self.addCleanup(reader.pause)
        reader.read()
        self.put("q", inbound("1"))
        self.assertEqual([True], seen)
        self.assertFalse(reader.is_halted)
        gc.collect()  # only then the error is logged
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))

    def test_many(self) -> None:
        """While many are handled the server is at work on the next already."""
        seen: list[tuple[int, bool]] = []
        window = Window(4 * MANY)
        reader = Reader(
            self.consumer,
            window,
            self.clock,
            lambda batch: seen.append((len(batch), reader._taking)),
        )
        self.reader.pause()
        self.addCleanup(reader.pause)
        self.put("q", *[inbound(str(at)) for at in range(2 * MANY)])
        reader.read()
        self.put("q", inbound("alone"))
        self.assertEqual([(2 * MANY, True), (1, False)], seen)

    def test_begins_when_it_can(self) -> None:
        """Who asks for reading is told when a take is out, though it failed at first."""
        self.reader.pause()
        self.broker.stop()
        begun = self.reader.read()
        self.assertNoResult(begun)
        self.broker.start()
        self.clock.advance(AGAIN)
        self.assertIs(True, self.successResultOf(begun))

    def test_release_once(self) -> None:
        """What is let go of twice makes room once."""
        self.put("q", inbound())
        [delivery] = self.batches[0]
        self.assertTrue(self.reader.release(delivery))
        self.assertFalse(self.reader.release(delivery))
        self.assertEqual(0, self.window.in_hand)


class Stopping(ReaderCase):
    """It stops when asked, and only then."""

    def test_pause(self) -> None:
        """The take that is out is ended; nothing is taken afterwards."""
        self.successResultOf(self.reader.pause())
        self.put("q", inbound())
        self.assertEqual([], self.batches)

    def test_pause_and_read(self) -> None:
        """Who reads again right away waits for nothing."""
        self.reader.pause()
        self.reader.read()
        self.put("q", inbound())
        self.assertEqual(1, len(self.batches))

    def test_empty_take(self) -> None:
        """A consumer that answers nothing at all doesn't make it spin."""
        self.successResultOf(self.consumer.interrupt())
        self.assertEqual(1, len(self.clock.getDelayedCalls()))
        self.clock.advance(1)
        self.put("q", inbound())
        self.assertEqual(1, len(self.batches))

    def test_close(self) -> None:
        """It lets go of all that it holds, handled or not."""
        self.reader.pause()
        self.put("q", *map(inbound, "abcd"))
        self.reader.read()
        self.assertEqual(4, len(self.reader.close()))
        self.clock.advance(1)
        self.assertEqual((1, 0), (len(self.batches), self.window.in_hand))

    def test_late_take(self) -> None:
        """What comes after it was closed is handed back unhandled; only then it is at its end."""
        late: Deferred[Any] = Deferred()
        handed_back: Deferred[Any] = Deferred()
        hand_back = self.consumer.hand_back
        self.reader.pause()
        self.patch(self.consumer, "take", lambda count: late)
        self.patch(
            self.consumer,
            "hand_back",
            lambda jobs: hand_back(jobs).addCallback(lambda _: handed_back),
        )
        self.reader.read()
        self.reader.close()
        ended = self.reader.ended()
        self.put("q", inbound("late"))
        other = self.broker.consumer("q")
        [delivery] = self.successResultOf(other.take(1))
        late.callback([delivery])
        self.assertNoResult(ended)
        handed_back.callback(None)
        self.assertIsNone(self.successResultOf(ended))
        self.assertIsNone(self.successResultOf(self.reader.ended()))
        self.assertEqual([], self.batches)
        self.assertEqual(["late"], self.contents("q"))
