"""Tests of pipeline.tasks.processes.sending; with a worker, in test_task_processes."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import UnknownTask
from pipeline.tasks.chain import Signature
from pipeline.tasks.handle import ChainHandle, TaskHandle
from pipeline.tasks.processes.sending import sent_for
from pipeline.tasks.sender import bound
from tests.tasks import jobs


class Notes:
    """A sender that notes what it is given."""

    clock: Any = None

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, task: Any, args: Any, kwargs: Any) -> TaskHandle:
        """Note a call."""
        self.sent.append((task, args, kwargs))
        return TaskHandle("id1", task, None, awaited=False, is_new=False)

    async def send_chain(self, steps: Any) -> ChainHandle:
        """Note a chain."""
        self.sent += steps
        return ChainHandle(["id1", "id2"], [step.task for step in steps], None, awaited=False)

    def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Nobody waits here."""
        raise NotImplementedError


class Sent(SynchronousTestCase):
    """What a child asks for is sent as if it was sent here."""

    def setUp(self) -> None:
        self.sender = Notes()
        token = bound.set(self.sender)
        self.addCleanup(bound.reset, token)

    def ask(self, *steps: tuple[str, bytes]) -> Any:
        """Send for a child."""
        return Deferred.fromCoroutine(sent_for(list(steps)))

    def test_call(self) -> None:
        """A call has the arguments that it had there, and the answer its id."""
        answer = self.successResultOf(self.ask((jobs.add.name, b'[[1],{"b":2}]')))
        self.assertEqual((["id1"], False), (answer.ids, answer.is_new))
        self.assertEqual([(jobs.add, [1], {"b": 2})], self.sender.sent)

    def test_chain(self) -> None:
        """A chain is sent as one; the answer has the ids of its steps."""
        name = jobs.add.name
        answer = self.successResultOf(self.ask((name, b"[[1],{}]"), (name, b"[[],{}]")))
        self.assertEqual(["id1", "id2"], answer.ids)
        self.assertEqual(
            [Signature(jobs.add, (1,), {}), Signature(jobs.add, (), {})], self.sender.sent
        )

    def test_unknown(self) -> None:
        """A task that the worker hasn't loaded can't be sent for; the error says so."""
        failure = self.failureResultOf(self.ask(("tests.tasks.jobs.ad", b"[[],{}]")), UnknownTask)
        self.assertIn("did you mean 'tests.tasks.jobs.add'", failure.getErrorMessage())
