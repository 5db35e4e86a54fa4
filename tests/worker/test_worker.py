from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface.verify import verifyObject

from pipeline.config.numbers import ConfigInt
from pipeline.config.settings import RetryConfig
from pipeline.delivery import Delivery
from pipeline.errors import ConfigError, DuplicateConnectorError, RetryLater
from pipeline.interfaces import IWorker
from pipeline.middleware.base import BaseMiddleware
from pipeline.outcome import DeadLetter, Retry, RetryPolicy
from pipeline.signals import worker_started, worker_starting, worker_stopped, worker_stopping
from pipeline.worker import Worker, WorkerConfig
from tests.workers import WorkerCase, inbound

HERE = "tests.worker.test_worker"


class Noted(BaseMiddleware):
    """Notes when it is set up and torn down."""

    async def setup_middleware(self) -> None:
        self.worker.notes.append("middleware")

    def teardown_middleware(self) -> Any:
        self.worker.notes.append("no middleware")
        return succeed(None)


class Noting(Worker):
    """Notes what happens to it, with hooks of every form."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.notes: list[str] = []

    def validate_config(self) -> None:
        self.notes.append("config")

    def setup_connectors(self) -> Deferred[None]:
        self.notes.append("connectors")
        self.setup_ri_connector("sms").add_handler("inbound", self.handle)
        return succeed(None)

    async def setup_worker(self) -> None:
        self.notes.append("worker")

    async def teardown_worker(self) -> None:
        self.notes.append("no worker")

    def handle(self, message: Any) -> Any:
        self.notes.append(message.content)


class Failing(Noting):
    """Can't be set up."""

    def setup_worker(self) -> Any:
        raise OSError("no port")


MIDDLEWARE = [{"noted": f"{HERE}.Noted"}]


class Life(WorkerCase):
    """A worker starts and stops in order, every part once."""

    def started(self, cls: type[Worker] = Noting, **options: Any) -> Any:
        made = self.worker(cls, **options)
        self.successResultOf(made.start_worker())
        return made

    def test_order(self) -> None:
        """Configuration, middleware, connectors, the worker, reading; and back."""
        self.put("sms.inbound", inbound("hello"))
        made = self.started(middleware=MIDDLEWARE)
        self.successResultOf(made.stop_worker())
        expected = ["config", "middleware", "connectors", "worker", "hello"]
        self.assertEqual([*expected, "no worker", "no middleware"], made.notes)

    def test_reads_when_all_is_set_up(self) -> None:
        """No message comes before ``setup_worker`` is done."""
        ready: Deferred[None] = Deferred()

        class Slow(Noting):
            def setup_worker(self) -> Any:
                return ready

        self.put("sms.inbound", inbound("hello"))
        made = self.worker(Slow)
        starting = made.start_worker()
        self.assertNotIn("hello", made.notes)
        ready.callback(None)
        self.successResultOf(starting)
        self.assertIn("hello", made.notes)
        self.successResultOf(made.stop_worker())

    def test_failing(self) -> None:
        """When a part can't be set up those before it are torn down, and the error is raised."""
        made = self.worker(Failing, middleware=MIDDLEWARE)
        self.failureResultOf(made.start_worker(), OSError)
        self.assertEqual(["no worker", "no middleware"], made.notes[-2:])

    def test_failing_early(self) -> None:
        """What was never set up is not torn down, and a second error doesn't hide the first."""

        class Unconnected(Noting):
            def setup_connectors(self) -> Any:
                raise OSError("no connectors")

        made = self.worker(Unconnected, middleware=MIDDLEWARE)
        self.failureResultOf(made.start_worker(), OSError)
        self.assertNotIn("no worker", made.notes)

        class Worse(Failing):
            def teardown_worker(self) -> Any:
                raise KeyError("worse")

        self.failureResultOf(self.worker(Worse).start_worker(), OSError)
        self.assertEqual(1, len(self.flushLoggedErrors(KeyError)))

    def test_stop_whatever_happens(self) -> None:
        """Middleware is torn down even if the worker can't be."""

        class Stuck(Noting):
            def teardown_worker(self) -> Any:
                raise OSError("stuck")

        made = self.started(Stuck, middleware=MIDDLEWARE)
        self.failureResultOf(made.stop_worker(), OSError)
        self.assertEqual("no middleware", made.notes[-1])

    def test_stop_timeout(self) -> None:
        """Stopping takes the configured time at most, or what is given."""
        made = self.started(stop_timeout="5s")
        made.handle = lambda message: Deferred()
        made.connectors["sms"].add_handler("inbound", lambda message: Deferred())
        self.put("sms.inbound", inbound("kept"))
        stopping = made.stop_worker()
        self.clock.advance(4)
        self.assertNoResult(stopping)
        self.clock.advance(1)
        self.successResultOf(stopping)
        self.assertEqual(["kept"], self.contents("sms.inbound"))

    def test_signals(self) -> None:
        """Each step of its life is told."""
        heard: list[str] = []
        for name, signal in (
            ("starting", worker_starting),
            ("started", worker_started),
            ("stopping", worker_stopping),
            ("stopped", worker_stopped),
        ):

            def hear(sender: Any, name: str = name, **_: Any) -> None:
                heard.append(f"{sender.name} {name}")

            signal.connect(hear, weak=False, dispatch_uid=self)
            self.addCleanup(signal.disconnect, dispatch_uid=self)
        self.successResultOf(self.started().stop_worker())
        self.assertEqual(
            ["worker starting", "worker started", "worker stopping", "worker stopped"], heard
        )

    def test_pause(self) -> None:
        """All connectors pause and go on together."""
        made = self.started()
        self.successResultOf(made.pause_connectors())
        self.put("sms.inbound", inbound("hello"))
        self.assertNotIn("hello", made.notes)
        self.assertIs(True, self.successResultOf(made.unpause_connectors()))
        self.assertIn("hello", made.notes)
        self.successResultOf(made.stop_worker())


class Parts(WorkerCase):
    """What a worker is made of."""

    def test_interface(self) -> None:
        """It is what the service runs."""
        self.assertTrue(verifyObject(IWorker, self.worker(Worker)))

    def test_duplicate(self) -> None:
        """Two connectors of one name are refused."""
        made = self.worker()
        made.setup_ro_connector("sms")
        error = self.assertRaises(DuplicateConnectorError, made.setup_ri_connector, "sms")
        self.assertIn("'sms'", str(error))

    def test_status(self) -> None:
        """Status is published by one connector and read by another."""
        made = self.worker()
        made.setup_publish_status_connector("a")
        made.setup_receive_status_connector("b").set_default_handler("status", print)
        self.assertEqual(["a", "b"], list(made.connectors))

    def test_config(self) -> None:
        """Options are checked when it is made; the static ones can be had alone."""

        class Config(WorkerConfig):
            size = ConfigInt("How big.", required=True)

        class Sized(Worker):
            CONFIG_CLASS = Config

        self.assertRaises(ConfigError, self.worker, Sized)
        made = self.worker(Sized, size=3)
        self.assertEqual(3, self.successResultOf(made.get_config(inbound())).size)
        self.assertRaises(ConfigError, lambda: made.get_static_config().size)

    def test_config_ready_made(self) -> None:
        """A Config, and a namespace's retry policy, are taken as they are."""
        made = Worker("w", WorkerConfig({"retry": RetryConfig({"attempts": 7})}), self.runtime)
        self.assertEqual(7, made.retry_policy.attempts)

    def test_ordering_key(self) -> None:
        """The user's address, of either direction; tasks and events have none."""
        made, message = self.worker(), inbound(from_addr="user", to_addr="1234")
        self.assertEqual("user", made.ordering_key(message, "inbound"))
        self.assertEqual("1234", made.ordering_key(message, "outbound"))
        self.assertIs(None, made.ordering_key(message, "event"))
        self.assertIs(None, made.ordering_key(inbound(from_addr=""), "inbound"))

    async def test_store(self) -> None:
        """The store is a unit of work of its own."""
        made = self.worker()
        unit = made.store()
        unit.set("key", "value")
        self.assertIs(None, await made.store().get("key"))
        await unit.commit()
        self.assertEqual(b"value", await made.store().get("key"))


class Deciding(WorkerCase):
    """RetryLater goes first, then the exception's own policy, the queue's, the worker's."""

    def test_queue_policy(self) -> None:
        """A queue's own policy goes before the worker's; what it leaves out is the worker's."""
        made = self.worker(
            retry={"base": 7, "jitter": 0}, retry_queues={"sms.event": {"attempts": 1}}
        )
        error = ValueError("no")
        event, inbound = Delivery("sms.event", b"1-1", b""), Delivery("sms.inbound", b"1-1", b"")
        self.assertEqual(DeadLetter(error, "exhausted"), made.decide(error, event))
        self.assertEqual(Retry(7, error), made.decide(error, inbound))

    def test_precedence(self) -> None:
        """Each, where the ones before are absent."""

        class Odd(Exception):
            retry_policy = RetryPolicy(base=42, jitter=0)

        made = self.worker(retry={"base": 7, "jitter": 0, "attempts": 2})

        tried = Delivery("sms.inbound", b"1-1", b"")
        for error, after in ((RetryLater(1), 1), (Odd(), 42), (ValueError(), 7)):
            outcome = made.decide(error, tried)
            self.assertIsInstance(outcome, Retry)
            self.assertEqual(after, outcome.after)
        tried.attempt = 2
        self.assertIsInstance(made.decide(ValueError(), tried), DeadLetter)
