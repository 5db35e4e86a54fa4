"""Looking again and again: rates between two looks, and a picture that is drawn in place."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Collection, Iterable
from typing import Any, TextIO

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as TooLate
from twisted.internet.task import deferLater

from pipeline.cli.picture import picture
from pipeline.cli.table import cut
from pipeline.errors import BrokerError
from pipeline.observe.status import Look, look, status_of

__all__ = ["Looks", "watch"]

#: Seconds that a look may take before the server counts as away.
LOOK_LIMIT = 5.0
_HOME, _CLEAR, _TO_END_OF_LINE, _TO_END = "\033[H", "\033[2J", "\033[K", "\033[J"


class Looks:
    """Looks at one namespace, each compared with the one before.

    :param broker: an :class:`pipeline.interfaces.IBroker`.
    :param queues: names of queues besides those that were ever read.
    :param clock: the reactor.
    :param dead_after: seconds without a beat after which a worker counts as dead.
    :param wanted: queues that are told of though nothing is in them; None: all.
    """

    def __init__(
        self,
        broker: Any,
        queues: Iterable[str],
        *,
        clock: Any,
        dead_after: float,
        wanted: Collection[str] | None,
    ) -> None:
        self._broker = broker
        self._queues = set(queues)
        self._clock = clock
        self._dead_after = dead_after
        self._wanted = wanted
        self._before: Look | None = None

    async def next(self) -> dict[str, Any]:
        """The next look, with the rates since the last one; see :func:`status_of`.

        :raise BrokerError: the server is away, or refuses.
        """
        looking = Deferred.fromCoroutine(look(self._broker, self._queues))
        now = await looking.addTimeout(LOOK_LIMIT, self._clock)
        before, self._before = self._before, now
        return status_of(
            now,
            before,
            dead_after=self._dead_after,
            wanted=self._wanted,
            me=self._broker.worker_id,
        )

    async def measured(self, seconds: float) -> dict[str, Any]:
        """A look with rates of these seconds; 0: without.

        :raise BrokerError: the server is away, or refuses.
        """
        if seconds:
            await self.next()
            await deferLater(self._clock, seconds)
        return await self.next()


async def watch(looks: Looks, args: argparse.Namespace, stream: TextIO, clock: Any) -> int:
    """Look until somebody presses Ctrl-C, which is the way to end it: the status is 0.

    On a terminal the picture is drawn in place; elsewhere one follows the other. While the server
    is away that is said, and the last picture stays.

    :param args: the command line: ``interval``, ``json``, ``partitions``.
    """
    screen = _Screen(stream, args)
    try:
        while True:
            try:
                screen.show(await looks.next())
            except TooLate:
                screen.complain(f"no answer from the server for {LOOK_LIMIT:g} s")
            except BrokerError as error:
                screen.complain(f"the server is away: {error}")
            await deferLater(clock, args.interval)
    except CancelledError:
        return 0


class _Screen:
    """Where pictures go.

    :param stream: a terminal, or anything else.
    :param args: the command line.
    """

    def __init__(self, stream: TextIO, args: argparse.Namespace) -> None:
        self._stream = stream
        self._args = args
        self._is_drawn = stream.isatty() and not args.json
        self._last: list[str] = []
        self._is_clear = False

    def show(self, found: dict[str, Any]) -> None:
        """Show a status."""
        if self._args.json:
            self._write([json.dumps(found)])
            return
        self._last = picture(found, self._stream, partitions=self._args.partitions)
        self._draw(self._last)

    def complain(self, what: str) -> None:
        """Say what keeps us from looking."""
        if self._args.json:
            self._write([json.dumps({"error": what})])
        elif self._is_drawn:
            self._draw([what, "", *self._last])
        else:
            self._write([what])

    def _draw(self, lines: list[str]) -> None:
        if not self._is_drawn:
            self._write([*lines, ""])
            return
        columns, rows = shutil.get_terminal_size()
        start = _HOME if self._is_clear else _CLEAR + _HOME
        self._is_clear = True
        # The last line of a terminal stays empty: what is written there could scroll.
        if len(lines) >= rows:
            lines = [*lines[: rows - 2], f"… and {len(lines) - rows + 2} lines more"]
        shown = [cut(line, columns - 1) + _TO_END_OF_LINE for line in lines]
        self._stream.write(start + "\n".join(shown) + "\n" + _TO_END)
        self._stream.flush()

    def _write(self, lines: list[str]) -> None:
        self._stream.write("\n".join(lines) + "\n")
        self._stream.flush()
