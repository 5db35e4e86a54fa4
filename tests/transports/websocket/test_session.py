"""Tests of pipeline.transports.websocket.session: what is published when, whatever goes wrong."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import TestCase

from pipeline.brokers.memory import MemoryBroker
from pipeline.codec import Codec
from pipeline.errors import BrokerUnavailable, InvalidMessageField, QueueFull
from pipeline.message import UserMessage
from pipeline.transports.base import Transport
from pipeline.transports.callers import Caller
from pipeline.transports.connections import Connections
from pipeline.transports.statistics import Statistics
from pipeline.transports.websocket.frames import JsonFrames
from pipeline.transports.websocket.limits import Limits, State
from pipeline.transports.websocket.session import AGAIN, MOST_UNANSWERED, Session, Surroundings
from pipeline.transports.websocket.wire import Wire
from pipeline.worker import Runtime
from tests.transports.websocket.clients import CLOSE, HANDSHAKE, TEXT, frame


class SessionCase(TestCase):
    """A session over a transport in memory; what it publishes is decided by the test."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.broker = MemoryBroker(self.clock)
        self.broker.start()
        self.published: list[tuple[UserMessage, Deferred[Any]]] = []
        self.outcomes: list[Any] = []
        runtime = Runtime(self.broker, Codec(), self.clock, "test")
        transport = Transport("web", {"transport_name": "web"}, runtime)
        self.connections: Connections[Session] = Connections(transport, "i1")
        self.statistics = Statistics()
        self.around = Surroundings(
            publish=self.publish,
            connections=self.connections,
            frames=JsonFrames("web", "websocket"),
            statistics=self.statistics,
            clock=self.clock,
            name="web",
            transport_type="websocket",
            to_addr="shop",
            max_pending=3,
            max_depth=1000,
            dedup_window=60,
        )

    def publish(self, message: UserMessage, max_depth: int, window: float) -> Deferred[Any]:
        self.depth, self.window = max_depth, window
        publishing = self.outcomes.pop(0) if self.outcomes else succeed(message)
        self.published.append((message, publishing))
        return publishing

    def connect(self, announced: bool = True, caller: Caller | None = None) -> Session:
        """A session whose connection is open."""
        limits = Limits(1000, 1000, 10, 0, 20, 0)
        self.wire = Wire(limits, self.clock, "", lambda *_: None, self.lost)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = self.wire
        self.wire.makeConnection(self.transport)
        self.wire.dataReceived(HANDSHAKE.format(path="/", more="").encode())
        self.wire.accept()
        self.transport.clear()
        self.session = Session(self.wire, self.around, caller or Caller(None, ""), None)
        self.wire.listener = self.session
        self.beginning = Deferred.fromCoroutine(self.session.begin(announced=announced))
        return self.session

    def lost(self, wire: Wire) -> None:
        self.ending = self.session.lost()

    def say(self, **fields: Any) -> None:
        """The client says something."""
        self.wire.dataReceived(frame(TEXT, json.dumps(fields).encode()))

    @property
    def told(self) -> list[Any]:
        """What the client is told, since this was asked last."""
        data, told = self.transport.value(), []
        self.transport.clear()
        while data[:1] == b"\x81":
            size, at = (data[1], 2) if data[1] < 126 else (int.from_bytes(data[2:4], "big"), 4)
            told.append(json.loads(data[at : at + size]))
            data = data[at + size :]
        return told

    @property
    def events(self) -> list[Any]:
        """What was published: session event and content."""
        return [(message.session_event, message.content) for message, _ in self.published]


class Life(SessionCase):
    """A session begins once and ends once."""

    def test_life(self) -> None:
        """new, then what is said, then close; all of one address, with the way back."""
        session = self.connect()
        self.say(content="a")
        self.say(content="b", session_event="resume")
        self.transport.loseConnection()
        expected = [("new", None), ("resume", "a"), ("resume", "b"), ("close", None)]
        self.assertEqual(expected, self.events)
        for message, _ in self.published:
            self.assertEqual((session.id, "shop"), (message.from_addr, message.to_addr))
            way_back = {"reply_instance": "i1", "connection": session.id}
            self.assertEqual(way_back, message.transport_metadata)
        self.assertIsNone(self.successResultOf(self.ending))
        self.assertEqual(0, len(self.connections))

    def test_by_message(self) -> None:
        """Where the first message begins the session, nothing is published before it."""
        self.connect(announced=False)
        self.assertEqual([], self.events)
        self.say(content="a", session_event="resume")
        self.say(content="b")
        self.transport.loseConnection()
        self.assertEqual([("new", "a"), ("resume", "b"), ("close", None)], self.events)

    def test_no_message(self) -> None:
        """Then a connection without a message is no session, and doesn't end."""
        self.connect(announced=False)
        self.transport.loseConnection()
        self.assertEqual([], self.events)

    def test_first_is_refused(self) -> None:
        """A first message that could not be published has begun nothing: the next one does."""
        self.connect(announced=False)
        self.outcomes.append(fail(QueueFull("full")))
        self.say(content="a")
        self.say(content="b")
        self.assertEqual([("new", "a"), ("new", "b")], self.events)

    def test_first_is_alone(self) -> None:
        """While the first message is on its way the next is not read, so that it is no second."""
        self.connect(announced=False)
        first: Deferred[Any] = Deferred()
        self.outcomes.append(first)
        self.say(content="a")
        self.say(content="b")
        self.assertEqual([("new", "a")], self.events)
        first.callback("stored")
        self.assertEqual([("new", "a"), ("resume", "b")], self.events)

    def test_new_first(self) -> None:
        """What a client says is not read before the beginning of its session is stored."""
        new: Deferred[Any] = Deferred()
        self.outcomes.append(new)
        self.connect()
        self.say(content="a")
        self.assertEqual([("new", None)], self.events)
        new.callback("stored")
        self.assertEqual([("new", None), ("resume", "a")], self.events)

    def test_cannot_begin(self) -> None:
        """A client whose session can't begin is told to come again later."""
        self.outcomes.append(fail(BrokerUnavailable("away")))
        self.connect()
        self.assertIs(State.CLOSING, self.wire.state)
        self.assertEqual(1013, self.wire.code)
        self.assertEqual(0, len(self.connections))

    def test_not_wanted(self) -> None:
        """Where middleware drops the beginning the client is closed, and there is no end."""
        self.outcomes.append(succeed(None))
        self.connect()
        self.assertEqual(1008, self.wire.code)
        self.transport.loseConnection()
        self.assertEqual([("new", None)], self.events)

    def test_greeted_by_middleware(self) -> None:
        """Where middleware answers the beginning, the session goes on."""
        new: Deferred[Any] = Deferred()
        self.outcomes.append(new)
        session = self.connect()
        session.send(self.published[-1][0].reply("hello"))
        new.callback(None)
        self.say(content="a")
        self.assertEqual(("resume", "a"), self.events[-1])

    def test_gone_meanwhile(self) -> None:
        """Of a client that goes while its session begins, the end comes after the beginning."""
        new: Deferred[Any] = Deferred()
        self.outcomes.append(new)
        self.connect()
        self.transport.loseConnection()
        self.assertEqual([("new", None)], self.events)
        new.callback("stored")
        self.assertEqual([("new", None), ("close", None)], self.events)
        self.assertEqual(0, len(self.connections))

    def test_end_after_all(self) -> None:
        """The end of a session is published after all that was said in it."""
        self.connect()
        message: Deferred[Any] = Deferred()
        self.outcomes.append(message)
        self.say(content="a")
        self.transport.loseConnection()
        self.assertEqual([("new", None), ("resume", "a")], self.events)
        message.callback("stored")
        self.assertEqual(("close", None), self.events[-1])

    def test_end_again(self) -> None:
        """The end of a session is published again until it is stored, however full the queue."""
        self.connect()
        self.outcomes += [fail(BrokerUnavailable("away")), fail(QueueFull("full"))]
        self.transport.loseConnection()
        self.clock.advance(AGAIN)
        self.assertNoResult(self.ending)
        self.clock.advance(AGAIN)
        self.successResultOf(self.ending)
        self.assertEqual([("close", None)] * 3, self.events[1:])
        self.assertEqual(0, self.depth)

    def test_give_up(self) -> None:
        """Who stops waits no longer for that."""
        session = self.connect()
        self.outcomes += [fail(BrokerUnavailable("away"))]
        self.transport.loseConnection()
        session.give_up()
        self.successResultOf(self.ending)
        self.assertEqual([], self.clock.getDelayedCalls())


class Closing(SessionCase):
    """Either side may say that a message is the last."""

    def test_client(self) -> None:
        """The client's last message ends the session itself; nothing is read after it."""
        self.connect()
        self.say(content="bye", session_event="close")
        self.say(content="more")
        self.assertEqual((State.CLOSING, 1000), (self.wire.state, self.wire.code))
        self.wire.dataReceived(frame(CLOSE, b"\x03\xe8"))
        self.assertEqual([("new", None), ("close", "bye")], self.events)

    def test_refused(self) -> None:
        """A last message that could not be published was not the last."""
        self.connect()
        for error in (QueueFull("full"), ZeroDivisionError()):
            self.outcomes.append(fail(error))
            self.say(content="bye", session_event="close")
            self.say(content="more")
            self.assertEqual(("resume", "more"), self.events[-1])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_application(self) -> None:
        """After the application's last message the connection is closed."""
        session = self.connect()
        last = UserMessage(
            content="bye",
            session_event="close",
            to_addr=session.address,
            from_addr=None,
            transport_name="web",
            transport_type="websocket",
        )
        self.assertTrue(session.send(last))
        self.assertEqual("bye", self.told[0]["content"])
        self.assertEqual(1000, self.wire.code)
        self.assertFalse(session.send(last))
        self.transport.loseConnection()
        self.assertEqual(("close", None), self.events[-1])


class Saying(SessionCase):
    """Messages on their way, and what the client is told of them."""

    def test_pressure(self) -> None:
        """So many may be on their way; more are not read until there is room."""
        self.connect()
        pending: list[Deferred[Any]] = [Deferred() for _ in range(10)]
        self.outcomes += pending
        for n in range(10):
            self.say(content=str(n))
        self.assertEqual((4, "paused"), (len(self.events), self.transport.producerState))
        for each in pending:
            each.callback("stored")
        self.assertEqual((11, "producing"), (len(self.events), self.transport.producerState))
        self.assertEqual([str(n) for n in range(10)], [said for _, said in self.events[1:]])

    def test_ack(self) -> None:
        """An ack comes when the message is stored, not before, to who asks."""
        self.connect(caller=Caller("ada", ""))
        message: Deferred[Any] = Deferred()
        self.outcomes.append(message)
        self.say(content="a", id="7", message_id="m1")
        self.assertEqual(([], 60), (self.told, self.window))
        message.callback("stored")
        self.assertEqual([{"ack": "7", "message_id": "m1"}], self.told)
        self.assertEqual("ada/m1", self.published[-1][0].message_id)
        self.say(content="a")
        self.assertEqual(([], 0), (self.told, self.window))

    def test_errors(self) -> None:
        """Each way in which a message is not published has its error, and the session goes on."""
        self.connect()
        for outcome, code in (
            (fail(QueueFull("full")), "unavailable"),
            (fail(BrokerUnavailable("away")), "unavailable"),
            (fail(InvalidMessageField("bad")), "bad_request"),
            (succeed(None), "forbidden"),
        ):
            self.outcomes.append(outcome)
            self.say(content="a", id="7")
            [told] = self.told
            self.assertEqual((code, "7"), (told["error"]["code"], told["error"]["id"]))
            self.assertIn("message_id", told["error"])
        self.say(content=3)
        self.assertEqual("content", self.told[0]["error"]["field"])
        self.assertEqual(5, self.statistics.counts["messages_refused"])
        self.say(content="a", id="8")
        self.assertEqual("8", self.told[0]["ack"])

    def test_unforeseen(self) -> None:
        """An error that nobody foresaw is logged, told, and ends nothing."""
        self.connect()
        self.outcomes.append(fail(ZeroDivisionError()))
        self.say(content="a")
        self.assertEqual("internal_error", self.told[0]["error"]["code"])
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.say(content="b")
        self.assertEqual(("resume", "b"), self.events[-1])

    def test_answered_by_middleware(self) -> None:
        """What middleware answers while it is published is no error."""
        session = self.connect()
        message: Deferred[Any] = Deferred()
        self.outcomes.append(message)
        self.say(content="a")
        session.send(self.published[-1][0].reply("cached"))
        message.callback(None)
        self.assertEqual(["cached"], [each.get("content") for each in self.told])


class Stopping(SessionCase):
    """Who stops waits for replies, for a time."""

    def test_awaits(self) -> None:
        """A reply is waited for from when its message came, until it is there."""
        session = self.connect()
        self.assertEqual(0, session.awaits_until(5))
        self.clock.advance(10)
        self.say(content="a")
        self.assertEqual(15, session.awaits_until(5))
        session.send(self.published[-1][0].reply("A"))
        self.assertEqual(0, session.awaits_until(5))

    def test_remembers(self) -> None:
        """Only so many unanswered messages are remembered."""
        session = self.connect()
        for _ in range(2 * MOST_UNANSWERED):
            self.say(content="a")
        self.assertEqual(MOST_UNANSWERED, len(session._unanswered))

    def test_hears_no_more(self) -> None:
        """Nothing more is read, also when what was on its way is stored."""
        session = self.connect()
        message: Deferred[Any] = Deferred()
        self.outcomes.append(message)
        self.say(content="a")
        session.stop_listening()
        message.callback("stored")
        self.say(content="b")
        self.assertEqual(("resume", "a"), self.events[-1])
