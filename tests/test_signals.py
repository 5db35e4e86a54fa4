from __future__ import annotations

import gc
import threading
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import TestCase

from pipeline import signals
from pipeline.signals import Signal, receiver


class Recorder:
    """Has receivers of every form."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def hear(self, sender: Any, **named: Any) -> str:
        """A bound method."""
        self.heard.append((sender, named.get("value")))
        return "heard"

    async def hear_later(self, sender: Any, **named: Any) -> str:
        """An asynchronous one."""
        self.heard.append((sender, named.get("value")))
        return "later"


def fails(**named: Any) -> None:
    """A receiver with a fault."""
    raise ValueError("receiver")


class Connecting(TestCase):
    """Who is connected, for whom, and for how long."""

    def setUp(self) -> None:
        self.signal = Signal()
        self.recorder = Recorder()

    def test_arguments(self) -> None:
        """A receiver is given the signal, the sender and what is named; its response comes back."""
        given: dict[str, Any] = {}

        def hear(**named: Any) -> int:
            given.update(named)
            return 7

        self.signal.connect(hear)
        self.assertEqual([(hear, 7)], self.signal.send("me", value=1))
        self.assertEqual({"signal": self.signal, "sender": "me", "value": 1}, given)

    def test_order(self) -> None:
        """Receivers are called in the order in which they were connected."""
        called: list[int] = []
        receivers = [lambda n=n, **named: called.append(n) for n in range(5)]
        for each in receivers:
            self.signal.connect(each)
        self.signal.send(None)
        self.assertEqual([0, 1, 2, 3, 4], called)

    def test_sender(self) -> None:
        """A receiver of one sender hears that very object only; of None, everybody."""
        one, other = object(), object()
        self.signal.connect(self.recorder.hear, sender=one)
        for sender in (one, other, None):
            self.signal.send(sender)
        self.assertEqual([(one, None)], self.recorder.heard)
        self.assertTrue(self.signal.has_listeners(one))
        self.assertFalse(self.signal.has_listeners(other))

    def test_twice(self) -> None:
        """The same receiver for the same sender is connected once, a bound method too."""
        self.signal.connect(self.recorder.hear)
        self.signal.connect(self.recorder.hear)
        self.signal.send(None)
        self.assertEqual(1, len(self.recorder.heard))

    def test_dispatch_uid(self) -> None:
        """The uid, and not the object, identifies a receiver that has one."""
        other = Recorder()
        self.signal.connect(self.recorder.hear, dispatch_uid="x")
        self.signal.connect(other.hear, dispatch_uid="x")
        self.signal.send(None)
        self.assertEqual((1, 0), (len(self.recorder.heard), len(other.heard)))
        self.assertTrue(self.signal.disconnect(dispatch_uid="x"))
        self.assertFalse(self.signal.has_listeners())

    def test_disconnect(self) -> None:
        """Disconnecting says whether it was connected."""
        self.signal.connect(self.recorder.hear)
        self.assertTrue(self.signal.disconnect(self.recorder.hear))
        self.assertFalse(self.signal.disconnect(self.recorder.hear))
        self.assertEqual([], self.signal.send(None))

    def test_death(self) -> None:
        """A receiver that dies is disconnected; a function, or the object of a bound method."""

        def function(**named: Any) -> None: ...

        self.signal.connect(self.recorder.hear)
        self.signal.connect(function)
        del self.recorder, function
        gc.collect()
        self.assertEqual([], self.signal.receivers)

    def test_held(self) -> None:
        """With ``weak=False`` it lives as long as the signal."""
        self.signal.connect(Recorder().hear, weak=False)
        gc.collect()
        self.assertEqual(["heard"], [response for _, response in self.signal.send(None)])

    def test_changes_while_sending(self) -> None:
        """Who connects or disconnects during a send counts from the next one."""

        def change(**named: Any) -> None:
            self.signal.disconnect(self.recorder.hear)
            self.signal.connect(late)

        def late(**named: Any) -> None: ...

        self.signal.connect(change)
        self.signal.connect(self.recorder.hear)
        self.assertEqual([change, self.recorder.hear], [who for who, _ in self.signal.send(None)])
        self.assertEqual([change, late], [who for who, _ in self.signal.send(None)])

    def test_decorator(self) -> None:
        """``@receiver`` connects to one signal or several."""
        other = Signal()

        @receiver([self.signal, other])
        def hear(**named: Any) -> str:
            return "both"

        @receiver(self.signal, sender=self)
        def mine(**named: Any) -> str:
            return "mine"

        self.assertEqual([(hear, "both")], other.send(None))
        self.assertEqual([(hear, "both"), (mine, "mine")], self.signal.send(self))

    def test_debug(self) -> None:
        """With DEBUG a receiver that can't work is refused when it is connected."""
        self.patch(signals, "DEBUG", True)
        self.assertRaises(TypeError, self.signal.connect, "text")
        self.assertRaises(ValueError, self.signal.connect, lambda sender: None)
        self.signal.connect(self.recorder.hear)

    def test_caching(self) -> None:
        """With a cache per sender the answers are the same, also after a change."""

        class Sender:
            """Can be weakly referenced."""

        signal, sender = Signal(use_caching=True), Sender()
        signal.connect(self.recorder.hear, sender=sender)
        self.assertEqual(1, len(signal.send(sender)))
        self.assertEqual(1, len(signal.send(sender)))
        self.assertEqual(0, len(signal.send(Sender())))
        signal.disconnect(self.recorder.hear, sender=sender)
        self.assertEqual(0, len(signal.send(sender)))

    def test_threads(self) -> None:
        """Threads that connect and disconnect at once lose nobody."""
        kept = [Recorder() for _ in range(8)]

        def churn(recorder: Recorder) -> None:
            for _ in range(200):
                self.signal.connect(recorder.hear)
                self.signal.disconnect(recorder.hear)
            self.signal.connect(recorder.hear)

        threads = [threading.Thread(target=churn, args=(each,)) for each in kept]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(8, len(self.signal.send(None)))


class Sending(TestCase):
    """Errors and asynchronous receivers, in the four ways to send."""

    def setUp(self) -> None:
        self.signal = Signal()
        self.recorder = Recorder()

    def test_error(self) -> None:
        """``send`` raises the first error, and the rest are not called."""
        self.signal.connect(fails)
        self.signal.connect(self.recorder.hear)
        self.assertRaises(ValueError, self.signal.send, None)
        self.assertEqual([], self.recorder.heard)

    def test_robust(self) -> None:
        """``send_robust`` logs an error, answers it, and goes on."""
        self.signal.connect(fails)
        self.signal.connect(self.recorder.hear)
        (_, error), (_, heard) = self.signal.send_robust(None)
        self.assertIsInstance(error, ValueError)
        self.assertEqual("heard", heard)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    async def test_any_name(self) -> None:
        """What a signal says may have any name, ``receiver`` too."""
        heard: list[Any] = []

        def hear(receiver: Any, **named: Any) -> None:
            heard.append(receiver)

        self.signal.connect(hear)
        self.signal.send(None, receiver=1)
        self.signal.send_robust(sender=None, receiver=2)
        await self.signal.asend(None, receiver=3)
        await self.signal.asend_robust(None, receiver=4)
        self.assertEqual([1, 2, 3, 4], heard)

    def test_base_exception(self) -> None:
        """What is no Exception passes through ``send_robust`` too."""

        def leave(**named: Any) -> None:
            raise KeyboardInterrupt

        self.signal.connect(leave)
        self.assertRaises(KeyboardInterrupt, self.signal.send_robust, None)

    async def test_asend(self) -> None:
        """``asend`` awaits asynchronous receivers, and answers the synchronous ones first."""
        self.signal.connect(self.recorder.hear_later)
        self.signal.connect(self.recorder.hear)
        responses = [response for _, response in await self.signal.asend("me", value=1)]
        self.assertEqual(["heard", "later"], responses)
        self.assertEqual([("me", 1), ("me", 1)], self.recorder.heard)

    def test_side_by_side(self) -> None:
        """Asynchronous receivers run side by side."""
        first: Deferred[None] = Deferred()
        started: list[int] = []

        async def one(**named: Any) -> None:
            started.append(1)
            await first

        async def two(**named: Any) -> None:
            started.append(2)

        self.signal.connect(one)
        self.signal.connect(two)
        sending = self.signal.asend(None)
        self.assertEqual([1, 2], started)
        self.assertNoResult(sending)
        first.callback(None)
        self.successResultOf(sending)

    async def test_asend_error(self) -> None:
        """``asend`` raises an asynchronous error, ``asend_robust`` answers and logs it."""

        async def fails_later(**named: Any) -> None:
            raise ValueError("later")

        self.signal.connect(fails_later)
        with self.assertRaises(ValueError):
            await self.signal.asend(None)
        [(_, error)] = await self.signal.asend_robust(None)
        self.assertIsInstance(error, ValueError)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_deferred(self) -> None:
        """``asend`` gives a Deferred, which may be awaited; with nobody there it has fired."""
        self.assertEqual([], self.successResultOf(self.signal.asend(None)))
        self.assertEqual([], self.successResultOf(self.signal.asend_robust(None)))
        self.signal.connect(fails)
        self.failureResultOf(self.signal.asend(None), ValueError)

    def test_plain_deferred(self) -> None:
        """A plain receiver's Deferred is waited for by ``asend``, and its error is answered by
        ``asend_robust``."""
        waited: list[Deferred[str]] = []

        def waits(**named: Any) -> Deferred[str]:
            waited.append(Deferred())
            return waited[-1]

        self.signal.connect(waits)
        sending = self.signal.asend(None)
        self.assertNoResult(sending)
        waited[0].callback("waited")
        self.assertEqual([(waits, "waited")], self.successResultOf(sending))
        robust = self.signal.asend_robust(None)
        waited[1].errback(ValueError())
        [(_, error)] = self.successResultOf(robust)
        self.assertIsInstance(error, ValueError)
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))

    def test_several_errors(self) -> None:
        """When several fail, ``asend`` raises the first and logs the others."""

        async def one(**named: Any) -> None:
            raise ValueError

        async def two(**named: Any) -> None:
            raise KeyError

        self.signal.connect(one)
        self.signal.connect(two)
        self.failureResultOf(self.signal.asend(None), ValueError)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_cannot_begin(self) -> None:
        """An asynchronous receiver that can't even be called is an error like any other."""

        async def strict() -> None: ...

        self.signal.connect(strict)
        self.signal.connect(self.recorder.hear)
        for send in (self.signal.send_robust, self.signal.asend_robust):
            responses: Any = send(None)
            if isinstance(responses, Deferred):
                responses = self.successResultOf(responses)
            self.assertIn((self.recorder.hear, "heard"), responses)
        self.failureResultOf(self.signal.asend(None), TypeError)
        self.assertEqual(2, len(self.flushLoggedErrors(TypeError)))

    def test_asynchronous_base_exception(self) -> None:
        """What is no Exception passes through ``asend_robust`` too."""

        async def leave(**named: Any) -> None:
            raise SystemExit

        self.signal.connect(leave)
        self.failureResultOf(self.signal.asend_robust(None), SystemExit)

    def test_logger(self) -> None:
        """Errors are logged by the logger named ``pipeline.signals``."""
        events: list[Any] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)
        self.signal.connect(fails)
        self.signal.send_robust(None)
        self.assertEqual(["pipeline.signals"], [each["log_namespace"] for each in events])
        self.flushLoggedErrors(ValueError)

    def test_asynchronous_in_send(self) -> None:
        """``send`` starts an asynchronous receiver; its response is a Deferred."""
        self.signal.connect(self.recorder.hear_later)
        [(_, response)] = self.signal.send("me")
        self.assertEqual("later", self.successResultOf(response))

    def test_asynchronous_error_in_send(self) -> None:
        """Its error is logged, since nobody waits."""

        async def fails_later(**named: Any) -> None:
            raise ValueError("later")

        self.signal.connect(fails_later)
        self.signal.send_robust("me")
        self.assertEqual(1, len(self.flushLoggedErrors(ValueError)))
