"""The chain: a transport feeds numbers, two applications pass them on and count."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater

from pipeline.applications.base import Application
from pipeline.delivery import delivery_of
from pipeline.message import UserMessage
from pipeline.transports.base import Transport
from pipeline.worker import Runtime
from tests.faults.plan import FIRST, SECOND, Plan

__all__ = ["Feeder", "First", "Second", "acknowledged", "options"]

#: Messages come in bursts, so many a second.
BURSTS = 5
#: How many may be unacknowledged.
UNACKNOWLEDGED = 5000
#: Bytes for each number in the feeder's record.
RECORD = 9


class Failing(Exception):
    """What a handler raises as planned."""


def options(plan: Plan, name: str) -> dict[str, Any]:
    """The configuration of a worker."""
    return {
        "transport_name": name,
        "max_in_flight": plan.in_flight,
        "max_deaths": plan.max_deaths,
        "retry": {"attempts": 4, "base": 0.2, "factor": 1.5, "cap": 1, "jitter": 0.1},
    }


class Step(Application):
    """One application of the chain."""

    queue: str
    connector_name: str

    def __init__(self, plan: Plan, runtime: Runtime) -> None:
        super().__init__(self.connector_name, options(plan, self.connector_name), runtime)
        self.plan = plan

    async def consume_user_message(self, message: Any) -> None:
        """Take some time, perhaps fail, and pass the number on."""
        number, delivery = int(message.content), delivery_of(message)
        assert delivery is not None
        await deferLater(self.clock, self.plan.pause(self.queue, number))
        await self.work(number, delivery)
        if self.plan.fails(self.queue, number, delivery.attempt):
            raise Failing(f"attempt {delivery.attempt} at {number}")
        await self.pass_on(UserMessage(**addressed(number)))

    async def work(self, number: int, delivery: Any) -> None:
        """What is done besides."""

    async def pass_on(self, message: UserMessage) -> None:
        """Give the number to who is next."""
        raise NotImplementedError


class First(Step):
    """Counts each number, and forwards it."""

    queue, connector_name = FIRST, "front"

    def setup_application(self) -> None:
        self.next = self.setup_connector("back", (), ("inbound",))

    async def work(self, number: int, delivery: Any) -> None:
        delivery.store.incr(f"seen:{number}")
        if self.plan.shared:
            total = int(await delivery.store.get("sum") or 0)
            delivery.store.set("sum", str(total + number))
        if number in self.plan.poison:
            os._exit(1)
        if number in self.plan.blocking:
            time.sleep(self.plan.block_for)

    async def pass_on(self, message: UserMessage) -> None:
        await self.next.publish("inbound", message)


class Second(Step):
    """Says each number at the end."""

    queue, connector_name = SECOND, "back"

    def setup_application(self) -> None:
        self.out = self.setup_connector("out", (), ("outbound",))

    async def pass_on(self, message: UserMessage) -> None:
        await self.out.publish("outbound", message)


class Feeder(Transport):
    """Feeds the numbers, each once, and records those that the broker has acknowledged.

    What was recorded by an earlier life is not fed again.
    """

    def __init__(self, plan: Plan, runtime: Runtime, record: Path) -> None:
        super().__init__("feeder", options(plan, "front"), runtime)
        self.plan = plan
        known = set(acknowledged(record))
        self._left = [n for n in reversed(range(plan.messages)) if n not in known]
        self._record = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._unacknowledged = 0
        self._burst = max(1, round(plan.messages / plan.feed / BURSTS))

    def setup_transport(self) -> None:
        self._feeding = LoopingCall(self._feed)
        self._feeding.clock = self.clock

    def start_to_feed(self) -> None:
        """Feed, now that the connector is there."""
        self._feeding.start(1 / BURSTS).addErrback(self._broken)

    def teardown_transport(self) -> None:
        if self._feeding.running:
            self._feeding.stop()

    def _broken(self, failure: Any) -> None:
        self.log.failure("feeding broke", failure)

    def _feed(self) -> None:
        for _ in range(self._burst):
            if not self._left or self._unacknowledged >= UNACKNOWLEDGED:
                return
            self._publish(self._left.pop())

    def _publish(self, number: int) -> None:
        fields = addressed(number)
        window: dict[str, Any] = {"unique": str(number), "window": 3600.0}
        self._unacknowledged += 1
        done = self.connector.publish(
            "inbound", UserMessage(**fields), **(window if self.plan.window else {})
        )
        done.addCallbacks(self._acknowledged, self._broken, callbackArgs=(number,))

    def _acknowledged(self, _: Any, number: int) -> None:
        self._unacknowledged -= 1
        os.write(self._record, b"%08d\n" % number)

    def handle_outbound_message(self, message: Any) -> Deferred[None] | None:
        """Nobody answers here."""
        return None


def addressed(number: int) -> dict[str, Any]:
    """The fields of the message with a number."""
    return {
        "content": str(number),
        "from_addr": f"user-{number % 100}",
        "to_addr": "chain",
        "transport_name": "front",
        "transport_type": "numbers",
    }


def acknowledged(record: Path) -> list[int]:
    """What a feeder has recorded."""
    if not record.exists():
        return []
    return [int(line) for line in record.read_bytes().split()]
