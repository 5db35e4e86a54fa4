"""Tests of pipeline.supervisor.child, with small real processes."""

from __future__ import annotations

import signal
import socket
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.supervisor.child import Child, Ending
from pipeline.testing.times import RealTime
from tests.supervisor import small


class Children(TestCase):
    """A process is started, heard, and ended."""

    timeout = 120

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.lines: list[bytes] = []

    def spawn(self, program: str, **given: Any) -> Child:
        child = Child.spawn(small.small(program, **given), self.reactor, self.lines.append)
        self.addCleanup(self.gone, child)
        return child

    async def gone(self, child: Child) -> None:
        """It has ended when the test ends."""
        if child.ending is None:
            child.signal(signal.SIGKILL)
            await child.until_ended()

    async def until(self, claim: Any) -> None:
        await RealTime(self.reactor, 60).until(claim)

    async def test_life(self) -> None:
        """It gets ready, its lines are heard, and it ends as it is asked to."""
        child = self.spawn(small.READY, said="hello")
        self.assertTrue(await child.until_ready())
        self.assertEqual((True, True), (child.has_begun, child.is_ready))
        await self.until(lambda: b"hello" in self.lines)
        ending = await child.stop(60)
        self.assertEqual(("ended with status 0", False), (str(ending), ending.was_done))
        self.assertEqual([b"hello", b"asked to end"], list(child.last_words))
        self.assertFalse(await child.until_ready())

    async def test_interrupted(self) -> None:
        """Ctrl-C is not for who begins; the supervisor itself hears it."""
        child = self.spawn(f"os.kill(os.getpid(), {signal.SIGINT:d}); {small.READY}")
        self.assertTrue(await child.until_ready())
        self.assertNotIn(signal.SIGINT, signal.pthread_sigmask(signal.SIG_BLOCK, []))

    async def test_deaf(self) -> None:
        """Who doesn't end in time is killed; the shorter of two times counts."""
        child = self.spawn(small.DEAF)
        await self.until(lambda: child.has_begun)
        child.stop(0.1)
        ending = await child.stop(600)
        self.assertEqual("was killed by SIGKILL", str(ending))
        self.assertEqual((True, False), (child.is_ending, child.is_ready))
        self.assertFalse(await child.until_ready())

    async def test_endings(self) -> None:
        """It is known who was done, who found the configuration wrong, and who crashed; and the
        last words count though nothing ends their line."""
        done = await self.spawn(small.DONE).until_ended()
        self.assertEqual((0, True), (done.status, done.was_done))
        self.assertEqual([b"the last"], self.lines)
        wrong = await self.spawn(small.WRONG).until_ended()
        self.assertTrue(wrong.is_wrong)
        crash = await self.spawn(small.CRASH).until_ended()
        self.assertEqual((False, "ended with status 3"), (crash.is_wrong, str(crash)))
        self.assertEqual("was killed by signal 99", str(Ending(None, 99)))

    async def test_told(self) -> None:
        """It is told to hurry by its pipe."""
        child = self.spawn(small.FAITHFUL)
        await child.until_ready()
        child.hurry()
        self.assertEqual(7, (await child.until_ended()).status)
        self.assertEqual([b"told b'h'"], self.lines)
        child.hurry()

    async def test_left_behind(self) -> None:
        """Its end is seen though somebody that it has started keeps its pipes open."""
        child = self.spawn(small.PARENT)
        self.assertEqual(5, (await child.until_ended()).status)

    async def test_sockets(self) -> None:
        """It has the sockets that it is given, and knows their numbers; the first process alone
        has standard input."""
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            bound.listen()
            program = (
                "import socket, json; told = json.loads(os.environ['PIPELINE_SUPERVISED']);"
                "found = socket.socket(fileno=told['sockets']['tcp:0']); os.write(4, b'r');"
                "said(f'{told[\"number\"]} {found.getsockname()[1]} {os.read(0, 1)}\\n')"
            )
            child = self.spawn(program, number=2, sockets={"tcp:0": bound.fileno()})
            await child.until_ended()
            port = bound.getsockname()[1]
        self.assertEqual([f"2 {port} b''".encode()], self.lines)
