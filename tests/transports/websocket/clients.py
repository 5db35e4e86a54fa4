"""WebSocket clients that are not ours, and a system behind them over the memory broker."""

from __future__ import annotations

import json
import os
import struct
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect

from pipeline.applications.base import Application
from pipeline.transports.websocket import WebSocketTransport
from tests.transports.http.clients import HttpCase, Wire

#: Seconds that a client waits for anything.
PATIENCE = 30

TEXT, BINARY, CLOSE, PING, PONG, CONTINUED = 1, 2, 8, 9, 10, 0

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, masked: bool = True, rsv: int = 0
) -> bytes:
    """A frame of a client."""
    mask = os.urandom(4) if masked else b""
    bit = 0x80 if masked else 0
    if len(payload) < 126:
        length = struct.pack("!B", bit | len(payload))
    elif len(payload) < 2**16:
        length = struct.pack("!BH", bit | 126, len(payload))
    else:
        length = struct.pack("!BQ", bit | 127, len(payload))
    if masked:
        payload = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return bytes([(0x80 if fin else 0) | rsv << 4 | opcode]) + length + mask + payload


class Client:
    """The client of the PyPI package ``websockets``, each call of it in a thread.

    :param pool: of threads.
    """

    def __init__(self, reactor: Any, pool: ThreadPool) -> None:
        self._reactor = reactor
        self._pool = pool
        self._connection: ClientConnection

    async def _call(self, function: Any, *args: Any, **options: Any) -> Any:
        return await deferToThreadPool(self._reactor, self._pool, function, *args, **options)

    async def connect(self, url: str, **options: Any) -> Client:
        """Connect."""
        given = {"open_timeout": PATIENCE, "close_timeout": PATIENCE, **options}
        self._connection = await self._call(connect, url, proxy=None, **given)
        return self

    @property
    def subprotocol(self) -> Any:
        """What was agreed on."""
        return self._connection.subprotocol

    async def say(self, what: Any) -> None:
        """Send text or bytes as they are, anything else as JSON."""
        raw = what if isinstance(what, (str, bytes, list)) else json.dumps(what)
        await self._call(self._connection.send, raw)

    async def hear(self) -> Any:
        """The next message, if it is JSON as what it says."""
        text = await self._call(self._connection.recv, PATIENCE)
        try:
            return json.loads(text)
        except ValueError:
            return text

    async def code(self) -> int:
        """With what code the connection is closed, when it is; messages before are left out."""
        while True:
            try:
                await self._call(self._connection.recv, PATIENCE)
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006

    async def is_there(self) -> bool:
        """Whether the other side still answers a ping."""
        try:
            pong = await self._call(self._connection.ping, ack_on_close=True)
        except ConnectionClosed:
            return False
        await self._call(pong.wait, PATIENCE)
        return self._connection.state is State.OPEN

    async def close(self) -> None:
        """Close, as one should."""
        await self._call(self._connection.close)

    async def vanish(self) -> None:
        """Be gone without a word."""
        await self._call(self._connection.socket.close)


class Talker(Application):
    """Answers in capitals, and remembers all that it is told."""

    answering = True
    greeting = False

    def setup_application(self) -> None:
        """Remember nothing yet."""
        self.new: list[Any] = []
        self.heard: list[Any] = []
        self.closed: list[Any] = []
        self.acks: list[Any] = []
        self.nacks: list[Any] = []

    def new_session(self, message: Any) -> Any:
        """Greet, if told to."""
        self.new.append(message)
        if message.content is not None:
            return self.consume_user_message(message)
        return self.reply_to(message, "hello") if self.greeting else None

    def consume_user_message(self, message: Any) -> Any:
        """Answer, and end the session on a bye."""
        self.heard.append(message)
        if not self.answering:
            return None
        content = (message.content or "").upper()
        return self.reply_to(message, content, continue_session=message.content != "bye")

    def close_session(self, message: Any) -> None:
        """Remember."""
        self.closed.append(message)

    def consume_ack(self, event: Any) -> None:
        """Remember."""
        self.acks.append(event)

    def consume_nack(self, event: Any) -> None:
        """Remember."""
        self.nacks.append(event)

    def push(self, to: str, content: str, **fields: Any) -> Deferred[Any]:
        """Send what answers nothing."""
        given = {"transport_name": "web", "transport_type": "websocket", "from_addr": None}
        return self.send_to(to, content, **{**given, **fields})


class WebSocketCase(HttpCase):
    """Has WebSocket transports of the connector ``web``, and an application behind them."""

    def setUp(self) -> None:
        super().setUp()
        self.pool = ThreadPool(0, 20)
        self.pool.start()
        self.addCleanup(self.pool.stop)

    async def serve(self, **options: Any) -> tuple[WebSocketTransport, int]:
        """A transport, and its port."""
        given = {"listen": "tcp:0", "linger": 0.1, **options}
        transport: WebSocketTransport = await self.start(WebSocketTransport, **given)
        assert transport.port is not None
        port: int = transport.port.getHost().port  # type: ignore[attr-defined]
        return transport, port

    async def client(
        self, port: int, path: str = "/", secure: bool = False, **options: Any
    ) -> Client:
        """A client that is connected."""
        made = Client(self.reactor, self.pool)
        scheme = "wss" if secure else "ws"
        return await made.connect(f"{scheme}://127.0.0.1:{port}{path}", **options)

    async def raw(self, port: int, path: str = "/", more: str = "") -> Wire:
        """A bare connection on which the handshake is done."""
        wire = await self.wire(port)
        wire.say(HANDSHAKE.format(path=path, more=more).encode())
        await self.until(lambda: b"\r\n\r\n" in wire.heard or wire.gone.called)
        head, _, wire.heard = wire.heard.partition(b"\r\n\r\n")
        self.assertIn(b"101 Switching", head)
        return wire

    async def closed_with(self, wire: Wire) -> int:
        """The code of the close frame on a bare connection that has said nothing else."""
        await self.until(lambda: b"\x88" in wire.heard or wire.gone.called)
        at = wire.heard.index(b"\x88")
        return int.from_bytes(wire.heard[at + 2 : at + 4], "big")
