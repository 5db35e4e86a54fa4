"""A worker's process with children, to be killed: ``python -m tests.tasks.processes.parent FILE``.

It prints the process ids of its children when one of them is busy.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall

from pipeline.tasks.current import CurrentTask
from pipeline.tasks.processes.options import ProcessPoolOptions
from pipeline.tasks.processes.pool import ProcessPool
from pipeline.tasks.runner import TaskRunner
from tests.tasks.processes import jobs


def main() -> None:
    """Start two children, have one run a task that never ends, and wait to be killed."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    flag = Path(sys.argv[1])
    signal.alarm(120)
    options = ProcessPoolOptions(tasks=["tests.tasks.processes.jobs"], processes=2)
    pool = ProcessPool(reactor, options)
    runner = TaskRunner(reactor, processes=pool)

    async def start() -> None:
        await runner.start()
        call = CurrentTask(id="1", name=jobs.stubborn.name, args=[str(flag)])
        LoopingCall(tell).start(0.05)
        await runner.run(jobs.stubborn, call)

    def tell() -> None:
        if flag.exists() and pool.idle:
            pids = " ".join(str(child.pid) for child in pool.children)
            sys.stdout.write(f"{pids}\n")
            sys.stdout.flush()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(start()))
    reactor.run()


if __name__ == "__main__":
    main()
