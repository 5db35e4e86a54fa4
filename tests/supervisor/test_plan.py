"""Tests of pipeline.supervisor.plan."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.supervisor.plan import Answer, Plan, Problem
from pipeline.transports.binding import Binding


class Plans(TestCase):
    """A plan says what runs where, and travels."""

    def test_workers(self) -> None:
        """What must be single is in the first process."""
        plan = Plan(workers=("a", "b"), single=("c",), processes=2)
        self.assertEqual({"a", "b", "c"}, set(plan.workers_of(1)))
        self.assertEqual(("a", "b"), plan.workers_of(2))
        self.assertEqual([True, False], [plan.has_single(n) for n in (1, 2)])
        self.assertFalse(Plan(workers=("a",)).has_single(1))

    def test_travels(self) -> None:
        """An answer is the same after it was JSON."""
        error = ConfigError("no", at="a.yaml:1:2", hint="yes")
        plan = Plan(workers=("a",), bindings={"tcp:80": Binding(port=80)}, max_memory=5)
        answer = Answer(plan, (Problem.of(error),))
        again = msgspec.json.decode(msgspec.json.encode(answer), type=Answer)
        self.assertEqual(answer, again)
        self.assertEqual(str(error), str(again.problems[0].error()))
