"""Workers run in a test, on a Clock and over a real server, in the same words."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError, RetryLater
from pipeline.testing.cases import PipelineTestCase
from pipeline.testing.places import InMemory, OnServer, Place
from pipeline.testing.workers import WorkerHelper
from tests.testing.echo import Echo, Phone


class Sync(PipelineTestCase):
    """Without a reactor: everything has happened when a call returns."""

    def setUp(self) -> None:
        self.helper = self.add_helper(WorkerHelper("sms"))

    def test_defaults(self) -> None:
        """A worker needs no more than its class; what it is given goes before."""
        worker = self.helper.get_worker(Echo).now()
        self.assertEqual(("sms", "echo"), (worker.transport_name, worker.name))
        self.assertEqual(0, worker.retry_policy.jitter)
        config = {"transport_name": "ussd", "retry": {"attempts": 2}}
        worker = self.helper.get_worker(Echo, config, name="other").now()
        self.assertEqual(("ussd", "other"), (worker.transport_name, worker.name))
        self.assertEqual((2, 0), (worker.retry_policy.attempts, worker.retry_policy.jitter))

    def test_yaml(self) -> None:
        """Options may be YAML, and errors know their lines then."""
        worker = self.helper.get_worker(Echo, "transport_name: ussd\n").now()
        self.assertEqual("ussd", worker.transport_name)
        with self.assertRaises(ConfigError) as caught:
            self.helper.get_worker(Echo, "transport_name: ussd\nsendto: {}\n").now()
        self.assertIn("2:1: there is no option 'sendto'", str(caught.exception))

    def test_not_started(self) -> None:
        """A worker that is not wanted to start doesn't, and is cleaned up all the same."""
        worker = self.helper.get_worker(Echo, start=False).now()
        self.assertEqual({}, worker.connectors)

    def test_own_process(self) -> None:
        """Each worker has a broker of its own, as a process has, on the same server."""
        one, two = (self.helper.get_worker(Echo).now() for _ in range(2))
        self.assertNotEqual(one.broker.worker_id, two.broker.worker_id)

    def test_dead_worker(self) -> None:
        """What a worker had in hand when its process died comes to another."""
        worker = self.helper.get_worker(Echo).now()
        worker.consume_user_message = lambda message: Deferred()
        worker.connector.add_handler("inbound", worker.consume_user_message)
        self.helper.make_dispatch_inbound("hi")
        worker.broker.die()
        self.helper.get_worker(Echo)
        self.helper.advance(15)
        self.assertEqual(["re: hi"], contents(self.helper.get_dispatched_outbound()))

    def test_cleanup_worker(self) -> None:
        """A worker that is cleaned up early reads no more."""
        worker = self.helper.get_worker(Echo).now()
        self.helper.cleanup_worker(worker).now()
        self.helper.make_dispatch_inbound("hi")
        self.assertEqual(1, self.helper.depth("sms.inbound").now().waiting)

    def test_hanging(self) -> None:
        """A handler that hangs doesn't hang the cleanup."""

        class Hanging(Echo):
            def consume_user_message(self, message: Any) -> Any:
                return Deferred()

        self.helper.get_worker(Hanging)
        self.helper.make_dispatch_inbound("hi")
        self.helper.cleanup().now()
        self.assertEqual([], self.helper.place.workers)

    def test_cleanup_goes_on(self) -> None:
        """A worker that can't be stopped doesn't keep the others from it; its error is raised."""

        class Stuck(Echo):
            def teardown_application(self) -> None:
                raise OSError("stuck")

        first = self.helper.get_worker(Echo).now()
        self.helper.get_worker(Stuck)
        self.assertRaises(OSError, self.helper.cleanup().now)
        self.assertEqual([], first.connector.reads)

    def test_retry(self) -> None:
        """A failed message is tried again as the clock turns, and ends as a dead letter."""
        self.helper.get_worker(Echo, {"retry": {"attempts": 3}})
        self.helper.make_dispatch_inbound("bad")
        self.assertEqual(1, len(self.helper.errors))
        self.assertEqual(1, self.helper.depth("sms.inbound").now().delayed)
        self.helper.advance(1)
        self.assertEqual(2, len(self.helper.errors))
        self.helper.advance(3)
        [letter] = self.helper.dead("sms.inbound")
        self.assertEqual(("exhausted", 3), (letter.text("reason"), letter.number("attempts")))
        self.assertEqual([letter], list(self.helper.dead("inbound")))
        errors = self.helper.flush_errors(ValueError)
        self.assertEqual(["I don't like that"] * 3, [str(each) for each in errors])

    def test_seen_once(self) -> None:
        """A message that is tried again, or put off, was dispatched once."""

        start = self.helper.clock.seconds()

        class Slow(Echo):
            def consume_user_message(self, message: Any) -> None:
                waited = self.clock.seconds() - start
                if waited < 3:
                    raise RetryLater(1)
                if waited < 5:
                    raise ValueError("not yet")

        self.helper.get_worker(Slow)
        self.helper.make_dispatch_inbound("hi")
        self.helper.advance(10)
        self.assertEqual((0, 0, 0, 0), self.helper.depth("sms.inbound").now())
        self.assertEqual(["hi"], contents(self.helper.get_dispatched_inbound()))
        self.assertEqual(2, len(self.helper.flush_errors(ValueError)))

    def test_store(self) -> None:
        """The store is seen as another process sees it."""
        worker = self.helper.get_worker(Echo).now()
        unit = worker.store()
        unit.set("key", "value")
        self.helper.now(unit.commit())
        self.assertEqual(b"value", self.helper.now(self.helper.store().get("key")))

    def test_until(self) -> None:
        """Anything can be waited for; the clock turns meanwhile."""
        start = self.helper.clock.seconds()
        self.helper.until(lambda: self.helper.clock.seconds() > start + 30).now()
        error = self.assertRaises(AssertionError, self.helper.until(lambda: False, "it").now)
        self.assertIn("it: not there", str(error))

    def test_kick(self) -> None:
        """Vumi's name for letting everything happen."""
        self.helper.kick_delivery().now()


class Plain(TestCase):
    """As a context, for any test runner."""

    def test_error_is_seen(self) -> None:
        """An error of a handler that the test didn't look at fails it, with its traceback."""

        def run() -> None:
            with WorkerHelper("sms") as helper:
                helper.get_worker(Echo)
                helper.make_dispatch_inbound("bad")

        text = str(self.assertRaises(AssertionError, run))
        self.assertIn("sms.inbound, attempt 1", text)
        self.assertIn("ValueError: I don't like that", text)

    def test_logged_error_is_seen(self) -> None:
        """So does a failure that was logged."""

        def run() -> None:
            with WorkerHelper("sms"):
                try:
                    raise KeyError("lost")
                except KeyError:
                    Logger().failure("oh")

        self.assertIn("KeyError", str(self.assertRaises(AssertionError, run)))
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_flushed(self) -> None:
        """Not so one that it expected."""
        with WorkerHelper("sms") as helper:
            helper.get_worker(Echo)
            helper.make_dispatch_inbound("bad")
            [error] = helper.flush_errors(ValueError)
        self.assertIsInstance(error, ValueError)
        self.assertEqual([], helper.errors)

    def test_own_error_first(self) -> None:
        """An error of the test itself is not hidden by others; and all is stopped."""

        def run() -> None:
            with WorkerHelper("sms") as helper:
                stopped.append(helper.get_worker(Echo).now())
                helper.make_dispatch_inbound("bad")
                raise KeyError("mine")

        stopped: list[Echo] = []
        self.assertRaises(KeyError, run)
        self.assertEqual([], stopped[0].connector.reads)

    async def test_async(self) -> None:
        """The same as an async context."""
        async with WorkerHelper("sms") as helper:
            await helper.get_worker(Echo)
            await helper.make_dispatch_inbound("hi")
            self.assertEqual(["re: hi"], contents(await helper.get_dispatched_outbound()))


class Both(PipelineTestCase):
    """A test that awaits everything is the same in memory and over a real server."""

    async def through(self, place: Place) -> None:
        phones = self.add_helper(WorkerHelper("sms", place=place))
        helper = self.add_helper(WorkerHelper("sms", place=place))
        await helper.get_worker(Echo)
        await helper.make_dispatch_inbound("one")
        await helper.make_dispatch_inbound("two")
        replies = await helper.wait_for_dispatched_outbound(2)
        self.assertEqual({"re: one", "re: two"}, set(contents(replies)))
        await helper.clear_dispatched_outbound()
        self.assertEqual([], await helper.get_dispatched_outbound())
        phone = await phones.get_worker(Phone)
        await helper.make_dispatch_inbound("three")
        await phones.wait_for_dispatched_events(1)
        self.assertEqual(["re: three"], phone.sent)
        self.assertEqual(["re: three"], contents(await helper.get_dispatched_outbound()))
        self.assertEqual(3, len(await phones.get_dispatched_inbound()))
        unit = helper.store()
        unit.set("key", "value")
        await unit.commit()
        self.assertEqual(b"value", await phone.store().get("key"))
        await helper.make_dispatch_inbound("bad")
        await helper.until(lambda: helper.errors)
        helper.flush_errors(ValueError)

    def test_memory(self) -> None:
        """In memory, on a Clock."""
        self.successResultOf(Deferred.fromCoroutine(self.through(InMemory())))

    async def test_server(self) -> None:
        """Over a real server."""
        await self.through(OnServer())

    async def test_partitions(self) -> None:
        """What is spread over partitions is found in all of them."""
        for place in (InMemory(partitions=3), OnServer(partitions=3)):
            helper = self.add_helper(WorkerHelper("sms", place=place))
            for number in range(9):
                await helper.make_dispatch_inbound("hi", from_addr=f"+{number}")
            self.assertEqual(9, len(await helper.get_dispatched_inbound()))

    async def test_memory_really(self) -> None:
        """In memory, but in the reactor's time."""
        from twisted.internet import reactor

        await self.through(InMemory(reactor))


def contents(messages: Any) -> list[str]:
    return [message.content for message in messages]
