"""What the benchmarks share: arguments, rounds in turn, tables.

Figures of one machine say little; their ratios within one run say more. So whatever is compared
runs in turn, round by round, and what is told is the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from benchmarks.processes import private_server
from pipeline.brokers.redis.address import Address
from pipeline.cli.progress import Progress
from pipeline.cli.table import Table
from pipeline.service.collecting import collect_seldom

__all__ = [
    "Rounds",
    "Size",
    "Steps",
    "given",
    "percentile",
    "run",
    "show",
    "written",
]

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


def measure(
    name: str,
    doc: str | None,
    sizes: Mapping[str, Size],
    measured: Callable[[Any, Address, int, int], Coroutine[Any, Any, Sequence[Mapping[str, Any]]]],
) -> None:
    """The whole of a benchmark that has ``messages`` and ``rounds``, over a server of its own.

    :param measured: gives the rows, given the reactor, the server, and both amounts.
    """
    options = given(name, doc, sizes)

    async def bench(reactor: Any) -> None:
        rows = await measured(reactor, address, options.messages, options.rounds)
        show(rows)
        written(options.json, rows)

    with private_server() as address:
        run(bench)
