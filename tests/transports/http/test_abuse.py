"""The HTTP transport, with clients that aren't ours, and some that mean no good."""

from __future__ import annotations

import http.client
import json
import random
import socket
import time
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread

from tests.quick import SKIP
from tests.transports.http.clients import Echo, HttpCase, encoded

PATIENCE = 60


class Others(HttpCase):
    """Programs that nobody here has written."""

    async def test_keep_alive(self) -> None:
        """http.client sends many requests over one connection, some of them refused."""
        await self.start(Echo)
        transport, port = await self.http()
        contents, refused = await deferToThread(_talk, port)
        self.assertEqual([f"N{n}" for n in range(20)], contents)
        self.assertEqual([404, 400, 415], refused)
        self.assertEqual(1, transport.statistics.counts["connections"])

    async def test_chunked(self) -> None:
        """http.client sends a body in chunks, from a source that has no length."""
        await self.start(Echo)
        _, port = await self.http()
        status, said = await deferToThread(_in_chunks, port)
        self.assertEqual((200, "HI"), (status, said["content"]))


class Abuse(HttpCase):
    """What would break a careless server; afterwards all is as before."""

    async def well(self, transport: Any, port: int) -> None:
        """It is as it was: it answers, and keeps nothing of who is gone."""
        response = await self.request(port, "POST", "/messages", {"content": "hi"})
        self.assertEqual((200, "HI"), (response.status, response.json["content"]))
        await self.until(lambda: not transport._server.channels)
        self.assertEqual(0, len(transport.waiting))
        self.assertEqual(0, transport._server.kept)
        self.assertEqual(0, transport.statistics.gauges["connections_open"])

    async def test_thousand(self) -> None:
        """A thousand connections at once are all answered, each with its own."""
        await self.start(Echo)
        transport, port = await self.http(wait=60, max_waiting_per_client=0)
        wires = await gatherResults([Deferred.fromCoroutine(self.wire(port)) for _ in range(1000)])
        await self.until(lambda: transport.statistics.gauges["connections_open"] == 1000)
        for n, wire in enumerate(wires):
            body = b'{"content": "n%d"}' % n
            wire.say(encoded("POST", "/messages", body, Content_Type="application/json"))
        for n, wire in enumerate(wires):
            self.assertEqual(f"N{n}", (await wire.response()).json["content"])
        await gatherResults([Deferred.fromCoroutine(each.hang_up()) for each in wires])
        await self.well(transport, port)

    test_thousand.skip = SKIP  # type: ignore[attr-defined]

    async def test_gone_before_the_reply(self) -> None:
        """Two hundred clients go away before their reply: nothing is left of them."""
        echo = await self.start(Echo)
        await echo.pause_connectors()
        transport, port = await self.http()
        wires = [await self.wire(port) for _ in range(200)]
        for wire in wires:
            wire.say(encoded("POST", "/messages", b"{}", Content_Type="application/json"))
        await self.until(lambda: len(transport.waiting) == 200)
        await gatherResults([Deferred.fromCoroutine(each.hang_up()) for each in wires])
        await self.until(lambda: not len(transport.waiting))
        echo.unpause_connectors()
        await self.well(transport, port)

    async def test_garbage(self) -> None:
        """Bytes at random, and requests with bytes changed at random, break nothing."""
        await self.start(Echo)
        transport, port = await self.http(idle_timeout=0.2)
        seed = random.randrange(2**32)
        chance = random.Random(seed)
        good = encoded("POST", "/messages", b'{"content":"x"}', Content_Type="application/json")
        for _ in range(200):
            data = bytearray(good) if chance.random() < 0.8 else bytearray(chance.randbytes(200))
            for _ in range(chance.randrange(1, 5)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            wire = await self.wire(port)
            wire.say(bytes(data))
            await self.until(lambda wire=wire: wire.heard or wire.gone.called)
            self.assertRegex(wire.heard, rb"\A(HTTP/1\.[01] \d{3} |\Z)", f"seed {seed}")
            await wire.hang_up()
        await self.well(transport, port)

    async def test_half_closed(self) -> None:
        """A client that says no more, but listens, gets its answer or an end; no one hangs."""
        await self.start(Echo)
        transport, port = await self.http(idle_timeout=1)
        answered = await deferToThread(_half_closed, port)
        self.assertTrue(answered == b"" or answered.startswith(b"HTTP/1.1 200"), answered)
        await self.well(transport, port)

    async def test_resets(self) -> None:
        """Connections that are reset at every point of a request."""
        await self.start(Echo)
        transport, port = await self.http()
        data = encoded("POST", "/messages", b'{"content":"x"}', Content_Type="application/json")
        await deferToThread(_reset_at_each, port, data)
        await self.until(lambda: transport.statistics.counts["connections"] >= len(data))
        await self.until(lambda: not transport._server.channels)
        await self.well(transport, port)


def _connected(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def _talk(port: int) -> tuple[list[str], list[int]]:
    client = _connected(port)
    headers = {"Content-Type": "application/json"}
    contents, refused = [], []
    for n in range(20):
        client.request("POST", "/messages", json.dumps({"content": f"n{n}"}), headers)
        contents.append(json.load(client.getresponse())["content"])
    for path, body, kind in (
        ("/x", "{}", "json"),
        ("/messages", "{", "json"),
        ("/messages", "{}", "x"),
    ):
        client.request("POST", path, body, {"Content-Type": f"application/{kind}"})
        answer = client.getresponse()
        answer.read()
        refused.append(answer.status)
    client.close()
    return contents, refused


def _in_chunks(port: int) -> tuple[int, Any]:
    client = _connected(port)
    parts = iter([b'{"content"', b': "hi"', b"}"])
    client.request("POST", "/messages", parts, {"Content-Type": "application/json"})
    answer = client.getresponse()
    said = json.load(answer)
    client.close()
    return answer.status, said


def _half_closed(port: int) -> bytes:
    body = b'{"content":"x"}'
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.sendall(encoded("POST", "/messages", body, Content_Type="application/json"))
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while data := client.recv(65536):
            heard += data
    return heard


def _reset_at_each(port: int, data: bytes) -> None:
    for length in range(len(data) + 1):
        client = socket.create_connection(("127.0.0.1", port), PATIENCE)
        # With no time to linger, closing resets the connection.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.sendall(data[:length])
        time.sleep(0.001)
        client.close()
