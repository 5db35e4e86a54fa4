"""A client and a task application in memory, for the tests of states."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from pipeline.store import Store
from pipeline.tasks.client import Client
from pipeline.tasks.handle import TaskHandle
from pipeline.tasks.sender import bind, unbind
from pipeline.tasks.states.orders import orders_key
from pipeline.tasks.states.status import TaskStatus
from tests.applications.test_tasks import TaskCase


class StatesCase(TaskCase):
    """A client and an application in memory."""

    def setUp(self) -> None:
        super().setUp()
        self.client = Client(self.runtime)
        self.addCleanup(lambda: self.successResultOf(Deferred.fromCoroutine(self.client.stop())))

    def now(self, coroutine: Any) -> Any:
        """What a coroutine returns at once."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def send(self, task: Any, *args: Any, **options: Any) -> TaskHandle:
        """Send a call, and let happen what happens at once."""
        self.client_bound()
        handle: TaskHandle = self.now(task.send_with_options(args, **options))
        for _ in range(5):
            self.clock.advance(0)
        return handle

    def client_bound(self) -> None:
        """Calls go through the client of the test."""
        bind(self.client)
        self.addCleanup(unbind, self.client)

    def status(self, handle: TaskHandle) -> TaskStatus:
        """What is known of a call."""
        status: TaskStatus = self.now(handle.status())
        return status

    def orders(self) -> dict[bytes, bytes]:
        """The orders that lie in the store."""
        found: dict[bytes, bytes] = self.now(
            Store(self.looker.reader()).hgetall(orders_key("work"))
        )
        return found
