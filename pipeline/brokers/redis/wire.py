"""A small blocking client, for threads.

Heartbeats go through it, since they must beat while the reactor is blocked. It knows nothing of
Twisted.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import hiredis

from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.refusal import refused
from pipeline.brokers.redis.script import Script
from pipeline.errors import BrokerUnavailable, ServerRefused

__all__ = ["Wire"]

Argument = bytes | str | int

_CHUNK = 65536
_NOTHING = object()
_pack: Callable[[Any], bytes] = hiredis.pack_command


class Wire:
    """A blocking connection, made at the first call and after each loss.

    It belongs to one thread at a time.

    :param address: where the server is; with TLS its chain and its name are verified.
    :param timeout: seconds that one call may take, with the connecting if need be.
    """

    def __init__(self, address: Address, *, timeout: float = 5.0) -> None:
        self.address = address
        self._timeout = timeout
        self._deadline = 0.0
        self._socket: socket.socket | None = None
        self._reader: Any = None

    def call(self, *args: Argument) -> Any:
        """Send one command and wait for its reply.

        :returns: the reply as it is: bytes, int, list or None.
        :raises ServerRefused: the server answered with an error.
        :raises BrokerUnavailable: no connection, or no reply in time; the command may have been
            carried out. The next call connects anew.
        """
        self._deadline = time.monotonic() + self._timeout
        try:
            if self._socket is None:
                self._connect()
            return self._ask(*args)
        except ServerRefused:
            raise
        except (OSError, hiredis.ProtocolError, EOFError) as error:
            self.close()
            what = str(error) or type(error).__name__
            raise BrokerUnavailable(f"no connection to {self.address}: {what}") from error
        except BaseException:
            self.close()
            raise

    def run(self, script: Script, keys: Sequence[Argument], args: Sequence[Argument]) -> Any:
        """Run a script by its hash, sending its source when the server does not know it.

        Returns and raises as :meth:`call` does.
        """
        return script.run_by(self.call, keys, args)

    def close(self) -> None:
        """Close the connection; the next call makes another."""
        gone, self._socket, self._reader = self._socket, None, None
        if gone is not None:
            gone.close()

    def _connect(self) -> None:
        self._socket = self._open()
        self._reader = hiredis.Reader(replyError=refused, notEnoughData=_NOTHING)
        try:
            self._greet()
        except ServerRefused:
            self.close()
            raise

    def _greet(self) -> None:
        for command in self.address.introduction:
            self._ask(*command)

    def _open(self) -> socket.socket:
        plain = self._open_unix() if self.address.path else self._open_tcp()
        if not self.address.tls:
            return plain
        try:
            context = ssl.create_default_context(cafile=self.address.ca)
            return context.wrap_socket(plain, server_hostname=self.address.host)
        except BaseException:
            plain.close()
            raise

    def _open_unix(self) -> socket.socket:
        plain = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            plain.settimeout(self._left())
            plain.connect(self.address.path)
        except BaseException:
            plain.close()
            raise
        return plain

    def _open_tcp(self) -> socket.socket:
        plain = socket.create_connection((self.address.host, self.address.port), self._left())
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return plain

    def _ask(self, *args: Argument) -> Any:
        assert self._socket is not None
        self._socket.settimeout(self._left())
        self._socket.sendall(_pack(args))
        while (reply := self._reader.gets()) is _NOTHING:
            self._socket.settimeout(self._left())
            data = self._socket.recv(_CHUNK)
            if not data:
                raise EOFError("the server closed the connection")
            self._reader.feed(data)
        if isinstance(reply, ServerRefused):
            raise reply
        return reply

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no reply for {self._timeout:g} s")
        return left
