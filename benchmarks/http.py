"""Requests through HTTP, the server, a task, and back to the client, as wrk sends them.

``POST /tasks/add`` is answered with the task's result, by a transport and a worker in one process
or in two. Beside it stands ``GET /health``, which the transport answers by itself: it is what HTTP
alone takes. A connection sends its next request when it has the answer to the one before. Figures
are medians of the rounds; latency is in milliseconds. The client needs a processor as well.

wrk is Debian's: ``apt-get install wrk``.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.measuring import Rounds, Size, Steps, given, show, written
from benchmarks.processes import Child, private_server

SIZES = {
    "seconds": Size(5, 1, "how long each is asked"),
    "connections": Size(32, 4, "how many at most"),
    "rounds": Size(3, 1, "how many rounds"),
}
RUN = ("-c", "from pipeline.cli.main import main; main()", "run")
PROCESSES = {"one process": ((),), "two processes": (("--worker", "web"), ("--worker", "work"))}
_SYSTEM = """\
namespace: benchmark
redis: unix://{socket}
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: web
    tasks: [pipeline.demo.tasks]
    max_in_flight: 400
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: web
    listen: "tcp:{port}:interface=127.0.0.1"
"""
_TASK = """\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"args": [20, 22]}'
"""
#: wrk says in a line of ours what it has seen; it counts in microseconds.
_SAY = """
function done(summary, latency, requests)
    io.write(string.format(
        '\\n{"requests": %d, "us": %d, "failed": %d, "p50": %f, "p99": %f}\\n',
        summary.requests, summary.duration,
        summary.errors.status + summary.errors.connect + summary.errors.read
            + summary.errors.write + summary.errors.timeout,
        latency:percentile(50), latency:percentile(99)))
end
"""


def asked(wrk: str, url: str, script: Path, connections: int, seconds: int) -> dict[str, float]:
    """Have wrk ask for so long; requests a second, and milliseconds."""
    words = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    done = subprocess.run([wrk, *words, url], capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    if said["failed"]:
        raise SystemExit(f"{said['failed']} requests failed:\n{done.stdout}")
    return {
        "rate": said["requests"] / said["us"] * 1e6,
        "p50": said["p50"] / 1000,
        "p99": said["p99"] / 1000,
    }


def measured(figures: Rounds, wrk: str, processes: str, options: Any) -> None:
    """One round of one system."""
    with ExitStack() as closing:
        folder = Path(closing.enter_context(TemporaryDirectory()))
        address = closing.enter_context(private_server())
        port = _free_port()
        file = folder / "system.yaml"
        file.write_text(_SYSTEM.format(socket=address.path, port=port), encoding="utf-8")
        url = f"http://127.0.0.1:{port}"
        children = [
            closing.enter_context(Child(*RUN, str(file), *words)) for words in PROCESSES[processes]
        ]
        children[0].until(lambda: _answers(f"{url}/health"))
        (folder / "health.lua").write_text(_SAY, encoding="utf-8")
        (folder / "task.lua").write_text(_TASK + _SAY, encoding="utf-8")
        for what, path in (("health", "/health"), ("task", "/tasks/add")):
            for connections in (1, options.connections):
                script = folder / f"{what}.lua"
                found = asked(wrk, url + path, script, connections, options.seconds)
                figures.add(_name(processes, what, connections), **found)


def _name(processes: str, what: str, connections: int) -> str:
    return f"{processes}, {what}, {connections}"


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (URLError, ConnectionError):
        return False


def row(figures: Rounds, processes: str, what: str, connections: int) -> dict[str, Any]:
    """What was measured of one thing."""
    name = _name(processes, what, connections)
    return {
        "system": processes,
        "request": "GET /health" if what == "health" else "POST /tasks/add",
        "connections": connections,
        "per second": round(figures.median(name, "rate")),
        "p50 ms": round(figures.median(name, "p50"), 2),
        "p99 ms": round(figures.median(name, "p99"), 2),
    }


def main() -> None:
    """Parse the arguments, run, print."""
    options = given("http", __doc__, SIZES)
    wrk = shutil.which("wrk")
    if wrk is None:
        print("there is no wrk here: apt-get install wrk", file=sys.stderr)
        raise SystemExit(1)
    figures, steps = Rounds(), Steps(options.rounds * len(PROCESSES))
    for number in range(options.rounds):
        for processes in PROCESSES:
            measured(figures, wrk, processes, options)
            steps.done(f"round {number + 1}: {processes}")
    rows = [
        row(figures, processes, what, connections)
        for processes in PROCESSES
        for what in ("health", "task")
        for connections in dict.fromkeys((1, options.connections))
    ]
    show(rows)
    written(options.json, rows)


if __name__ == "__main__":
    main()
