"""What a worker takes that has nothing to do, and how long it takes until it has something to do.

*idle*: the worker's processor time in percent of one processor, the commands that it sends to the
server in a second and the server's processor time, its memory, all some seconds after its start.
*ready*: from the start of the process to the first line of a call that has been waiting. *import*:
what ``import pipeline`` takes beyond what Python itself takes, in turn, in processes of their own.
"""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import Rounds, Size, Steps, given, show, written
from benchmarks.processes import ROOT, Child, private_server, served
from benchmarks.systems.noting import FOLDER, Notes
from pipeline.brokers.redis.address import Address
from pipeline.brokers.redis.wire import Wire

SIZES = {
    "seconds": Size(20, 1, "how long each worker is looked at"),
    "rounds": Size(5, 1, "how many times it is started, and imported"),
}
RUN = ("-c", "from pipeline.cli.main import main; main()", "run")
WORKERS = {
    "tasks": "class: pipeline.applications.tasks.TaskApplication\n"
    "    transport_name: tasks\n    tasks: [benchmarks.systems.in_pipeline.noop_async]",
    "application": "class: pipeline.applications.base.Application\n    transport_name: web",
    "http transport": "class: pipeline.transports.http.HttpTransport\n"
    '    transport_name: web\n    listen: "tcp:0:interface=127.0.0.1"',
}
#: A command in what MONITOR says; those of scripts come from ``lua``.
_SENT = re.compile(r'^\+\S+ \[\d+ (?!lua)[^\]]*\] "(\w+)"', re.MULTILINE)
#: Seconds after its start in which a worker is not looked at.
SETTLES = 2.0


def idle(name: str, seconds: int) -> dict[str, Any]:
    """A worker with nothing to do."""
    with ExitStack() as closing:
        address = closing.enter_context(private_server())
        folder = closing.enter_context(TemporaryDirectory())
        child = closing.enter_context(Child(*RUN, _written(folder, address, name)))
        wire = Wire(address, timeout=10)
        closing.callback(wire.close)
        child.until(lambda: b"cmd=xreadgroup" in wire.call("CLIENT", "LIST"))
        time.sleep(min(SETTLES, seconds))
        began, cpu, server = time.monotonic(), child.cpu(), served(address)
        sent = watched(address, seconds)
        took = time.monotonic() - began
        return {
            "worker": name,
            "CPU %": round((child.cpu() - cpu) / took * 100, 2),
            "server CPU %": round((served(address) - server) / took * 100, 2),
            "commands /s": round(sum(sent.values()) / took, 1),
            "MB": round(child.memory(), 1),
            "most": ", ".join(f"{name} {n / took:.1f}" for name, n in sent.most_common(3)),
        }


def watched(address: Address, seconds: int) -> Counter[str]:
    """Look at the server for so long: how often each command was sent, not by a script."""
    said, until = b"", time.monotonic() + seconds
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(address.path))
        connection.sendall(b"MONITOR\r\n")
        while (left := until - time.monotonic()) > 0:
            connection.settimeout(left)
            with suppress(TimeoutError):
                said += connection.recv(1 << 16)
    return Counter(_SENT.findall(said.decode("utf-8", "replace")))


def ready() -> float:
    """Seconds from a worker's start to the first line of the first call."""
    with ExitStack() as closing:
        address = closing.enter_context(private_server())
        folder = closing.enter_context(TemporaryDirectory())
        noted = Path(folder, "noted")
        noted.mkdir()
        file = _written(folder, address, "tasks")
        env = {FOLDER: str(noted), "BENCHMARK_SYSTEM": file}
        words = ("-m", "benchmarks.systems.sending", "in_pipeline", "async", "each:1")
        with Child(*words, env=env) as sender:
            sender.until(lambda: sender.process.poll() == 0)
        notes, began = Notes(noted), time.monotonic()
        child = closing.enter_context(Child(*RUN, file, env=env))
        child.until(lambda: notes.count())
        return notes.latest(1)[0][0] - began


def imported(program: str) -> float:
    """Milliseconds of a process that does no more than this."""
    since = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
    return (time.perf_counter() - since) * 1000


def _written(folder: str, address: Address, name: str) -> str:
    file = Path(folder, "system.yaml")
    worker = f"workers:\n  it:\n    {WORKERS[name]}\n"
    text = f"namespace: benchmark\nredis: unix://{address.path}\n{worker}"
    file.write_text(text, encoding="utf-8")
    return str(file)


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("rest", __doc__, SIZES)
    steps, figures = Steps(options.rounds + len(WORKERS)), Rounds()
    imported("import pipeline")  # which compiles it
    for number in range(options.rounds):
        bare, whole = imported("pass"), imported("import pipeline")
        figures.add("import", bare=bare, ms=whole - bare)
        figures.add("ready", s=ready())
        steps.done(f"started, {number + 1}")
    workers = []
    for name in WORKERS:
        workers.append(idle(name, options.seconds))
        steps.done(f"idle: {name}")
    found = {
        "python_ms": round(figures.median("import", "bare"), 1),
        "import_ms": round(figures.median("import", "ms"), 1),
        "ready_s": round(figures.median("ready", "s"), 3),
    }
    show(workers)
    print(f"\nready after {found['ready_s']} s")
    print(f"import pipeline: {found['import_ms']} ms beyond the {found['python_ms']} ms of Python")
    written(options.json, {"idle": workers, **found})


if __name__ == "__main__":
    main()
