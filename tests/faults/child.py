"""One process of the chain: ``python -m tests.faults.child ROLE PLAN SERVER RECORD``.

It prints its log, ends well on SIGTERM, and dies with the suite.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import Any

#: Seconds after which it ends in any case.
LIFE = 1800


def main() -> None:
    """Run the role until told to end."""
    from tests.faults.clocks import set_wrong

    set_wrong()
    signal.alarm(LIFE)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
    run(*sys.argv[1:])


def run(role: str, plan_text: str, server: str, record: str) -> None:
    """Start the role's worker, and keep it going."""
    from twisted.internet import reactor as installed
    from twisted.internet.defer import Deferred
    from twisted.logger import globalLogBeginner, textFileLogObserver

    from pipeline.brokers.redis.address import Address
    from pipeline.codec import Codec
    from pipeline.service.process import stop_on_signals
    from pipeline.service.steady import keep_steady
    from pipeline.worker import Runtime
    from tests.faults.broken import BROKERS
    from tests.faults.chained import RUNS, Chainer, runs_beside, tasked
    from tests.faults.crew import UP
    from tests.faults.isolated import Asker, isolated
    from tests.faults.plan import Plan
    from tests.faults.steps import Feeder, First, Second
    from tests.faults.timed import timed

    reactor: Any = installed
    keep_steady(reactor)
    globalLogBeginner.beginLoggingTo(
        [textFileLogObserver(sys.stdout)], redirectStandardIO=False, discardBuffer=True
    )
    plan = Plan.parse(plan_text)
    os.environ[RUNS] = str(runs_beside(Path(record)))
    broker = BROKERS[plan.broker](
        Address.parse(server),
        reactor,
        namespace=plan.namespace,
        name=role,
        partitions=plan.partitions,
        dead_after=plan.dead_after,
        beat_every=plan.beat_every,
    )
    runtime = Runtime(broker, Codec(), reactor, plan.namespace)
    steps: dict[str, Any] = {"first": First, "second": Second, "timed": timed}
    steps |= {"tasked": tasked, "chainer": Chainer, "isolated": isolated, "asker": Asker}
    worker = Feeder(plan, runtime, Path(record)) if role == "feeder" else steps[role](plan, runtime)

    async def start() -> None:
        await broker.start()
        await worker.start_worker()
        reactor.addSystemEventTrigger("before", "shutdown", stop)
        worker.log.info(f"{role} {UP}")
        if role == "feeder":
            worker.start_to_feed()

    def stop() -> Deferred[None]:
        return Deferred.fromCoroutine(stopped())

    async def stopped() -> None:
        await worker.stop_worker(plan.deadline)
        await broker.stop()

    def failed(failure: Any) -> None:
        worker.log.failure("the process could not start", failure)
        reactor.stop()

    stop_on_signals(reactor)
    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(start()).addErrback(failed))
    reactor.run()


if __name__ == "__main__":
    main()
