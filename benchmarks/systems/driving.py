"""Drives one system: its workers, what is sent to them, and what that took."""

from __future__ import annotations

import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from benchmarks.measuring import percentile
from benchmarks.processes import Child, served
from benchmarks.systems.in_pipeline import FILE
from benchmarks.systems.known import System
from benchmarks.systems.noting import FOLDER, Notes
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.wire import Wire

__all__ = ["SOCKET", "Drain", "Driven"]

#: The variable with the path of the server's socket.
SOCKET = "BENCHMARK_SOCKET"
#: Seconds: for a worker to begin, to its first call, and without a call until it is at rest.
WARM_WITHIN, PATIENCE, QUIET = 60.0, 2.0, 0.1

_SYSTEM = """\
namespace: benchmark
redis: unix://{socket}
{states}
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [benchmarks.systems.in_pipeline.noop_{kind}]
{more}
"""


class Drain(NamedTuple):
    """How calls were worked off that had been waiting: a second, and CPU us each.

    :param cpu: of the workers.
    :param server: of the server.
    """

    rate: float
    cpu: float
    server: float


class Driven:
    """A system that runs, with an empty server; a context manager.

    :param system: which.
    :param kind: of its tasks.
    :param address: of the server, of which everything is removed.
    :param processes: how many worker processes.
    """

    def __init__(self, system: System, kind: str, address: Address, processes: int = 1) -> None:
        self._system, self._kind = system, kind
        self._address = address
        self._processes = processes
        self._closing = ExitStack()

    def __enter__(self) -> Driven:
        wire = Wire(self._address, timeout=10)
        wire.call("FLUSHALL")
        wire.close()
        with ExitStack() as closing:
            self._start(closing)
            self._closing = closing.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.close()

    def _start(self, closing: ExitStack) -> None:
        folder = closing.enter_context(TemporaryDirectory())
        noted = Path(folder, "noted")
        noted.mkdir()
        words = [word.replace("{folder}", folder) for word in self._system.workers[self._kind]]
        self._env = {
            FOLDER: str(noted),
            SOCKET: str(self._address.path),
            FILE: _written(self._address, folder, self._kind, words[-1]),
            **self._system.env,
        }
        self._notes = Notes(noted)
        self._workers = [
            closing.enter_context(Child(*words, env=self._env)) for _ in range(self._processes)
        ]
        self._warm_up()

    def _warm_up(self) -> None:
        """Until each process has run something, and nothing is left to run.

        What is sent before a worker has begun to read may never come: some begin at the end.
        """
        some, given_up = 20 * self._processes, monotonic() + WARM_WITHIN
        while not all(self._notes.processes() & {*worker.family()} for worker in self._workers):
            if monotonic() > given_up:
                raise SystemExit(f"no call has begun:\n{self._workers[0].said}")
            self._notes.forget()
            self.send(f"bulk:{some}")
            self._look(some, PATIENCE)
        seen = -1
        while seen != self._notes.count():
            seen = self._notes.count()
            self._look(seen + 1, QUIET)
        self._notes.forget()

    def _look(self, count: int, seconds: float) -> None:
        """Until so many calls have begun, or the time is over."""
        deadline = monotonic() + seconds
        self._workers[0].until(lambda: monotonic() > deadline or self._notes.count() >= count)

    def send(self, *orders: str) -> list[float]:
        """Send calls; how many seconds each took.

        :param orders: as ``each:100``, ``bulk:100`` or, with a rate a second, ``paced:100:50``.
        """
        words = ["-m", "benchmarks.systems.sending", self._system.module, self._kind, *orders]
        with Child(*words, env=self._env) as child:
            child.until(lambda: child.process.poll() == 0, within=600)
            lines = child.said.splitlines()[-len(orders) :]
            return [json.loads(line)["seconds"] for line in lines]

    def pause(self) -> None:
        """Stop the workers where they are, so that calls wait."""
        for worker in self._workers:
            worker.signal(signal.SIGSTOP)

    def drain(self, count: int) -> Drain:
        """Let paused workers work off so many calls that wait."""
        cpu, server = sum(worker.cpu() for worker in self._workers), served(self._address)
        self._notes.forget()
        began = monotonic()
        for worker in self._workers:
            worker.signal(signal.SIGCONT)
        self.wait(count)
        ended = self._notes.latest(1)[0][0]
        cpu = sum(worker.cpu() for worker in self._workers) - cpu
        server = served(self._address) - server
        return Drain(count / (ended - began), cpu / count * 1e6, server / count * 1e6)

    def wait(self, count: int) -> None:
        """Until so many calls have begun since they were last forgotten."""
        self._workers[0].until(lambda: self._notes.count() >= count, within=600)

    def latency(self, count: int, rate: float) -> tuple[float, float]:
        """Send so many calls a second; p50 and p99 of the ms from sending one to its beginning."""
        self._notes.forget()
        self.send(f"paced:{count}:{rate}")
        self.wait(count)
        taken = sorted((begun - sent) * 1000 for begun, sent in self._notes.latest(count))
        return percentile(taken, 50), percentile(taken, 99)

    def memory(self) -> float:
        """MB of the largest worker, with its children."""
        return max(worker.memory() for worker in self._workers)


def _written(address: Address, folder: str, kind: str, file: str) -> str:
    """The configuration of this framework's own workers; its path."""
    path = Path(file if file.endswith(".yaml") else os.path.join(folder, "system.yaml"))
    fast = path.stem.endswith("-fast")
    text = _SYSTEM.format(
        socket=address.path,
        kind=kind,
        states="keep_task_states: 0" if fast else "",
        more="    max_in_flight: 400" if fast else "",
    )
    path.write_text(text, encoding="utf-8")
    return str(path)
