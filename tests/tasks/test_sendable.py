"""Every way to send a call says the same of it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from pipeline.tasks.sender import bind_sync, bound, unbind_sync
from tests.tasks import jobs


class Notes:
    """A sender that notes what it is given."""

    clock: Any = None

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, task: Any, args: Any, kwargs: Any, options: Any = None) -> str:
        """Note a call."""
        self.note(task, args, kwargs, options)
        return "handle"

    async def send_many(self, task: Any, calls: Any, options: Any = None) -> list[str]:
        """Note calls."""
        self.note(task, calls, options)
        return ["handle"]

    def note(self, *given: Any) -> None:
        """Note anything; options as what they say."""
        *call, options = given
        self.sent.append((*call, options and options.said()))

    def wait(self, coroutine: Any) -> Any:
        """What it comes to at once."""
        done: Any = Deferred.fromCoroutine(coroutine)
        return done.result


class Blocking(Notes):
    """The same for code without a reactor."""

    def send(self, *given: Any) -> str:  # type: ignore[override]
        """Note a call."""
        self.note(*given, None) if len(given) == 3 else self.note(*given)
        return "handle"

    def send_many(self, *given: Any) -> list[str]:  # type: ignore[override]
        """Note calls."""
        self.note(*given)
        return ["handle"]


class Ways(SynchronousTestCase):
    def setUp(self) -> None:
        self.sender, self.blocking = Notes(), Blocking()
        token = bound.set(self.sender)  # type: ignore[arg-type]
        self.addCleanup(bound.reset, token)
        bind_sync(self.blocking)  # type: ignore[arg-type]
        self.addCleanup(unbind_sync, self.blocking)

    def test_one(self) -> None:
        """A call, as it is and with options."""
        plain = (jobs.add, (1,), {"b": 2}, None)
        more = (jobs.add, [1], {"b": 2}, {"delay": 3.0, "retries": 0})
        self.successResultOf(Deferred.fromCoroutine(jobs.add.send(1, b=2)))
        jobs.add.send_from_thread(1, b=2)
        sending = jobs.add.send_with_options([1], {"b": 2}, delay=3, retries=0)
        self.successResultOf(Deferred.fromCoroutine(sending))
        self.assertEqual([plain, plain, more], self.sender.sent)
        jobs.add.send_sync(1, b=2)
        jobs.add.send_with_options_sync([1], {"b": 2}, delay=3, retries=0)
        self.assertEqual([plain, more], self.blocking.sent)

    def test_many(self) -> None:
        """Many, in the reactor, in a thread and without a reactor."""
        options = {"delay": 3.0, "key": "k", "timeout": 4.0}
        sending = jobs.add.send_many([[1]], delay=3, key="k", timeout=4)
        self.assertEqual(["handle"], self.successResultOf(Deferred.fromCoroutine(sending)))
        handles = jobs.add.send_many_from_thread([[1]], delay=3, key="k", timeout=4)
        self.assertEqual(["handle"], handles)
        self.assertEqual([(jobs.add, [[1]], options)] * 2, self.sender.sent)
        jobs.add.send_many_sync([[1]], delay=3, key="k", timeout=4)
        self.assertEqual([(jobs.add, [[1]], options)], self.blocking.sent)

    def test_signature(self) -> None:
        """A call that isn't sent yet knows its task."""
        self.assertEqual((jobs.add, (1,), {"b": 2}), jobs.add.s(1, b=2))
