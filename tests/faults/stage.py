"""Where a scenario plays: a server, perhaps a bad network, the processes, and the time."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.layout import Layout
from pipeline.brokers.redis.wire import Wire
from pipeline.errors import BrokerError
from tests.faults.crew import ROOT, Crew, Member
from tests.faults.plan import FIRST, SECOND, Plan
from tests.faults.steps import RECORD

__all__ = ["Network", "Stage"]

#: Seconds between looks, and for which nothing may be left anywhere before a run is done.
LOOK, QUIET = 0.1, 1.0


class Network:
    """The proxy, as the suite sees it.

    :param path: the server's socket.
    """

    def __init__(self, path: str, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.proxy", path, str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )

    def order(self, words: str) -> dict[str, int]:
        """Give an order; what the proxy has counted so far."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(words.encode() + b"\n")
        self._process.stdin.flush()
        counts: dict[str, int] = json.loads(self._process.stdout.readline())
        return counts

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


class Stage:
    """Where a scenario plays.

    :param plan: what is to happen.
    :param folder: for the server's data, the logs and the feeder's record.
    :param options: more arguments of the server.
    :param show: is told how far it is, now and then.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        options: tuple[str, ...] = (),
        show: Callable[[Stage], None] = lambda stage: None,
    ) -> None:
        self.plan = plan
        self.random = random.Random(f"{plan.seed}:faults")
        self.layouts = [Layout(plan.namespace, number) for number in range(plan.partitions)]
        self.server = EmbeddedServer(str(folder / "server"), options=options)
        self.wire: Wire
        self.crew: Crew
        self.network: Network | None = None
        self.faults = 0
        #: Dead letters that were planned by the scenario itself: queue and payload.
        self.malformed: list[tuple[str, bytes]] = []
        #: When a process was killed, on the monotonic clock, and which.
        self.deaths: list[tuple[float, int]] = []
        self._folder = folder
        self._show = show
        self._started = self._last_fault = time.monotonic()

    @contextmanager
    def running(self) -> Iterator[Stage]:
        """Everything started; at the end nothing is left of it."""
        self.server.start_now()
        self.wire = Wire(self.server.address, timeout=20.0)
        try:
            self.crew = Crew(self.plan, self._url(), self._folder)
            yield self
        finally:
            if hasattr(self, "crew"):
                self.crew.kill()
            if self.network is not None:
                self.network.close()
            self.wire.close()
            self.server.kill_now()

    def _url(self) -> str:
        if not self.plan.proxied:
            return f"unix://{self.server.socket_path}"
        self.network = Network(self.server.socket_path, self.plan.seed)
        return f"redis://127.0.0.1:{self.network.order('port')['port']}"

    def hire(self) -> None:
        """Start as many workers as planned, then the feeder; all are up at the end."""
        for role, count in (("first", self.plan.first), ("second", self.plan.second)):
            for _ in range(count):
                self.crew.hire(role)
        self.crew.wait_until_up()
        self.crew.hire("feeder").wait_until_up()

    # Time ----------------------------------------------------------------------------------------

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def since_fault(self) -> float:
        """Seconds since the last fault was over."""
        return time.monotonic() - self._last_fault

    @property
    def fed(self) -> int:
        """How many messages were acknowledged to the feeder."""
        record = self.crew.record
        return record.stat().st_size // RECORD if record.exists() else 0

    def is_feeding(self) -> bool:
        """Whether there is still something to be disturbed."""
        return self.fed < self.plan.messages and self.elapsed < self.plan.limit / 2

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(LOOK, left))
            self._show(self)

    def wait_for_fed(self, share: float) -> None:
        """Let time pass until this share of the messages was fed."""
        while self.is_feeding() and self.fed < share * self.plan.messages:
            self.wait(LOOK)

    def fault(self, count: int = 1) -> None:
        """Something was broken just now, or was mended."""
        self.faults += count
        self._last_fault = time.monotonic()

    # Hurting -------------------------------------------------------------------------------------

    def some(self, count: int) -> list[Member]:
        """Some workers, at random, never all of a kind."""
        chosen: list[Member] = []
        for member in self.random.sample(self.crew.workers, len(self.crew.workers)):
            alike = [one for one in self.crew.workers if one.role == member.role]
            if len(chosen) < count and sum(one in chosen for one in alike) < len(alike) - 1:
                chosen.append(member)
        return chosen

    def kill(self, member: Member) -> None:
        """End a process as a crash would, and remember when."""
        self.deaths.append((time.monotonic(), member.pid))
        member.kill()

    def signal_server(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        assert self.server.pid is not None
        os.kill(self.server.pid, number)

    def call(self, *words: Any) -> Any:
        """Ask the server something."""
        return self.wire.call(*words)

    # The end -------------------------------------------------------------------------------------

    def left(self) -> int | None:
        """How many messages are not at their end yet; None while the server can't be asked."""
        try:
            there = sum(
                self.call("XLEN", layout.stream(queue)) + self.call("ZCARD", layout.delayed(queue))
                for layout in self.layouts
                for queue in (FIRST, SECOND)
            )
        except BrokerError:
            return None
        return self.plan.messages - self.fed + int(there)

    def wait_for_end(self) -> float:
        """Wait until nothing is left anywhere; how long it took since the last fault."""
        took, quiet_since = self.since_fault, time.monotonic()
        while self.elapsed < self.plan.limit:
            if self.left() != 0:
                took, quiet_since = self.since_fault, time.monotonic()
            elif time.monotonic() - quiet_since > QUIET:
                break
            self.wait(LOOK)
        return took
