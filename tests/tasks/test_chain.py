"""Tests of pipeline.tasks.chain."""

from __future__ import annotations

from datetime import date
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.applications.tasks import TaskApplication
from pipeline.errors import Drop, TaskFailed
from pipeline.message import TaskMessage
from pipeline.middleware.base import BaseMiddleware
from pipeline.tasks.chain import FIELD, LONGEST, Chain, chain
from pipeline.tasks.client import Client
from pipeline.tasks.handle import ChainHandle
from pipeline.tasks.results import kept
from pipeline.tasks.sender import bind, unbind
from tests.applications.test_tasks import TaskCase
from tests.tasks import jobs
from tests.tasks.chained_jobs import elsewhere, first, nobody, plus, single, starts, tomorrow, twice

JOBS = "tests.tasks.chained_jobs"


class DropsDoubles(BaseMiddleware):
    """Drops calls of ``twice`` on their way out."""

    def handle_publish_inbound(self, message: Any, connector_name: str) -> Any:
        """Drop it, or not."""
        if message.task.endswith("twice"):
            raise Drop("no doubles")
        return message


class Made(TaskCase):
    """A chain is made of calls that fit."""

    def test_flat(self) -> None:
        """Chains in a chain are its steps."""
        inner = chain(twice.s(), twice.s(fail=1))
        made = chain(first.s(1), inner, plus.s(2))
        self.assertEqual([first, twice, twice, plus], [step.task for step in made.steps])
        self.assertIn("first -> tests.tasks", repr(made))

    def test_refused(self) -> None:
        """What doesn't fit is refused before anything is sent; the argument is named."""
        for steps, said in (
            ([first.s(1), nobody.s()], "too many positional arguments"),
            ([first.s(1), plus.s()], "argument 'more' is missing"),
            ([first.s(1), plus.s(object())], "argument 'more' can't travel"),
            ([first.s(1), tomorrow.s(object())], "argument 'days' can't travel"),
            ([first.s(1), single.s()], "is unique"),
            ([first], "a step is a call as task.s(..)"),
        ):
            error = self.assertRaises(TypeError, chain, *steps)
            self.assertIn(said, str(error))

    def test_length(self) -> None:
        """A chain has a step, and not too many."""
        self.assertRaises(ValueError, chain)
        self.assertRaises(ValueError, chain, first.s(1), *[twice.s()] * LONGEST)


class Run(TaskCase):
    """Chains run, step by step."""

    def setUp(self) -> None:
        super().setUp()
        self.client = Client(self.runtime)
        self.addCleanup(lambda: self.helper.now(self.client.stop()))
        bind(self.client)
        self.addCleanup(unbind, self.client)

    def start(self, **options: Any) -> Any:
        """An application of ``work``."""
        given: dict[str, Any] = {"tasks": [JOBS], "retry": {"jitter": 0}, **options}
        return super().start(**given)

    def send(self, made: Chain) -> ChainHandle:
        """Send a chain."""
        handle: ChainHandle = self.helper.now(made.send())
        self.helper.advance()
        return handle

    def error(self, handle: ChainHandle) -> BaseException:
        """What is raised at who waits."""
        waiting = Deferred.fromCoroutine(handle.result())
        error: BaseException = self.failureResultOf(waiting, TaskFailed).value
        return error

    def test_results(self) -> None:
        """Each step is given the result of the one before; the last one's is the chain's."""
        self.start()
        handle = self.send(chain(first.s(3), twice.s(), plus.s(1, times=4)))
        self.assertEqual(10, self.helper.now(handle.result()))
        self.assertEqual([("first", 3), ("twice", 3), ("plus", 6)], jobs.ran)
        self.assertEqual(0, sum(self.depth("work.inbound")))

    def test_first_unfit(self) -> None:
        """A first step whose arguments don't fit is refused when the chain is sent."""
        sending = Deferred.fromCoroutine(chain(first.s(), twice.s()).send())
        error = self.failureResultOf(sending, TypeError).value
        self.assertIn("argument 'n' is missing", str(error))

    def test_one(self) -> None:
        """A chain of one step is a call."""
        self.start()
        self.assertEqual(6, self.helper.now(self.send(chain(twice.s(3))).result()))

    def test_types(self) -> None:
        """Results and arguments travel by their type hints, as those of any call."""
        self.start()
        handle = self.send(chain(tomorrow.s(date(2026, 2, 27)), tomorrow.s(days=1)))
        self.assertEqual(date(2026, 3, 1), self.helper.now(handle.result()))

    def test_other_queue(self) -> None:
        """Steps may be on other queues, whose worker need not know of the rest."""
        self.start(tasks=[f"{JOBS}.first"])
        handle = self.send(chain(first.s(3), elsewhere.s()))
        self.assertFalse(handle.done)
        self.start_other()
        self.assertEqual("<3>", self.helper.now(handle.result()))

    def test_expired(self) -> None:
        """A step that has not begun in its time ends the chain."""
        self.start()
        handle = self.send(chain(first.s(3), elsewhere.s()))
        self.clock.advance(61)
        self.start_other()
        self.assertIn("step 2 of 2", str(self.error(handle)))
        self.assertIn("expired", str(self.error(handle)))

    def start_other(self) -> None:
        """An application of the queue ``other``."""
        given = {"transport_name": "other", "tasks": [f"{JOBS}.elsewhere"]}
        self.helper.get_worker(TaskApplication, given, name="other", runtime=self.runtime).now()
        self.helper.advance()

    def test_retried(self) -> None:
        """A step that fails is tried again, and then the chain goes on."""
        self.start()
        handle = self.send(chain(first.s(3), twice.s(fail=1), plus.s(1)))
        self.assertFalse(handle.done)
        self.clock.advance(5)
        self.assertEqual(7, self.helper.now(handle.result()))
        self.assertEqual(1, jobs.ran.count(("first", 3)))

    def test_failed(self) -> None:
        """A step that has failed for good ends the chain; who waits learns which it was."""
        self.start()
        handle = self.send(chain(first.s(3), twice.s(fail=9), plus.s(1)))
        self.clock.advance(5)
        self.assertIn(f"step 2 of 3, {JOBS}.twice: TemporaryFailure", str(self.error(handle)))
        self.assertEqual(0, jobs.ran.count(("plus", 6)))

    def test_steps(self) -> None:
        """The handle has the steps, by whose ids their results are found if they are kept."""
        self.start()
        handle = self.send(chain(first.s(3), twice.s()))
        self.assertEqual([first.name, twice.name], [step.task for step in handle.steps])
        found = self.helper.now(kept(self.looker, handle.steps[0].id))
        self.assertEqual(3, found.value)
        self.failureResultOf(Deferred.fromCoroutine(handle.steps[1].result()), RuntimeError)

    def test_staged(self) -> None:
        """A chain that a task sends begins when that is done; its ids are the same in any run."""
        self.start()
        self.put("work.inbound", TaskMessage(task=f"{JOBS}.starts", args=[4], reply_to="w"))
        self.assertEqual([("first", 4), ("twice", 4)], jobs.ran)
        [answer] = [each for each in self.results() if each.in_reply_to]
        self.assertEqual(2, len(set(answer.value)))
        self.assertEqual(starts.name, f"{JOBS}.starts")

    def test_dropped(self) -> None:
        """A next step that middleware drops ends the chain."""
        self.start(middleware=[{"drops": f"{__name__}.DropsDoubles"}])
        handle = self.send(chain(first.s(3), twice.s()))
        self.assertIn("middleware dropped", str(self.error(handle)))

    def test_nonsense(self) -> None:
        """A call that says nonsense of what follows is a dead letter, and is run once."""
        self.start()
        extra = {FIELD: {"id": "x", "at": 1, "of": 2, "steps": [{"task": "x"}]}}
        self.put("work.inbound", TaskMessage(task=f"{JOBS}.first", args=[1], extra=extra))
        self.clock.advance(60)
        self.assertEqual(1, len(jobs.ran))
        self.assertEqual(1, self.depth("work.inbound").dead)
