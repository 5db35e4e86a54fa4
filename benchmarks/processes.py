"""Servers and processes that a benchmark has for itself."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.wire import Wire

__all__ = ["ROOT", "Child", "memory", "private_server", "served"]

ROOT = Path(__file__).resolve().parents[1]
#: Seconds between two looks at a child, and that it may take to end after it was told to.
LOOK, ENDS_WITHIN = 0.005, 10.0

T = TypeVar("T")


@contextmanager
def private_server() -> Iterator[Address]:
    """A server that nobody else uses, and that keeps nothing."""
    server = EmbeddedServer()
    try:
        yield server.start_now()
    finally:
        server.stop_now()


def served(address: Address) -> float:
    """Seconds of the processor that a server has used."""
    wire = Wire(address, timeout=10)
    told: bytes = wire.call("INFO", "cpu")
    wire.close()
    used = dict(line.split(":") for line in told.decode().splitlines() if ":" in line)
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


class Child:
    """A process that serves a benchmark; what it says is shown if it fails.

    :param arguments: of the interpreter.
    :param env: what its environment has besides ours.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        # Not a pipe, which would be full at some time.
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - closed at the end of the process
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def said(self) -> str:
        """All that it has printed."""
        self._said.seek(0)
        return self._said.read()

    def until(self, is_so: Callable[[], T], within: float = 60.0) -> T:
        """Wait until something is true, which this process is to bring about.

        :return: what was true.
        :raise SystemExit: it has ended before, or the time was over.
        """
        deadline = time.monotonic() + within
        while True:
            has_ended = self.process.poll() is not None  # asked first: its end may make it true
            found = is_so()
            if found:
                return found
            if has_ended:
                raise SystemExit(f"a process ended with {self.process.returncode}:\n{self.said}")
            if time.monotonic() > deadline:
                raise SystemExit(f"a process did nothing for {within:g} s:\n{self.said}")
            time.sleep(LOOK)

    def end(self) -> None:
        """Tell it to end, and wait until it has; kill it when that takes too long."""
        family = self.family() if self.process.poll() is None else []
        if family:
            self.process.terminate()
            self.signal(signal.SIGCONT)  # else one that is paused would not hear of it
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(ENDS_WITHIN)
        for pid in family:
            if pid != self.process.pid or self.process.poll() is None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._said.close()

    def signal(self, number: int) -> None:
        """Send a signal to it and its children."""
        for pid in self.family():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def cpu(self) -> float:
        """Seconds of processor time that it and its children have taken."""
        stats = [_stat(pid) for pid in self.family()]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """The resident memory of it and its children, in MB."""
        return sum(memory(pid) for pid in self.family())

    def family(self) -> list[int]:
        """It and all that descend from it."""
        running = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        parents = {pid: int(_stat(pid)[1]) for pid in running}
        family = [self.process.pid]
        for pid in family:  # which grows meanwhile
            family += [child for child, parent in parents.items() if parent == pid]
        return family


def memory(pid: int | str = "self") -> float:
    """The resident memory of a process in MB; where there is no /proc, the most ours ever was."""
    try:
        pages = int(_proc(pid, "statm").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return pages * resource.getpagesize() / 1e6


def _stat(pid: int) -> list[str]:
    """The fields of a process from its state on; -1 for each of one that has ended."""
    try:
        return _proc(pid, "stat").rpartition(")")[2].split()
    except OSError:
        return ["-1"] * 50


def _proc(pid: int | str, what: str) -> str:
    return Path(f"/proc/{pid}/{what}").read_text(encoding="ascii", errors="replace")
