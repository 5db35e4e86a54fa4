"""A private server starts, is shared, keeps its data, and never outlives its owner."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.defer import gatherResults
from twisted.trial.unittest import TestCase

from pipeline.brokers import embedded
from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerUnavailable, EmbeddedServerError

OWNER = """\
import sys
from pipeline.brokers.embedded import EmbeddedServer
server = EmbeddedServer(sys.argv[1])
server.start_now()
print(server.pid, server.socket_path, flush=True)
sys.stdin.read()
"""


class ServerCase(TestCase):
    timeout = 30

    def server(self, folder: str | None = None, **options: Any) -> EmbeddedServer:
        """Make a server that ends with the test."""
        server = EmbeddedServer(folder, **options)
        self.addCleanup(server.stop_now)
        return server

    def ask(self, server: EmbeddedServer, *words: str) -> Any:
        """Give a server an order."""
        wire = Wire(server.address)
        self.addCleanup(wire.close)
        return wire.call(*words)

    def folder(self) -> str:
        """A folder with a path that is short enough for a socket."""
        made = tempfile.TemporaryDirectory(prefix="pipeline-test-")
        self.addCleanup(made.cleanup)
        return str(Path(made.name) / "data")


class Life(ServerCase):
    async def test_start_and_stop(self) -> None:
        """A server starts by the reactor, and when stopped leaves neither process nor folder."""
        server = self.server()
        address = await server.start()
        self.assertEqual((server.address, True), (address, server.owned))
        self.assertEqual(b"PONG", self.ask(server, "PING"))
        pid, folder = server.pid, Path(server.socket_path).parent
        await server.stop()
        self.assertFalse(folder.exists())
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)
        self.assertEqual((None, False), (server.pid, server.owned))

    def test_now(self) -> None:
        """The same without a reactor."""
        server = self.server()
        server.start_now()
        folder = Path(server.socket_path).parent
        server.stop_now()
        self.assertFalse(folder.exists())

    def test_private(self) -> None:
        """It listens on no port, evicts nothing, and nobody else may open its socket."""
        server = self.server()
        server.start_now()
        told = self.ask(server, "CONFIG", "GET", "maxmemory-policy")
        self.assertEqual(b"noeviction", told[1])
        self.assertEqual(b"0", self.ask(server, "CONFIG", "GET", "port")[1])
        self.assertEqual(0o700, os.stat(server.socket_path).st_mode & 0o777)

    def test_options(self) -> None:
        """More options go to the server, after ours."""
        server = self.server(options=["--maxmemory", "50mb"])
        server.start_now()
        self.assertEqual(b"52428800", self.ask(server, "CONFIG", "GET", "maxmemory")[1])

    def test_crash(self) -> None:
        """A server that crashed starts again at the same address."""
        server = self.server()
        address = server.start_now()
        server.kill_now()
        self.assertEqual((address, True), (server.start_now(), server.owned))

    def test_start_twice(self) -> None:
        """Starting what runs is nothing."""
        server = self.server()
        server.start_now()
        pid = server.pid
        server.start_now()
        self.assertEqual((pid, True), (server.pid, server.owned))

    def test_frozen(self) -> None:
        """A server that does not end when told is killed."""
        self.patch(embedded, "STOP_LIMIT", 0.1)
        server = self.server()
        server.start_now()
        pid = server.pid or 0
        os.kill(pid, signal.SIGSTOP)
        server.stop_now()
        self.assertRaises(ProcessLookupError, os.kill, pid, 0)


class Folders(ServerCase):
    def test_kept(self) -> None:
        """What was written is there after a stop, and after a crash."""
        server = self.server(self.folder())
        for end in (server.stop_now, server.kill_now):
            server.start_now()
            self.ask(server, "INCR", "k")
            end()
        server.start_now()
        self.assertEqual(b"2", self.ask(server, "GET", "k"))
        self.assertEqual(b"everysec", self.ask(server, "CONFIG", "GET", "appendfsync")[1])

    def test_long_path(self) -> None:
        """A folder whose path is too long has its socket elsewhere, at the same place each time."""
        folder = self.folder() + "/" + "x" * 120
        first, second = self.server(folder), self.server(folder)
        address = first.start_now()
        self.assertLess(len(address.path), 104)
        self.assertEqual(address, second.start_now())
        self.assertTrue((Path(folder) / "appendonlydir").exists())
        first.stop_now()
        self.addCleanup(Path(address.path).parent.rmdir)
        self.assertEqual(address, self.server(folder).start_now())

    async def test_shared(self) -> None:
        """Whoever comes second attaches, and neither stops nor hurts the server."""
        folder = self.folder()
        servers = [self.server(folder) for _ in range(3)]
        addresses = await gatherResults([server.start() for server in servers])
        self.assertEqual(1, len(set(addresses)))
        self.assertEqual(1, len({server.pid for server in servers}))
        (owner,) = [server for server in servers if server.owned]
        guests = [server for server in servers if not server.owned]
        await guests[0].stop()
        self.assertEqual(b"PONG", self.ask(owner, "PING"))
        await owner.stop()
        self.assertRaises(BrokerUnavailable, self.ask, guests[1], "PING")
        await guests[1].start()
        self.assertTrue(guests[1].owned)

    def test_two_processes(self) -> None:
        """A server that another process started is attached to, until that process ends."""
        folder = self.folder()
        owner, pid = start_owner(self, folder)
        server = self.server(folder)
        server.start_now()
        self.assertEqual((pid, False), (server.pid, server.owned))
        owner.kill()
        wait_for_end(pid)
        server.start_now()
        self.assertTrue(server.owned)


class Orphans(ServerCase):
    def test_owner_killed(self) -> None:
        """A server whose owner was killed on the spot ends too."""
        owner, pid = start_owner(self, self.folder())
        os.kill(pid, 0)
        owner.kill()
        wait_for_end(pid)

    def test_interrupt(self) -> None:
        """Ctrl-C reaches the owner alone: the server stays for what is still in hand."""
        server = self.server()
        server.start_now()
        self.assertNotEqual(os.getpgid(0), os.getpgid(server.pid or 0))


class Failures(ServerCase):
    def refusal(self, folder: str | None = None, **options: Any) -> str:
        """The text of the error at the start."""
        server = self.server(folder, **options)
        return str(self.assertRaises(EmbeddedServerError, server.start_now))

    def test_bad_option(self) -> None:
        """A server that does not start is quoted."""
        self.assertIn('bogus "1"', self.refusal(options=["--bogus", "1"]))

    async def test_bad_option_by_reactor(self) -> None:
        """The same by the reactor."""
        with self.assertRaises(EmbeddedServerError):
            await self.server(options=["--bogus", "1"]).start()

    def test_password(self) -> None:
        """A password for the private server is refused at once, not after a minute."""
        self.assertIn("has no password", self.refusal(options=["--requirepass", "s3cr3t"]))

    def test_no_binary(self) -> None:
        """A binary that is not there is named."""
        self.assertIn("/no/such", self.refusal(binary="/no/such"))

    def test_no_folder(self) -> None:
        """A folder that can't be made is named."""
        self.assertIn("/dev/null/x", self.refusal("/dev/null/x"))

    def test_nothing_left(self) -> None:
        """A failed start leaves no folder behind."""
        base = tempfile.TemporaryDirectory(prefix="pipeline-test-")
        self.addCleanup(base.cleanup)
        self.patch(tempfile, "tempdir", base.name)
        self.refusal(options=["--bogus", "1"])
        self.assertEqual([], os.listdir(base.name))


def start_owner(test: TestCase, folder: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start a process that owns a server; give it and the server's pid."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None and owner.stdin is not None
    for act in (owner.stdout.close, owner.stdin.close, owner.wait, owner.kill):
        test.addCleanup(act)
    return owner, int(owner.stdout.readline().split()[0])


def wait_for_end(pid: int) -> None:
    """Wait until a process that is no child of ours has ended; the test's own limit applies."""
    try:
        watched = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([watched], [], [], 10)[0]:
            raise AssertionError(f"process {pid} lives on")
    finally:
        os.close(watched)
