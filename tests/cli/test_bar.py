"""Tests of pipeline.cli.bar."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from pipeline.cli.bar import EVERY, Bar
from pipeline.transports.progress import Progress
from tests.cli.test_progress import Terminal
from tests.quick import SKIP
from tests.service.support import PIPELINE, ROOT


def system(*workers: Any) -> Any:
    """A system with some workers, and a part without."""
    owners = [SimpleNamespace(worker=worker) for worker in workers]
    return SimpleNamespace(parts=[SimpleNamespace(owner=owner) for owner in (None, *owners)])


class Bars(SynchronousTestCase):
    """On a clock turned by hand."""

    def test_together(self) -> None:
        """All that is under way is in one bar, which goes when it is done, and comes again."""
        clock, stream = Clock(), Terminal()
        first, second = Progress(0, 50), Progress(0, 150)
        bar = Bar(stream, clock)
        watched = system(
            SimpleNamespace(progress=first), None, object(), SimpleNamespace(progress=second)
        )
        self.assertIs(watched, bar.watch(watched))
        first.done, second.done = 50, 50
        clock.pump([EVERY] * 3)
        self.assertIn(" 50% 100/200", stream.getvalue())
        bar.clear()
        self.assertTrue(stream.getvalue().endswith("\r\033[K"))
        second.done = 150
        before = stream.getvalue()
        clock.pump([EVERY] * 3)
        self.assertEqual(before, stream.getvalue())
        second.total = 350
        clock.pump([EVERY] * 3)
        self.assertIn("200/400", stream.getvalue())

    def test_unwatched(self) -> None:
        """Where nobody watches, nothing is drawn, and nothing looked at."""
        clock, stream = Clock(), io.StringIO()
        Bar(stream, clock).watch(system(SimpleNamespace(progress=Progress(1, 2))))
        self.assertEqual(([], ""), (clock.getDelayedCalls(), stream.getvalue()))


class Screen(ProcessProtocol):
    """A terminal that a process writes to."""

    def __init__(self) -> None:
        self.seen = b""
        self.ended: Deferred[int] = Deferred()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self.seen += data

    def processEnded(self, reason: Failure) -> None:
        self.ended.callback(reason.value.exitCode)  # type: ignore[union-attr]


class Real(TestCase):
    """A replay in a terminal."""

    skip = SKIP

    timeout = 120

    async def test_replay(self) -> None:
        """Who replays a file sees how far it is; the end leaves the log alone on the screen."""
        from twisted.internet import reactor

        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        line = '{"text": "hi", "user": {"phone": "+41"}}\n'
        (folder / "said.jsonl").write_text(line * 6000, encoding="utf-8")
        files = {
            "REPLAY_FROM": str(folder / "said.jsonl"),
            "REPLAY_TO": str(folder / "answers.jsonl"),
        }
        screen, spawn = Screen(), reactor.spawnProcess  # type: ignore[attr-defined]
        spawn(
            screen,
            sys.executable,
            [
                *(sys.executable, "-c", PIPELINE, "run", str(ROOT / "config" / "replay.yaml")),
                *("--set-option", "workers.replay.max_depth:200"),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", **files},
            path=str(folder),
            usePTY=True,
        )
        self.assertEqual(0, await screen.ended, screen.seen)
        self.assertRegex(screen.seen.decode(), rf"#+\.+ +\d+% \d+/{6000 * len(line)}  \d+/s")
        self.assertIn(b"\r\x1b[K", screen.seen)
        written = (folder / "answers.jsonl").read_bytes().splitlines()
        self.assertEqual(6000, len(written))
