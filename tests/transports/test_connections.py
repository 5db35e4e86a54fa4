"""Tests of pipeline.transports.connections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from pipeline.middleware.dedup import DedupMiddleware
from pipeline.testing import OnServer, PipelineTestCase, WorkerHelper
from pipeline.transports.base import Transport
from pipeline.transports.connections import KEPT, RENEWED, Connections
from tests.workers import WorkerCase, inbound


class Line(NamedTuple):
    """A connection."""

    id: str
    address: str


class Phones(Transport):
    """Notes what it is to send, and passes on what is for others."""

    def setup_transport(self) -> None:
        """Know who is connected."""
        self.sent: list[Any] = []
        self.connections: Connections[Line] = Connections(self, self.name)
        self.connections.start()
        self.connector.consume_instance("outbound", self.name)

    def teardown_transport(self) -> Any:
        """Forget."""
        return self.connections.stop()

    async def handle_outbound_message(self, message: Any) -> Any:
        """Send."""
        found = self.connections.for_message(message)
        if found is None and await self.connections.pass_on(message):
            return None
        if found is None:
            return self.publish_nack(message.message_id, "nobody is there")
        self.sent.append((found.id, message.content))
        return None


class PhonesCase(WorkerCase):
    """Two processes of one transport, ``a`` and ``b``."""

    def setUp(self) -> None:
        super().setUp()
        self.a, self.b = self.phones("a", self.broker), self.phones("b", self.second())

    def second(self) -> Any:
        """The broker of another process."""
        return self.helper.now(self.helper.place.runtime()).broker

    def phones(self, name: str, broker: Any) -> Phones:
        """A transport that runs."""
        options = {"transport_name": "sms", "middleware": [{"dedup": DEDUP}], "dedup": DIRECTION}
        runtime = replace(self.runtime, broker=broker)
        return self.helper.get_worker(Phones, options, name=name, runtime=runtime).now()

    def end(self, phones: Phones) -> None:
        """Stop a transport."""
        self.helper.cleanup_worker(phones).now()

    def add(self, phones: Phones, id: str, address: str) -> Line:
        """A connection is made."""
        line = Line(id, address)
        self.successResultOf(Deferred.fromCoroutine(phones.connections.add(line)))
        return line

    def send(self, to: str | None, content: str = "hi", **metadata: Any) -> None:
        """An application sends something."""
        self.put("sms.outbound", inbound(content, to_addr=to, transport_metadata=metadata))
        self.clock.pump([0.1] * 5)

    def knows(self, phones: Phones, address: str) -> Any:
        """Where a process believes an address to be."""
        return self.successResultOf(Deferred.fromCoroutine(phones.connections.instance_of(address)))


DEDUP = f"{DedupMiddleware.__module__}.DedupMiddleware"
DIRECTION = {"kinds": ["outbound"]}


class Here(PhonesCase):
    """Connections of this process."""

    def test_for_message(self) -> None:
        """A reply goes to the connection that asked, what answers nothing to the newest."""
        first, second = self.add(self.a, "1", "ada"), self.add(self.a, "2", "ada")
        connections = self.a.connections
        self.assertEqual(2, len(connections))
        self.assertEqual([first, second], list(connections))
        reply = inbound(to_addr="ada", transport_metadata=connections.way_back(first))
        self.assertIs(first, connections.for_message(reply))
        self.assertIs(second, connections.for_message(inbound(to_addr="ada")))
        self.assertIsNone(connections.for_message(inbound(to_addr="bob")))
        self.assertIsNone(connections.for_message(inbound(to_addr=None)))

    def test_gone(self) -> None:
        """When one of an address goes the others stay; the reply for it goes to them."""
        first, second = self.add(self.a, "1", "ada"), self.add(self.a, "2", "ada")
        connections = self.a.connections
        connections.remove(second)
        connections.remove(second)
        reply = inbound(to_addr="ada", transport_metadata=connections.way_back(second))
        self.assertIs(first, connections.for_message(reply))
        self.assertEqual("a", self.knows(self.b, "ada"))
        connections.remove(first)
        self.assertIsNone(self.knows(self.b, "ada"))


class Elsewhere(PhonesCase):
    """What comes to the wrong process gets to the right one."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 3}

    def test_passed_on(self) -> None:
        """Whoever reads a message, it gets to its connection once, through middleware and all."""
        self.add(self.a, "1", "ada")
        self.add(self.b, "2", "bob")
        for n in range(10):
            for partition in range(3):
                for to in ("ada", "bob"):
                    message = inbound(f"{to}{n}.{partition}", to_addr=to)
                    self.put("sms.outbound", message, partition=partition)
        self.clock.pump([0.1] * 20)
        said = sorted(f"{n}.{partition}" for n in range(10) for partition in range(3))
        self.assertEqual([("1", f"ada{each}") for each in said], sorted(self.a.sent))
        self.assertEqual([("2", f"bob{each}") for each in said], sorted(self.b.sent))

    def test_nobody(self) -> None:
        """What is for nobody is for who reads it to refuse."""
        self.send("cid")
        self.send(None)
        events = [self.taken("sms.event", partition) for partition in range(3)]
        self.assertEqual(
            ["nobody is there"] * 2, [each.message.nack_reason for some in events for each in some]
        )

    def test_moved(self) -> None:
        """Who connects to another process is found there; who stayed keeps nothing from them."""
        old = self.add(self.a, "1", "ada")
        self.add(self.b, "2", "ada")
        self.clock.pump([RENEWED] * 2)
        self.assertEqual("b", self.knows(self.a, "ada"))
        self.a.connections.remove(old)
        self.clock.advance(0)
        self.assertEqual("b", self.knows(self.a, "ada"))
        self.send("ada")
        self.assertEqual([("2", "hi")], self.b.sent)

    def test_left_over(self) -> None:
        """When the newest of an address goes, another one is found again soon."""
        self.add(self.a, "1", "ada")
        new = self.add(self.b, "2", "ada")
        self.b.connections.remove(new)
        self.assertIsNone(self.knows(self.a, "ada"))
        self.clock.advance(RENEWED)
        self.assertEqual("a", self.knows(self.b, "ada"))

    def test_back_at_once(self) -> None:
        """Who comes back while it is being forgotten is not forgotten."""
        line = self.add(self.a, "1", "ada")
        self.a.connections.remove(line)
        self.add(self.a, "2", "ada")
        self.clock.advance(0)
        self.assertEqual("a", self.knows(self.b, "ada"))

    def test_renewed(self) -> None:
        """A note is kept for as long as the process lives, and not much longer."""
        self.add(self.a, "1", "ada")
        self.clock.pump([RENEWED] * 6)
        self.assertEqual("a", self.knows(self.b, "ada"))
        self.a.connections._renewal.stop()
        self.clock.advance(KEPT + 1)
        self.assertIsNone(self.knows(self.b, "ada"))

    def test_stop(self) -> None:
        """Who stops takes its notes back."""
        line = self.add(self.a, "1", "ada")
        self.a.connections.remove(line)
        self.successResultOf(Deferred.fromCoroutine(self.a.connections.stop()))
        self.assertIsNone(self.knows(self.b, "ada"))


class OverRedis(PipelineTestCase):
    """The same over a real server."""

    async def test_passed_on(self) -> None:
        """Of 300 users in three processes each gets its own message, wherever it was read."""
        place = OnServer(partitions=2, beat_every=0.2)
        helper = self.add_helper(WorkerHelper("sms", place=place))
        running = [await helper.get_worker(Phones, name=name) for name in "abc"]
        users = [f"user{n}" for n in range(300)]
        for n, user in enumerate(users):
            await running[n % 3].connections.add(Line(str(n), user))
        for user in users:
            message = helper.make_outbound(user, to_addr=user)
            await helper.dispatch_raw("sms.outbound", message, partition=len(user) % 2)
        await helper.until(lambda: sum(len(each.sent) for each in running) >= len(users))
        for index, phones in enumerate(running):
            expected = sorted((str(n), user) for n, user in enumerate(users) if n % 3 == index)
            self.assertEqual(expected, sorted(phones.sent))

    async def test_back_at_once(self) -> None:
        """Who comes back before it is known whether to forget them is not forgotten."""
        place = OnServer(partitions=2, beat_every=0.2)
        helper = self.add_helper(WorkerHelper("sms", place=place))
        connections = (await helper.get_worker(Phones, name="a")).connections
        for n in range(20):
            line = Line(f"old{n}", f"user{n}")
            await connections.add(line)
            connections.remove(line)
            await connections.add(Line(f"new{n}", f"user{n}"))
        await helper.until(lambda: not connections._forgetting)
        known = [await connections.instance_of(f"user{n}") for n in range(20)]
        self.assertEqual(["a"] * 20, known)
