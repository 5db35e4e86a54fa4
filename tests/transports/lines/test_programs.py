"""Programs that aren't ours talk to the transport of lines."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.threads import deferToThread
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest

from tests.brokers.redis.certificates import write_certificate
from tests.transports.lines.clients import LinesCase, Parrot

T = TypeVar("T")


class Program(ProcessProtocol):
    """A program in a terminal's place: it is told things, and heard."""

    def __init__(self) -> None:
        self.heard = b""
        self.ended: Deferred[int] = Deferred()

    def outReceived(self, data: bytes) -> None:
        self.heard += data

    errReceived = outReceived

    def say(self, data: bytes) -> None:
        """Type something."""
        assert self.transport is not None
        self.transport.write(data)

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(0 if reason.check(ProcessDone) else 1)


class Programs(LinesCase):
    """Each has a conversation."""

    async def program(self, *command: str) -> Program:
        """A program that runs, for as long as the test at most."""
        path = which(command[0])
        if path is None:
            raise SkipTest(f"{command[0]} is not installed")
        made = Program()
        self.reactor.spawnProcess(made, path, command, dict(os.environ))
        self.addCleanup(self.end, made)
        return made

    async def end(self, program: Program) -> None:
        if not program.ended.called:
            program.transport.signalProcess("KILL")
        await program.ended

    async def heard(self, program: Program, *texts: bytes) -> None:
        """Wait until it has shown these, in this order."""

        def shown() -> bool:
            at = 0
            for text in texts:
                at = program.heard.find(text, at)
                if at < 0:
                    return False
                at += len(text)
            return True

        await self.until(shown)

    async def test_netcat(self) -> None:
        """What is piped into netcat is answered to the last line."""
        parrot = await self.start(Parrot)
        _, port = await self.lines(line_end="lf")
        program = await self.program("nc", "127.0.0.1", str(port))
        program.say(b"one\ntwo\n")
        await self.heard(program, b"hello\nONE\nTWO\n")
        program.say(b"bye\n")
        await self.heard(program, b"BYE\n")
        await self.until(lambda: parrot.said[-1] == ("close", None))

    async def test_piped(self) -> None:
        """Also when the pipe ends at once, and netcat says no more."""
        await self.start(Parrot)
        _, port = await self.lines(line_end="lf", linger=30)
        program = await self.program("nc", "-N", "127.0.0.1", str(port))
        program.say(b"one\ntwo\n")
        program.transport.closeStdin()
        await program.ended
        if b"invalid option" in program.heard:
            raise SkipTest("this nc has no -N")
        self.assertEqual(b"hello\nONE\nTWO\n", program.heard)

    async def test_telnet(self) -> None:
        """Telnet sees the lines, and that the connection is closed."""
        await self.start(Parrot)
        _, port = await self.lines()
        program = await self.program("telnet", "127.0.0.1", str(port))
        await self.heard(program, b"hello")
        program.say(b"one\n")
        await self.heard(program, b"hello", b"ONE")
        program.say(b"bye\n")
        await self.heard(program, b"BYE", b"Connection closed by foreign host")
        await program.ended

    async def test_tls(self) -> None:
        """Over TLS the same, with a client that checks the certificate."""
        parrot = await self.start(Parrot)
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate, key = write_certificate(folder, "localhost")
        tls = {"certificate": certificate, "key": key, "reload": 0}
        _, port = await self.lines(tls=tls)
        program = await self.program(
            *("openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", certificate),
            *("-servername", "localhost", "-connect", f"127.0.0.1:{port}"),
        )
        await self.heard(program, b"hello\r\n")
        program.say(b"one\n")
        await self.heard(program, b"hello\r\n", b"ONE\r\n")
        program.say(b"bye\n")
        await self.heard(program, b"BYE\r\n")
        await program.ended
        await self.until(lambda: parrot.said[-1] == ("close", None))
        self.assertEqual("application", parrot.got[-1].transport_metadata["ended_by"])
        write_certificate(folder, "localhost")  # as it is renewed, under the same names
        program = await self.program(
            *("openssl", "s_client", "-quiet", "-verify_return_error", "-CAfile", certificate),
            *("-servername", "localhost", "-connect", f"127.0.0.1:{port}"),
        )
        await self.heard(program, b"hello\r\n")

    async def test_no_tls(self) -> None:
        """Who doesn't speak TLS where it is wanted has no session."""
        parrot = await self.start(Parrot)
        folder = Path(self.mktemp())
        folder.mkdir()
        certificate, key = write_certificate(folder, "localhost")
        transport, port = await self.lines(tls={"certificate": certificate, "key": key})
        client = await self.talker(port)
        client.say(b"hello there, this is plain text and no handshake\n" * 10)
        await client.end()
        await self.until(lambda: not len(transport._server))
        self.assertEqual([], parrot.got)

    async def test_socket(self) -> None:
        """A plain socket, in a thread, byte by byte, with half lines in between."""
        await self.start(Parrot)
        _, port = await self.lines()

        def talk() -> bytes:
            with socket.create_connection(("127.0.0.1", port), 20) as client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for n in range(20):
                    client.sendall(b"caf\xc3\xa9\r\n"[n % 7 :][:1])
                client.sendall(b"\nbye\n")
                with client.makefile("rb") as file:
                    return file.read()

        heard = await self.threaded(talk)
        self.assertEqual(("hello\r\n" + "CAF\xc9\r\n" * 3 + "BYE\r\n").encode(), heard)

    async def threaded(self, call: Callable[[], T]) -> T:
        """Call something that blocks, in a thread."""
        done: Any = await deferToThread(call)
        return done  # type: ignore[no-any-return]
