"""Tests of pipeline.tasks.sync: code without a reactor sends, a worker runs."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.applications.tasks import TaskApplication
from pipeline.brokers.blocking import BlockingBroker
from pipeline.brokers.redis.broker import RedisBroker
from pipeline.brokers.redis.wire import Wire
from pipeline.codec import Codec
from pipeline.errors import (
    BrokerUnavailable,
    ConfigError,
    Drop,
    NotAllSent,
    ResultTimeout,
    TaskFailed,
    UnknownCall,
)
from pipeline.middleware.base import BaseMiddleware
from pipeline.middleware.stack import MiddlewareStack
from pipeline.tasks.chain import chain
from pipeline.tasks.client import Client
from pipeline.tasks.sender import bind_sync, current_sync_sender, unbind_sync
from pipeline.tasks.sync import Parts, SyncHandle, SyncSender
from pipeline.testing.server import own_server, shared_server, unique_namespace
from pipeline.worker import Runtime
from tests.tasks import chained_jobs, jobs, limited_jobs


class Waits(BaseMiddleware):
    """Waits for what never comes."""

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        return message

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        return Deferred()


class Stamps(BaseMiddleware):
    """Is async, and answers at once."""

    async def handle_inbound(self, message: Any, connector_name: str) -> Any:
        message.helper_metadata["stamped"] = True
        return message


class Drops(BaseMiddleware):
    """Drops a call."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        if message.args == [2]:
            raise Drop("so")
        return message


class SyncCase(TestCase):
    """Has a namespace on a real server, and senders that are closed in the end."""

    timeout = 90

    def setUp(self) -> None:
        self.address = shared_server()
        self.namespace = unique_namespace()
        self.stack = MiddlewareStack()

    def parts(self) -> Parts:
        broker = BlockingBroker(self.address, namespace=self.namespace, timeout=5)
        runtime = Runtime(broker, Codec(), broker.clock, self.namespace)
        return Parts(broker, Client(runtime, self.stack))

    def sender(self, make: Callable[[], Parts] | None = None) -> SyncSender:
        sender = SyncSender(make or self.parts)
        self.addCleanup(sender.close)
        return sender

    def length(self, queue: str = "work.inbound") -> int:
        wire = Wire(self.address)
        self.addCleanup(wire.close)
        return int(wire.call("XLEN", f"{{{self.namespace}:0}}:q:{queue}"))


class Sending(SyncCase):
    """Calls are stored when ``send`` returns."""

    def test_stored(self) -> None:
        """A call is in its queue, whole and once, when it was sent."""
        handle = self.sender().send(jobs.add, (1,), {"b": 2})
        self.assertEqual((1, False, 32), (self.length(), handle.done, len(handle.id)))
        self.assertIn(jobs.add.name, repr(handle))

    def test_misfit(self) -> None:
        """Arguments are checked here, as everywhere."""
        with self.assertRaisesRegex(TypeError, "argument 'a' is missing"):
            self.sender().send(jobs.add, (), {})
        self.assertEqual(0, self.length())

    def test_many(self) -> None:
        """Many calls lie in their queue in order when they were sent, more than fit in a step."""
        sender = self.sender()
        handles = sender.send_many(jobs.add, [[n] for n in range(1201)])
        self.assertEqual(1201, len({handle.id for handle in handles}))
        self.assertEqual(1201, self.length())
        wire = Wire(self.address)
        self.addCleanup(wire.close)
        entries = wire.call("XRANGE", f"{{{self.namespace}:0}}:q:work.inbound", "-", "+")
        sent = [Codec().decode(values[1]).message_id for _, values in entries]  # type: ignore[union-attr]
        self.assertEqual([handle.id for handle in handles], sent)
        self.assertEqual("queued", handles[-1].status_sync().state)

    def test_not_all(self) -> None:
        """Of many that could not all be sent, those that were have handles of this sender."""
        self.stack = MiddlewareStack([Drops("d", {}, None)])
        with self.assertRaises(NotAllSent) as caught:
            self.sender().send_many(jobs.add, [[1], [2], [3]])
        self.assertEqual([SyncHandle] * 2, [type(handle) for handle in caught.exception.sent])
        self.assertEqual(2, self.length())

    def test_unique(self) -> None:
        """Of unique calls that many senders send at once one is sent; the others name it."""
        senders = [self.sender() for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            sent = list(pool.map(lambda each: each.send(limited_jobs.only, (1,), {}), senders))
        self.assertEqual((1, 1), (self.length(), len({handle.id for handle in sent})))
        self.assertEqual(1, sum(handle.is_new for handle in sent))
        other = next(handle for handle in sent if not handle.is_new)
        with self.assertRaisesRegex(RuntimeError, "was sent by another"):
            other.result_sync(60)

    def test_threads(self) -> None:
        """From many threads at once, each call is sent once."""
        sender = self.sender()
        with ThreadPoolExecutor(16) as pool:
            sent = list(pool.map(lambda n: sender.send(jobs.add, (n,), {}), range(800)))
        self.assertEqual((800, 800), (self.length(), len({handle.id for handle in sent})))

    def test_fork(self) -> None:
        """A child sends over connections of its own, also if its parent was just sending."""
        sender = self.sender()
        before = sender.send(jobs.add, (0,), {})
        with sender._lock:  # as if another thread had held it
            pid = os.fork()
            if pid == 0:
                self._child(sender, before)
        sender.send(jobs.add, (2,), {})
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        self.assertEqual(3, self.length())

    def _child(self, sender: SyncSender, before: Any) -> None:
        status = 1
        try:
            sender.send(jobs.add, (1,), {})
            try:
                before.result_sync(1)
            except RuntimeError as error:
                status = 0 if "before a fork" in str(error) else 2
        finally:
            os._exit(status)

    def test_middleware(self) -> None:
        """Publish middleware is passed, also async one that answers at once."""
        self.stack = MiddlewareStack([Stamps("stamp", {}, None)])
        self.sender().send(jobs.add, (1,), {})
        self.assertEqual(1, self.length())

    def test_middleware_waits(self) -> None:
        """Middleware that waits is an error that says why; nothing is sent."""
        self.stack = MiddlewareStack([Waits("waits", {}, None)])
        with self.assertRaisesRegex(ConfigError, "never comes without a reactor"):
            self.sender().send(jobs.add, (1,), {})
        self.assertEqual(0, self.length())

    def test_away(self) -> None:
        """A server that is away is said soon; when it is back, sending works again."""
        server = own_server()
        self.addCleanup(server.stop_now)
        self.address = server.address
        sender = self.sender(self._impatient)
        sender.send(jobs.add, (1,), {})
        server.kill_now()
        with self.assertRaises(BrokerUnavailable):
            sender.send(jobs.add, (2,), {})
        server.start_now()
        sender.send(jobs.add, (3,), {})
        self.assertEqual(1, self.length())

    def _impatient(self) -> Parts:
        broker = BlockingBroker(self.address, namespace=self.namespace, timeout=0.3)
        return Parts(broker, Client(Runtime(broker, Codec(), broker.clock, self.namespace)))

    def test_bound(self) -> None:
        """``some_task.send_sync`` goes through the sender that was bound last."""
        with self.assertRaisesRegex(RuntimeError, "connect_sync"):
            current_sync_sender()
        sender = bind_sync(self.sender())
        self.addCleanup(unbind_sync, sender)
        jobs.add.send_sync(1)
        self.assertEqual(1, self.length())
        unbind_sync(sender)


class Waiting(SyncCase):
    """Results come back to who waits for them."""

    async def run_with_worker(self, work: Callable[[SyncSender], Any]) -> Any:
        """Do something in a thread, while a worker runs in the reactor."""
        from twisted.internet import reactor

        broker = RedisBroker(self.address, reactor, namespace=self.namespace)
        await broker.start()
        options = {
            "transport_name": "work",
            "tasks": ["tests.tasks.jobs", "tests.tasks.chained_jobs"],
            "retry": {"attempts": 1},
        }
        runtime = Runtime(broker, Codec(), reactor, self.namespace)
        worker = TaskApplication("worker", options, runtime)
        await worker.start_worker()
        try:
            return await deferToThread(work, self.sender())
        finally:
            await worker.stop_worker(0)
            await broker.stop()

    async def test_result(self) -> None:
        """What the task returns is returned, as often as it is asked for."""

        def work(sender: SyncSender) -> Any:
            handle = sender.send(jobs.add, (2,), {"b": 3})
            return handle.result_sync(30), handle.result_sync(0), handle.done

        self.assertEqual((5, 5, True), await self.run_with_worker(work))

    async def test_error(self) -> None:
        """What a task failed with is raised, with the traceback over there."""

        def work(sender: SyncSender) -> Any:
            try:
                sender.send(jobs.broken, (), {}).result_sync(30)
            except TaskFailed as error:
                return str(error), error.traceback

        said, traceback = await self.run_with_worker(work)
        self.assertEqual("KeyError: 'broken'", said)
        self.assertIn("jobs.py", traceback)

    async def test_threads(self) -> None:
        """Many threads wait at once, each for its own results; one of them reads for all."""

        def work(sender: SyncSender) -> Any:
            def ask(n: int) -> int:
                result: int = sender.send(jobs.add, (n,), {"b": 1}).result_sync(60)
                return result

            with ThreadPoolExecutor(8) as pool:
                return list(pool.map(ask, range(200)))

        self.assertEqual(list(range(1, 201)), await self.run_with_worker(work))

    async def test_chain(self) -> None:
        """A chain is sent, and waited for."""

        def work(sender: SyncSender) -> Any:
            self.addCleanup(unbind_sync, bind_sync(sender))
            made = chain(chained_jobs.first.s(3), chained_jobs.twice.s(), chained_jobs.plus.s(1))
            return made.send_sync().result_sync(60)

        self.assertEqual(7, await self.run_with_worker(work))

    async def test_options(self) -> None:
        """A call may be delayed; its state is told, and it can be cancelled."""

        def work(sender: SyncSender) -> Any:
            bind_sync(sender)
            try:
                later = jobs.add.send_with_options_sync([1], delay=3600)
            finally:
                unbind_sync(sender)
            waits = later.status_sync()
            return waits.state, waits.due_at is None, later.cancel_sync(), later.status_sync().state

        self.assertEqual(("queued", False, True, "cancelled"), await self.run_with_worker(work))

    async def test_of_an_id(self) -> None:
        """A handle that was made of an id waits for the result that somebody else has asked for."""

        def work(sender: SyncSender) -> Any:
            call_id = self.sender().send(jobs.add, (2,), {"b": 5}).id
            handle = sender.handle_of(call_id)
            try:
                return handle.result_sync(30), handle.status_sync().state
            except UnknownCall:  # it had ended before, and keeps no result
                return 7, handle.status_sync().state

        self.assertEqual((7, "finished"), await self.run_with_worker(work))

    def test_timeout(self) -> None:
        """Who waits in vain is told after the time."""
        handle = self.sender().send(jobs.add, (1,), {})
        with self.assertRaisesRegex(ResultTimeout, "no result after 0.05 s"):
            handle.result_sync(0.05)

    def test_closed(self) -> None:
        """After the end a sender that is used again begins anew."""
        sender = self.sender()
        sender.send(jobs.add, (1,), {})
        sender.close()
        sender.close()
        sender.send(jobs.add, (2,), {})
        self.assertEqual(2, self.length())

    def test_no_threads_left(self) -> None:
        """The end leaves no thread behind that keeps a process from ending."""
        sender = self.sender()
        sender.send(jobs.add, (1,), {})
        beating = [each for each in threading.enumerate() if each.name == "pipeline-heart"]
        self.assertTrue(all(each.daemon for each in beating))
