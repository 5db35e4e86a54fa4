"""What the benchmarks share: arguments, rounds in turn, tables, servers and processes of their own.

Figures of one machine say little; their ratios within one run say more. So whatever is compared
runs in turn, round by round, and what is told is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from pipeline.brokers.embedded import EmbeddedServer
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.wire import Wire
from pipeline.cli.progress import Progress
from pipeline.cli.table import Table
from pipeline.service.collecting import collect_seldom

__all__ = [
    "ROOT",
    "Child",
    "Rounds",
    "Size",
    "Steps",
    "given",
    "memory",
    "percentile",
    "private_server",
    "run",
    "served",
    "show",
    "written",
]

ROOT = Path(__file__).resolve().parents[1]
#: Seconds between two looks at a child, and that it may take to end after it was told to.
LOOK, ENDS_WITHIN = 0.005, 10.0

T = TypeVar("T")


# Arguments -------------------------------------------------------------------------------------


class Size:
    """An amount that the command line may give.

    :param full: what it is by default.
    :param tiny: what it is with ``--tiny``.
    :param what: what it is for.
    """

    def __init__(self, full: int, tiny: int, what: str) -> None:
        self.full, self.tiny, self.what = full, tiny, what


def given(
    name: str,
    doc: str | None,
    sizes: Mapping[str, Size],
    more: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> argparse.Namespace:
    """What the command line says; every benchmark has ``--json FILE`` and ``--tiny`` besides.

    :param name: of the module in this package.
    :param doc: its docstring.
    :param sizes: amounts by name, each of which becomes an option.
    :param more: adds further arguments.
    """
    run = f"python -m benchmarks.{name}"
    first = next(iter(sizes), None)
    example = f"\n  {run} --{first} {sizes[first].full // 2}" if first else ""
    parser = argparse.ArgumentParser(
        prog=run,
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"examples:\n  {run}{example}\n  {run} --tiny --json figures.json",
    )
    for option, size in sizes.items():
        parser.add_argument(f"--{option}", type=_amount, help=f"{size.what} ({size.full:,})")
    parser.add_argument("--tiny", action="store_true", help="only to see that it runs")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    more(parser)
    options = parser.parse_args()
    sys.excepthook = _stopped
    for option, size in sizes.items():
        if getattr(options, option) is None:
            setattr(options, option, size.tiny if options.tiny else size.full)
    return options


def _stopped(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Show no traceback of Ctrl-C; what was started has ended by then."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def _amount(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def run(main: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
    """Run a coroutine function in a reactor set up as a service's is, and end the process.

    Ctrl-C stops the reactor in the midst of it, for status 130. So what must be ended is to be
    opened around this.
    """
    stopped: list[bool] = []
    done: list[bool] = []

    async def whole(reactor: Any) -> None:
        collect_seldom(reactor)
        reactor.addSystemEventTrigger("before", "shutdown", stopped.append, True)
        try:
            await main(reactor)
            done.append(True)
        except Exception:
            if not stopped:  # else its connections were lost since the reactor has stopped
                raise

    try:
        react(lambda reactor: Deferred.fromCoroutine(whole(reactor)))
    except SystemExit as ended:
        if not done and not ended.code:
            raise SystemExit(130) from None
        raise


# Figures ---------------------------------------------------------------------------------------


class Steps:
    """Tells on standard error how far it is: a bar on a terminal, elsewhere a line a step."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._bar = Progress(sys.stderr, total)

    def done(self, what: str) -> None:
        """One step is done."""
        self._done += 1
        self._bar.advance(1)
        if not sys.stderr.isatty():
            print(f"{self._done} of {self._total}: {what}", file=sys.stderr)
        elif self._done == self._total:
            self._bar.clear()


class Rounds:
    """Figures by name, one set of them a round."""

    def __init__(self) -> None:
        self._figures: dict[str, list[dict[str, float]]] = {}

    def add(self, name: str, **figures: float) -> None:
        """What one round has measured."""
        self._figures.setdefault(name, []).append(figures)

    async def timed(self, name: str, count: int, work: Callable[[], Awaitable[Any]]) -> None:
        """Time what does ``count`` things in this process: ``rate`` a second, ``cpu`` us each."""
        wall, cpu = time.perf_counter(), time.process_time()
        await work()
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        self.add(name, rate=count / wall, cpu=cpu / count * 1e6)

    def has(self, name: str) -> bool:
        """Whether anything was measured of it."""
        return name in self._figures

    def median(self, name: str, figure: str) -> float:
        """The median of a figure over the rounds."""
        return statistics.median(each[figure] for each in self._figures[name])

    def ratio(self, name: str, other: str, figure: str) -> float:
        """The median of the rounds' ratios of two figures."""
        both = zip(self._figures[name], self._figures[other], strict=True)
        return statistics.median(mine[figure] / theirs[figure] for mine, theirs in both)


def percentile(sorted_figures: Sequence[float], percent: float) -> float:
    """The figure that so many percent of them don't exceed."""
    at = round(len(sorted_figures) * percent / 100)
    return sorted_figures[min(at, len(sorted_figures) - 1)]


def show(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print a table whose titles are the keys of its rows; numbers stand to the right."""
    head = list(rows[0])
    columns = []
    for title in head:
        cells = [_cell(row[title]) for row in rows]
        if not any(isinstance(row[title], str) for row in rows):
            width = max(map(len, [title, *cells]))
            title, *cells = (cell.rjust(width) for cell in [title, *cells])
        columns.append([title, *cells])
    titles, *lines = zip(*columns, strict=True)
    print(*Table(sys.stdout, titles).lines(lines), sep="\n")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def written(file: str | None, figures: Any) -> None:
    """Write the figures as JSON, if there is a file for them."""
    if file:
        Path(file).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


# Servers and processes -------------------------------------------------------------------------


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
        self._said = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115 - until its end
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
            found = is_so()
            if found:
                return found
            if self.process.poll() is not None:
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
