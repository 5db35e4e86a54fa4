"""Tests of pipeline.transports.lines.transport."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import CannotListenError, ConnectionRefusedError

from pipeline.message import UserMessage
from pipeline.middleware.base import TransportMiddleware
from tests.transports.lines.clients import LinesCase, Parrot


class Sessions(LinesCase):
    """A connection is a session."""

    async def test_conversation(self) -> None:
        """The application speaks first, each line is answered, and its end ends the connection."""
        parrot = await self.start(Parrot)
        _, port = await self.lines()
        client = await self.talker(port)
        await client.hear("hello\r\n")
        client.say(b"one\r\ntwo\n")
        await client.hear("ONE\r\nTWO\r\n")
        client.say(b"bye\n")
        self.assertEqual(b"BYE\r\n", await client.end())
        await self.until(lambda: len(parrot.got) == 5)
        self.assertEqual(
            [
                ("new", None),
                ("resume", "one"),
                ("resume", "two"),
                ("resume", "bye"),
                ("close", None),
            ],
            parrot.said,
        )
        [address] = {message.from_addr for message in parrot.got}
        self.assertTrue(address.startswith("127.0.0.1:"))
        self.assertEqual({f"127.0.0.1:{port}"}, {message.to_addr for message in parrot.got})
        self.assertEqual("application", parrot.got[-1].transport_metadata["ended_by"])
        await self.until(lambda: len(parrot.events) == 4)
        self.assertEqual({"ack"}, {event.event_type for event in parrot.events})

    async def test_first_line(self) -> None:
        """By option the first line begins the session; who says nothing has none."""
        parrot = await self.start(Parrot)
        _, port = await self.lines(session_starts="line", to_addr="shop", line_end="lf")
        silent = await self.talker(port)
        await silent.hang_up()
        client = await self.talker(port)
        client.say(b"hi\nbye\n")
        self.assertEqual(b"HI\nBYE\n", await client.end())
        await self.until(lambda: len(parrot.got) == 3)
        self.assertEqual([("new", "hi"), ("resume", "bye"), ("close", None)], parrot.said)
        self.assertEqual("shop", parrot.got[0].to_addr)

    async def test_unasked(self) -> None:
        """A message that answers nothing goes to who is connected as its address, or is a nack."""
        parrot = await self.start(Parrot)
        _, port = await self.lines()
        client = await self.talker(port)
        await client.hear("hello\r\n")
        await self.until(lambda: parrot.events)
        parrot.events.clear()
        news = {"from_addr": "shop", "transport_name": "web", "transport_type": "lines"}
        for to in (parrot.got[0].from_addr, "127.0.0.1:1"):
            message = UserMessage.send(to, "news\nof\r\ntoday\n", **news)
            await parrot.connector.publish("outbound", message)
            await self.until(lambda: parrot.events)
            event = parrot.events.pop()
            self.assertEqual(message.message_id, event.user_message_id)
        await client.hear("news\r\nof\r\ntoday\r\n")
        self.assertEqual(
            ("nack", "nobody is connected there"), (event.event_type, event.nack_reason)
        )

    async def test_failed(self) -> None:
        """Who said what can't be handled is told so, without details."""
        parrot = await self.start(Parrot, retry={"attempts": 1})
        parrot.reply_to = lambda message, *args: 1 / 0 if message.content else None
        transport, port = await self.lines()
        client = await self.talker(port)
        client.say(b"one\n")
        await client.hear("error: this could not be answered\r\n")
        self.assertEqual(2, transport.statistics.counts["messages_in"])
        self.assertEqual({"connected": 1.0}, transport.statistics.gauges)

    async def test_dropped(self) -> None:
        """What middleware drops or breaks on its way in leaves the session as it is."""
        parrot = await self.start(Parrot)
        middleware = [{"odd": f"{__name__}.Odd"}]
        _, port = await self.lines(middleware=middleware)
        client = await self.talker(port)
        await client.hear("hello\r\n")
        client.say(b"drop\nbreak\nlast\n")
        await client.hear("error: this could not be taken\r\nLAST\r\n")
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual([("new", None), ("resume", "last")], parrot.said)


class Odd(TransportMiddleware):
    """Drops some, breaks at others."""

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        from pipeline.errors import Drop

        if message.content == "drop":
            raise Drop("not wanted")
        if message.content == "break":
            raise ZeroDivisionError
        return message


class Ports(LinesCase):
    """Where it listens."""

    async def test_shared(self) -> None:
        """Two processes share a port, and each client is answered by the one that has it."""
        await self.start(Parrot)
        first, port = await self.lines(reuse_port=True)
        second, same = await self.lines(reuse_port=True, listen=f"tcp:{port}")
        self.assertEqual(port, same)
        clients = [await self.talker(port) for _ in range(40)]
        for n, client in enumerate(clients):
            client.say(b"n%d\n" % n)
        for n, client in enumerate(clients):
            await client.hear(f"hello\r\nN{n}\r\n")
        counts = [each.statistics.counts["connections"] for each in (first, second)]
        self.assertEqual(40, sum(counts))
        self.assertTrue(all(counts))

    async def test_elsewhere(self) -> None:
        """What answers nothing finds the process that has its connection, too."""
        parrot = await self.start(Parrot)
        first, port = await self.lines(reuse_port=True)
        second, _ = await self.lines(reuse_port=True, listen=f"tcp:{port}")
        clients = [await self.talker(port) for _ in range(10)]
        for client in clients:
            await client.hear("hello\r\n")
        for message in list(parrot.got):
            await parrot.connector.publish(
                "outbound",
                UserMessage.send(
                    message.from_addr, "news", transport_name="web", transport_type="lines"
                ),
            )
        for client in clients:
            await client.hear("news\r\n")
        counts = first.statistics.counts + second.statistics.counts
        self.assertTrue(counts["passed_on"])
        self.assertEqual((20, 0), (counts["messages_out"], counts["undelivered"]))

    async def test_same_port(self) -> None:
        """A reply never goes to another client that has the address now."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines()
        client = await self.talker(port)
        await client.hear("hello\r\n")
        await self.until(lambda: parrot.events)
        late = parrot.got[0].reply("a secret")
        late.transport_metadata["connection"] = "of one who had the port before"
        await parrot.connector.publish("outbound", late)
        await self.until(lambda: len(parrot.events) == 2)
        self.assertEqual("nack", parrot.events[-1].event_type)
        self.assertEqual((b"", 1), (client.heard, transport.statistics.counts["undelivered"]))

    async def test_taken(self) -> None:
        """A port that is taken is an error, and nothing is left behind."""
        _, port = await self.lines()
        with self.assertRaises(CannotListenError):
            await self.lines(listen=f"tcp:{port}")

    async def test_unix(self) -> None:
        """Over a unix socket every client has a name of its own."""
        from twisted.internet.endpoints import UNIXClientEndpoint
        from twisted.internet.protocol import Factory

        from tests.transports.lines.clients import Talker

        parrot = await self.start(Parrot)
        path = self.mktemp()
        transport = await self.start(type((await self.lines())[0]), listen=f"unix:{path}")
        clients = [
            await UNIXClientEndpoint(self.reactor, path).connect(Factory.forProtocol(Talker))
            for _ in range(2)
        ]
        for client in clients:
            client.say(b"bye\n")
            self.assertEqual(b"hello\r\nBYE\r\n", await client.end())
        self.assertEqual(2, len({message.from_addr for message in parrot.got}))
        self.assertIn(path, parrot.got[0].to_addr)
        self.assertEqual(2, transport.statistics.counts["connections"])


class Stopping(LinesCase):
    """It ends without losing what it has in hand."""

    async def test_drained(self) -> None:
        """What was said is answered, then the client is told, and the application, too."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines(linger=20)
        client = await self.talker(port)
        await client.hear("hello\r\n")
        await parrot.pause_connectors()
        client.say(b"one\ntwo\nhalf")
        await self.until(lambda: transport.statistics.counts["messages_in"] == 3)
        stopping = transport.stop_worker(20)
        parrot.unpause_connectors()
        await client.hear("ONE\r\nTWO\r\n")
        self.assertEqual(b"this server is stopping: good-bye\r\n", await client.end())
        await stopping
        await self.until(lambda: parrot.said[-1] == ("close", None))
        self.assertEqual("stop", parrot.got[-1].transport_metadata["ended_by"])
        with self.assertRaises(ConnectionRefusedError):
            await self.talker(port)

    async def test_deadline(self) -> None:
        """What has no answer within the deadline keeps nobody."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines(linger=60)
        client = await self.talker(port)
        await client.hear("hello\r\n")
        parrot.answering = False
        client.say(b"one\n")
        await self.until(lambda: len(parrot.got) == 2)
        await transport.stop_worker(0.1)
        self.assertEqual(b"this server is stopping: good-bye\r\n", await client.end())
        await self.until(lambda: parrot.said[-1] == ("close", None))

    async def test_hurried(self) -> None:
        """Who hurries waits for no answers."""
        parrot = await self.start(Parrot)
        transport, port = await self.lines(linger=60)
        client = await self.talker(port)
        await client.hear("hello\r\n")
        parrot.answering = False
        client.say(b"one\n")
        await self.until(lambda: len(parrot.got) == 2)
        stopping = transport.stop_worker(60)
        transport.hurry()
        await stopping
        self.assertEqual(b"this server is stopping: good-bye\r\n", await client.end())
