"""How long a newcomer waits: from the command ``pipeline demo`` to its first answer.

A process of its own each
time, with its private server; the promise is three seconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.measuring import Size, given, written

SIZES = {"rounds": Size(5, 1, "how many times")}
COMMAND = [sys.executable, "-c", "from pipeline.cli.main import main; main()", "demo", "--once"]


def first_answer() -> float:
    """Seconds from the command to the line with the first answer."""
    since = time.perf_counter()
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip().startswith("200 "):
                took = time.perf_counter() - since
                process.stdout.read()
                return took
    raise SystemExit(f"the demo gave no answer, and ended with {process.returncode}")


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("first_answer", __doc__, SIZES)
    took = [first_answer() for _ in range(options.rounds)]
    figures = {
        "median_s": round(statistics.median(took), 3),
        "longest_s": round(max(took), 3),
        "rounds": options.rounds,
    }
    print(f"first answer after {figures['median_s']} s (median), {figures['longest_s']} s at most")
    written(options.json, figures)


if __name__ == "__main__":
    main()
