"""What a line of the log costs, in each form, and what one costs that nobody wants.

Each figure is CPU time, the best of three
rounds; a message is in hand.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from time import process_time
from typing import Any

from twisted.logger import Logger, LogLevel

from benchmarks.measuring import Size, given, show, written
from pipeline.delivery import Delivery, current
from pipeline.message import UserMessage
from pipeline.observe.logs.begin import observer
from pipeline.observe.logs.lines import TerminalLines, classic_line
from pipeline.observe.logs.records import json_line
from pipeline.observe.logs.stdlib import take_over

ROUNDS = 3
SIZES = {"lines": Size(20_000, 50, "how many each")}


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("log_lines", __doc__, SIZES)
    lines, rows = options.lines, []
    message = UserMessage(to_addr="a", from_addr="b", transport_name="t", transport_type="x")
    delivery = Delivery("sms.inbound", b"1-0", b"", attempt=2)
    delivery.message, delivery.handler = message, ("echo", "inbound")
    current.set(delivery)
    for what, log in _cases().items():
        best = min(_seconds(log, lines) for _ in range(ROUNDS))
        rows.append({"line": what, "CPU us": round(best / lines * 1e6, 2)})
    show(rows)
    written(options.json, rows)


def _cases() -> dict[str, Callable[[int], Any]]:
    cases: dict[str, Callable[[int], Any]] = {}
    forms = {
        "json": json_line,
        "text of a service": classic_line,
        "text of a terminal": TerminalLines(lambda text, *styles: text),
    }
    for what, line in forms.items():
        logger = Logger("shop", observer=observer(io.StringIO(), line))
        cases[what] = _logging(logger, LogLevel.info)
        cases[f"{what}, of a level that isn't logged"] = _logging(logger, LogLevel.debug)
    take_over(LogLevel.info)
    stdlib = logging.getLogger("shop")
    cases["logging, of a level that isn't logged"] = lambda n: stdlib.debug("sold for %d", n)
    return cases


def _logging(logger: Logger, level: Any) -> Callable[[int], Any]:
    return lambda n: logger.emit(level, "sold {what} for {price}", what="hat", price=n)


def _seconds(log: Callable[[int], Any], lines: int) -> float:
    since = process_time()
    for number in range(lines):
        log(number)
    return process_time() - since


if __name__ == "__main__":
    main()
