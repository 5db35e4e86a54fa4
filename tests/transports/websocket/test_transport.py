"""Tests of pipeline.transports.websocket.transport, with a client that isn't ours."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import CannotListenError
from twisted.internet.task import deferLater

from pipeline.errors import Drop
from pipeline.message import ResultMessage
from tests.brokers.redis.certificates import write_certificate
from tests.transports.websocket.clients import HANDSHAKE, TEXT, Talker, WebSocketCase, frame

BEARER = {"bearer": {"ada": "a-token-of-20-chars.", "bob": "b-token-of-20-chars."}}


def as_known(name: str) -> dict[str, Any]:
    """How somebody says who they are."""
    return {"additional_headers": {"Authorization": f"Bearer {BEARER['bearer'][name]}"}}


class Talking(WebSocketCase):
    """Messages go in, replies come out."""

    async def test_round_trip(self) -> None:
        """The session begins, a message is answered and acked, the session ends; once each."""
        talker = await self.start(Talker)
        transport, port = await self.serve(to_addr="shop")
        client = await self.client(port)
        await client.say({"content": "hi", "mood": "good", "id": "1"})
        ack, reply = sorted([await client.hear(), await client.hear()], key=len)
        self.assertEqual({"ack": "1", "message_id": reply["in_reply_to"]}, ack)
        self.assertEqual(("HI", "shop"), (reply["content"], reply["from_addr"]))
        [new], [heard] = talker.new, talker.heard
        self.assertEqual(("new", None, "shop"), (new.session_event, new.content, new.to_addr))
        self.assertEqual(("resume", "hi"), (heard.session_event, heard.content))
        self.assertEqual(("websocket", "good"), (heard.transport_type, heard["mood"]))
        self.assertEqual(1, len({new.from_addr, heard.from_addr, reply["to_addr"]}))
        await self.until(lambda: talker.acks)
        self.assertEqual(reply["id"], talker.acks[0].user_message_id)
        await client.close()
        await self.until(lambda: talker.closed)
        [closed] = talker.closed
        self.assertEqual(("close", new.from_addr), (closed.session_event, closed.from_addr))
        await self.until(lambda: not transport._sessions)
        counted = transport.statistics.snapshot()
        expected = {"connections": 1, "messages_in": 1, "messages_out": 1, "connections_open": 0}
        self.assertEqual(expected, {name: counted[name] for name in expected})

    async def test_speaks_first(self) -> None:
        """The application may greet who connects."""
        talker = await self.start(Talker)
        talker.greeting = True
        _, port = await self.serve()
        client = await self.client(port)
        self.assertEqual("hello", (await client.hear())["content"])

    async def test_text(self) -> None:
        """In plain text a frame is a content, and nothing else."""
        await self.start(Talker)
        _, port = await self.serve(format="text", session_starts="message")
        client = await self.client(port)
        await client.say("hällo")
        self.assertEqual("HÄLLO", await client.hear())

    async def test_last_word(self) -> None:
        """A session is ended by a reply that closes it: the client sees it, then the close."""
        talker = await self.start(Talker)
        _, port = await self.serve()
        client = await self.client(port)
        await client.say({"content": "bye"})
        self.assertEqual("close", (await client.hear())["session_event"])
        self.assertEqual(1000, await client.code())
        await self.until(lambda: talker.closed)

    async def test_many(self) -> None:
        """Each of many clients that talk at once gets its own answers, in their order."""
        talker = await self.start(Talker)
        _, port = await self.serve(max_pending=3)

        async def talk(name: str) -> list[str]:
            client = await self.client(port)
            for n in range(20):
                await client.say({"content": f"{name}{n}"})
            heard = [(await client.hear())["content"] for _ in range(20)]
            await client.close()
            return heard

        names = [f"n{n}_" for n in range(15)]
        answers = await gatherResults([Deferred.fromCoroutine(talk(name)) for name in names])
        for name, heard in zip(names, answers, strict=True):
            self.assertEqual([f"{name.upper()}{n}" for n in range(20)], heard)
        await self.until(lambda: len(talker.closed) == 15)

    async def test_gone(self) -> None:
        """A reply for who has gone, without a word or with one, gets a nack with the reason."""
        talker = await self.start(Talker)
        _, port = await self.serve()
        for leave in ("vanish", "close"):
            await talker.pause_connectors()
            client = await self.client(port)
            await client.say({"content": "hi"})
            await getattr(client, leave)()
            talker.unpause_connectors()
            await self.until(lambda: talker.closed and talker.nacks)
            self.assertIn("nobody is connected", talker.nacks.pop().nack_reason)
            sessions = [(each.pop().session_event, each) for each in (talker.new, talker.closed)]
            self.assertEqual([("new", []), ("close", [])], sessions)

    async def test_failed(self) -> None:
        """Who waits for a reply to a message that fails for good is told that it has."""

        class Failing(Talker):
            def consume_user_message(self, message: Any) -> Any:
                raise ValueError("no such thing")

        await self.start(Failing, retry={"attempts": 1})
        _, port = await self.serve()
        client = await self.client(port)
        await client.say({"content": "hi", "message_id": "m1"})
        error = (await client.hear())["error"]
        self.assertEqual(("internal_error", "m1"), (error["code"], error["in_reply_to"]))
        self.assertIn("no such thing", error["message"])

    async def test_dropped(self) -> None:
        """What middleware drops on its way in is told; what it drops on its way out is a nack."""
        talker = await self.start(Talker)
        dropping = {"drop": {"class": f"{__name__}.Dropping"}}
        _, port = await self.serve(middleware=[dropping])
        client = await self.client(port)
        await client.say({"content": "drop me", "id": "1"})
        error = (await client.hear())["error"]
        self.assertEqual(("forbidden", "1"), (error["code"], error["id"]))
        await client.say({"content": "unspeakable"})
        await self.until(lambda: talker.nacks)
        self.assertEqual("not said", talker.nacks[0].nack_reason)

    async def test_result_of_nobody(self) -> None:
        """A failure that nobody waits for any more needs no nack."""
        talker = await self.start(Talker)
        transport, _ = await self.serve()
        result = ResultMessage(in_reply_to="x", status="failed", error="no", to_addr="gone")
        result.transport_name = "web"
        await talker.connector.publish("outbound", result)
        await self.until(lambda: transport.statistics.counts["messages_undelivered"])
        self.assertEqual([], talker.nacks)

    async def test_taken_port(self) -> None:
        """A port that is taken is an error, and leaves nothing behind."""
        _, port = await self.serve()
        with self.assertRaises(CannotListenError):
            await self.serve(listen=f"tcp:{port}")

    async def test_tls(self) -> None:
        """The same over TLS; half a handshake of that is cut off in time, too."""
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate, key = write_certificate(folder, "localhost")
        await self.start(Talker)
        tls = {"certificate": certificate, "key": key}
        _, port = await self.serve(tls=tls, handshake_timeout=1)
        for half in (b"", b"\x16\x03\x01"):
            wire = await self.wire(port)
            wire.say(half)
            self.assertEqual(b"", await wire.gone)
        context = ssl.create_default_context(cafile=str(certificate))
        client = await self.client(port, secure=True, ssl=context, server_hostname="localhost")
        await client.say({"content": "hi"})
        self.assertEqual("HI", (await client.hear())["content"])
        await client.say({"content": "bye"})
        self.assertEqual(1000, await client.code())


class Elsewhere(WebSocketCase):
    """Several processes serve one port."""

    async def test_push(self) -> None:
        """Whoever a user is connected to, what answers nothing gets to them, and is acked."""
        talker = await self.start(Talker)
        options = {"address": "principal", "authentication": BEARER, "reuse_port": True}
        first, port = await self.serve(**options)
        second, _ = await self.serve(**options, listen=f"tcp:{port}")
        clients = {name: await self.client(port, **as_known(name)) for name in BEARER["bearer"]}
        # The system shares connections out as it likes; until each process has one, try again.
        while not (len(first.connections) and len(second.connections)):
            await clients["bob"].close()
            clients["bob"] = await self.client(port, **as_known("bob"))
            await self.until(lambda: len(first.connections) + len(second.connections) == 2)
        for n in range(20):
            for name, client in clients.items():
                await talker.push(name, f"{name}{n}")
                self.assertEqual(f"{name}{n}", (await client.hear())["content"])
        await self.until(lambda: len(talker.acks) == 40)
        await talker.push("cid", "hello?")
        await self.until(lambda: talker.nacks)
        self.assertIn("nobody is connected", talker.nacks[0].nack_reason)

    async def test_replies(self) -> None:
        """A reply gets to its own connection, also when its user has others elsewhere."""
        await self.start(Talker)
        options = {"address": "principal", "authentication": BEARER}
        ports = [(await self.serve(**options))[1] for _ in range(2)]
        clients = [await self.client(port, **as_known("ada")) for port in ports * 2]
        for n, client in enumerate(clients):
            await client.say({"content": f"from {n}"})
        heard = [(await client.hear())["content"] for client in clients]
        self.assertEqual([f"FROM {n}" for n in range(4)], heard)

    async def test_comes_back(self) -> None:
        """A reply for a known user who has come back, to another process, still gets to them."""
        talker = await self.start(Talker)
        options = {"address": "principal", "authentication": BEARER}
        ports = [(await self.serve(**options))[1] for _ in range(2)]
        old = await self.client(ports[0], **as_known("ada"))
        await self.until(lambda: talker.new)
        await talker.pause_connectors()
        await old.say({"content": "hi"})
        await old.close()
        new = await self.client(ports[1], **as_known("ada"))
        talker.unpause_connectors()
        self.assertEqual("HI", (await new.hear())["content"])


class Stopping(WebSocketCase):
    """A transport that stops lets out what it can, and says good-bye."""

    async def test_drains(self) -> None:
        """A reply that is still to come goes out before the close; nothing new comes in."""
        talker = await self.start(Talker)
        transport, port = await self.serve(linger=20)
        client, silent = await self.client(port), await self.client(port)
        await self.until(lambda: len(talker.new) == 2)
        await talker.pause_connectors()
        await client.say({"content": "hi"})
        await self.until(lambda: transport.statistics.counts["messages_in"])
        stopping = transport.stop_worker(20)
        await client.say({"content": "too late"})
        await deferLater(self.reactor, 0.3)
        talker.unpause_connectors()
        self.assertEqual("HI", (await client.hear())["content"])
        self.assertEqual([1001, 1001], [await client.code(), await silent.code()])
        await stopping
        self.assertEqual(["hi"], [message.content for message in talker.heard])
        await self.until(lambda: len(talker.closed) == 2)
        self.assertEqual(0, len(transport.connections))

    async def test_does_not_wait_for_ever(self) -> None:
        """A reply that never comes, and a client that never answers, are not waited for."""
        talker = await self.start(Talker)
        talker.answering = False
        transport, port = await self.serve(linger=0.2)
        wire = await self.raw(port)
        wire.say(frame(TEXT, b'{"content": "hi"}'))
        await self.until(lambda: talker.heard)
        await transport.stop_worker(20)
        self.assertEqual(1001, await self.closed_with(wire))
        await wire.gone
        await self.until(lambda: talker.closed)

    async def test_hurry(self) -> None:
        """Who is in a hurry waits for nobody."""
        talker = await self.start(Talker)
        talker.answering = False
        transport, port = await self.serve(linger=600, stop_timeout=600)
        wire = await self.raw(port)
        wire.say(frame(TEXT, b'{"content": "hi"}'))
        await self.until(lambda: talker.heard)
        stopping = transport.stop_worker(600)
        transport.hurry()
        await stopping
        self.assertTrue(wire.gone.called or await wire.gone)

    async def test_no_one_new(self) -> None:
        """Who asks while it stops is refused."""
        await self.start(Talker)
        transport, port = await self.serve()
        wire = await self.wire(port)
        await self.until(lambda: transport._server.wires)
        transport._is_stopping = True
        wire.say(HANDSHAKE.format(path="/", more="").encode())
        self.assertIn(b"503", await wire.gone)


class Dropping:
    """Drops what says so."""

    def __init__(self, name: str, config: Any, worker: Any) -> None:
        self.name = name

    def handle_inbound(self, message: Any, connector_name: str) -> Any:
        """Drop it on its way in."""
        if message.content == "drop me":
            raise Drop("not taken")
        return message

    def handle_outbound(self, message: Any, connector_name: str) -> Any:
        """Drop it on its way out."""
        if message.content == "UNSPEAKABLE":
            raise Drop("not said")
        return message
