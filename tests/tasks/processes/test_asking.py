"""Tests of pipeline.tasks.processes.asking; with a worker, in test_task_processes."""

from __future__ import annotations

import msgspec
from twisted.internet.defer import Deferred

from pipeline.errors import PermanentFailure, QueueFull
from pipeline.tasks.chain import chain
from pipeline.tasks.processes.asking import Asking, driven
from pipeline.tasks.processes.problems import problem_of
from pipeline.tasks.processes.wire import Answer
from pipeline.tasks.sender import bound
from tests.tasks import jobs
from tests.tasks.processes.pipes import ChannelCase


class Sending(ChannelCase):
    """A task in a child sends calls by asking its worker."""

    def setUp(self) -> None:
        super().setUp()
        token = bound.set(Asking(self.channel, 7))
        self.addCleanup(bound.reset, token)

    def test_sent(self) -> None:
        """The worker is told task and arguments, and its answer names the call."""
        self.say(Answer(["id1"]))
        handle = jobs.add.send_from_thread(1, b=2)
        self.assertEqual("id1", handle.id)
        (asked,) = self.heard()
        ((name, arguments),) = asked.steps
        self.assertEqual((7, jobs.add.name), (asked.number, name))
        self.assertEqual([[1], {"b": 2}], msgspec.json.decode(arguments))

    def test_many(self) -> None:
        """Many are asked for one by one, when all are known to fit."""
        for id in ("id1", "id2"):
            self.say(Answer([id]))
        with self.assertRaisesRegex(TypeError, r"calls\[1\]: .*'a' is missing"):
            jobs.add.send_many_from_thread([[1], []])
        handles = jobs.add.send_many_from_thread([[1], {"a": 2}], retries=3)
        self.assertEqual(["id1", "id2"], [handle.id for handle in handles])
        self.assertEqual([{"retries": 3}] * 2, [asked.options for asked in self.heard()])

    def test_chain(self) -> None:
        """A chain is asked for as one, and has a handle of each step."""
        self.say(Answer(["id1", "id2"]))
        handle = chain(jobs.add.s(1), jobs.add.s(b=2)).send_from_thread()
        self.assertEqual(["id1", "id2"], [step.id for step in handle.steps])
        (asked,) = self.heard()
        self.assertEqual(2, len(asked.steps))

    def test_refused(self) -> None:
        """What the worker can't send is its error, there."""
        self.say(Answer([], problem=problem_of(QueueFull("work is full"))))
        with self.assertRaisesRegex(QueueFull, "work is full"):
            jobs.add.send_from_thread(1)

    def test_wrong(self) -> None:
        """A call that doesn't fit its function is not even asked for."""
        with self.assertRaisesRegex(TypeError, "argument 'a' is missing"):
            jobs.add.send_from_thread()
        self.assertEqual([], self.heard())

    def test_result(self) -> None:
        """The result can't be waited for: the call leaves with the one that runs."""
        self.say(Answer(["id1"]))
        with self.assertRaisesRegex(RuntimeError, "can't be waited for here"):
            driven(jobs.add.send_from_thread(1).result())

    def test_driven(self) -> None:
        """What has to wait for a reactor is an error that says so."""

        async def waits() -> None:
            await Deferred()

        with self.assertRaisesRegex(PermanentFailure, "no reactor"):
            driven(waits())
