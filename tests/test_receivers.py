"""Tests of pipeline.receivers."""

from __future__ import annotations

import gc
import threading
from functools import partial
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.receivers import Receivers, check


class Sender:
    """Is equal to every other."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sender)

    def __hash__(self) -> int:
        return 1


def listener(**named: Any) -> None:
    """Listen."""


def other(**named: Any) -> None:
    """Listen, too."""


class Identity(TestCase):
    """A connection is of one receiver and one sender, whatever else is equal to them."""

    def test_equal_senders(self) -> None:
        """Senders that are equal are not the same, also with a cache."""
        for use_caching in (False, True):
            receivers, one = Receivers(use_caching), Sender()
            receivers.connect(listener, sender=one)
            for _ in range(2):
                self.assertTrue(receivers.has_listeners(one))
                self.assertFalse(receivers.has_listeners(Sender()))

    def test_dead_sender(self) -> None:
        """When a sender is gone its receivers are; another at its place in memory is not it."""
        receivers = Receivers()
        for _ in range(50):
            sender = Sender()
            receivers.connect(listener, sender=sender)
            self.assertTrue(receivers.has_listeners(sender))
            del sender
            self.assertEqual([], receivers.receivers)

    def test_texts(self) -> None:
        """A sender that can't be referenced weakly works, with a cache and without."""
        for use_caching in (False, True):
            receivers, sender = Receivers(use_caching), "".join(["a", "b"])
            receivers.connect(listener, sender=sender)
            self.assertEqual([(listener, False)], receivers.live(sender))
            self.assertTrue(receivers.disconnect(listener, sender=sender))

    def test_uid_of_the_dead(self) -> None:
        """Who dies takes nobody along who has its uid since."""
        receivers = Receivers()
        first = partial(listener)
        receivers.connect(first, dispatch_uid="x")
        sending = receivers.live(None)
        receivers.disconnect(dispatch_uid="x")
        receivers.connect(other, dispatch_uid="x")
        del first, sending
        gc.collect()
        self.assertEqual([(other, False)], receivers.live(None))

    def test_cache(self) -> None:
        """The cache forgets senders that are gone."""
        receivers = Receivers(use_caching=True)
        receivers.connect(listener)
        for _ in range(100):
            receivers.live(Sender())
        gc.collect()
        self.assertEqual({}, receivers._cache)

    def test_kinds(self) -> None:
        """What is asynchronous is known of functions, methods, partials and callable objects."""

        class Late:
            """Is called, and is asynchronous."""

            async def __call__(self, **named: Any) -> None:
                """Wait."""

        receivers, late = Receivers(), Late()
        bound = partial(late.__call__)
        for each in (listener, late, bound):
            receivers.connect(each)
        self.assertEqual([False, True, True], [is_async for _, is_async in receivers.live(None)])


class Threads(TestCase):
    """Any thread may do anything."""

    def test_deaths(self) -> None:
        """Receivers and senders that die in several threads at once leave nothing behind."""
        receivers = Receivers(use_caching=True)

        def churn() -> None:
            for _ in range(300):
                sender, receiver = Sender(), partial(listener)
                receivers.connect(receiver, sender=sender)
                receivers.live(sender)
                del sender, receiver

        threads = [threading.Thread(target=churn) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        receivers.connect(other)
        self.assertEqual([(other, False)], receivers.live(None))
        self.assertEqual(1, len(receivers.receivers))


class Checked(TestCase):
    """What can't work is told."""

    def test_check(self) -> None:
        """What can't be called, and what takes no ``**kwargs``; of what tells nothing, nothing."""
        self.assertRaises(TypeError, check, 7)
        self.assertRaises(ValueError, check, lambda sender: None)
        check(listener)
        check(partial(listener))
        check(dict)
