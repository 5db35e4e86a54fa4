"""How fast code without a reactor sends tasks, and gets their results."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measuring import Size, given, show, written
from pipeline.demo.tasks import add
from pipeline.service.connect_sync import connect_sync

SIZES = {"calls": Size(5_000, 50, "how many of each kind")}
SYSTEM = """
namespace: sums
redis: embedded://{folder}
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [pipeline.demo.tasks]
"""

WORKER = "from pipeline.cli.main import main; main()"


def main() -> None:
    """Measure, with a worker in another process."""
    options = given("sync", __doc__, SIZES)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "system.yaml")
        file.write_text(SYSTEM.format(folder=Path(folder, "data")), encoding="utf-8")
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, "run", str(file)], stderr=subprocess.DEVNULL
        )
        try:
            figures = measured(str(file), options.calls)
        finally:
            worker.terminate()
            worker.wait()
    show([{"what": name, "per second": round(figure)} for name, figure in figures.items()])
    written(options.json, figures)


def measured(file: str, calls: int) -> dict[str, float]:
    """Calls a second: sent only, and with their results."""
    while not Path(file).with_name("data").joinpath("socket.path").exists():
        time.sleep(0.05)
    with connect_sync(file):
        add.send_sync(1, 1).result_sync(60)
        began = time.perf_counter()
        last = [add.send_sync(n, 1) for n in range(calls)][-1]
        sent = calls / (time.perf_counter() - began)
        last.result_sync(60)
        began = time.perf_counter()
        for n in range(calls):
            add.send_sync(n, 1).result_sync(60)
        return {"sends": sent, "round trips": calls / (time.perf_counter() - began)}


if __name__ == "__main__":
    main()
