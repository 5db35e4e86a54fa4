"""Tests of pipeline.tasks.unique."""

from __future__ import annotations

import inspect
from datetime import date
from typing import Any

from twisted.internet.defer import Deferred

from pipeline.delivery import Post
from pipeline.errors import ConfigError
from pipeline.message import TaskMessage
from pipeline.store import Store
from pipeline.tasks.client import Client
from pipeline.tasks.registry import Task
from pipeline.tasks.unique import FIELD, LONGEST, Claim, Unique, give_up
from tests.tasks import limited_jobs
from tests.workers import WorkerCase


def send(to: str, text: str = "", *, on: Any = None) -> None: ...


def unique(by: Any = None, until: str = "done") -> Unique:
    """How calls of ``send`` are unique."""
    return Unique("send", inspect.signature(send), until, by)


class Keys(WorkerCase):
    """What makes two calls the same."""

    def assert_same(self, made: Unique, *calls: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        """All of these calls are one."""
        self.assertEqual(1, len({made.key(*call) for call in calls}))

    def assert_differ(self, made: Unique, *calls: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        """No two of these calls are the same."""
        self.assertEqual(len(calls), len({made.key(*call) for call in calls}))

    def test_arguments(self) -> None:
        """All arguments count, however they are given, and so do defaults."""
        self.assert_same(
            unique(), (("a",), {}), ((), {"to": "a"}), (("a", ""), {}), (("a",), {"on": None})
        )
        day = date(2026, 1, 2)
        self.assert_differ(unique(), (("a",), {}), (("b",), {}), (("a",), {"on": day}))

    def test_order(self) -> None:
        """The order of a dict or a set is not part of it."""
        self.assert_same(
            unique(), (("a",), {"on": {"x": 1, "y": 2}}), (("a",), {"on": {"y": 2, "x": 1}})
        )
        self.assert_same(unique(), (("a",), {"on": {"p", "q"}}), (("a",), {"on": {"q", "p"}}))

    def test_names(self) -> None:
        """Only the arguments that are named count."""
        for by in ("to", ["to"], ("to",)):
            self.assert_same(unique(by), (("a", "1"), {}), (("a", "2"), {}))
            self.assert_differ(unique(by), (("a", "1"), {}), (("b", "1"), {}))

    def test_function(self) -> None:
        """A function of the arguments says what counts."""
        made = unique(lambda to, text="", on=None: to.lower())
        self.assert_same(made, (("A",), {}), (("a", "x"), {}))

    def test_tasks(self) -> None:
        """Calls of different tasks are different."""
        other = Unique("other", inspect.signature(send), "done")
        self.assertNotEqual(unique().key(("a",), {}), other.key(("a",), {}))

    def test_refused(self) -> None:
        """A wrong option is an error that says what is wrong."""
        error = self.assertRaises(ConfigError, unique, "too")
        self.assertIn("task send: unique_key names 'too'", str(error))
        error = self.assertRaises(ConfigError, unique, until="always")
        self.assertIn("unique must be 'queued' or 'done', got 'always'", str(error))
        self.assertRaises(ConfigError, Task, send, name="s", unique_key="to")


class Claims(WorkerCase):
    """Of all calls with a key one is there."""

    def publish(self, id: str) -> tuple[bool, str]:
        """Publish a call with its claim; whether it was, and who was there before."""
        claim = Claim("send:k", id)
        post = Post("work.inbound", id.encode())
        return self.now(claim.publish(self.looker, post, 0)), claim.holder

    def now(self, coroutine: Any) -> Any:
        """What a coroutine returns at once."""
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def give_up(self, id: str) -> None:
        """End a call."""
        message = TaskMessage(task="send", message_id=id, extra={FIELD: "send:k"})
        store = Store(self.looker.reader())
        self.now(give_up(message, store))
        self.now(store.commit())

    def test_one(self) -> None:
        """The second is not published, and is told of the first, until that is given up."""
        self.assertEqual((True, ""), self.publish("1"))
        self.assertEqual((False, "1"), self.publish("2"))
        self.assertEqual(1, self.depth("work.inbound").waiting)
        self.give_up("1")
        self.assertEqual((True, ""), self.publish("2"))

    def test_not_anothers(self) -> None:
        """Who ends late gives up nobody else's claim."""
        self.publish("1")
        self.give_up("0")
        self.assertEqual((False, "1"), self.publish("2"))

    def test_faster(self) -> None:
        """If another was faster between look and commit, that one counts."""
        slow = Claim("send:k", "1")
        reader = self.looker.reader()
        read = reader.read

        def overtaken(op: str, key: str, *args: Any) -> Any:
            found = read(op, key, *args)
            reader.read = read
            self.publish("2")
            return found

        reader.read = overtaken
        self.patch(type(self.looker), "reader", lambda *_: reader)
        post = Post("work.inbound", b"1")
        self.assertFalse(self.now(slow.publish(self.looker, post, 0)))
        self.assertEqual("2", slow.holder)
        self.assertEqual(1, self.depth("work.inbound").waiting)

    def test_delayed(self) -> None:
        """The claim of a call that is due later is there until then, and as long as others."""
        claim = Claim("send:k", "1", 3 * LONGEST)
        self.now(claim.publish(self.looker, Post("work.inbound", b"1"), 0))
        self.clock.advance(4 * LONGEST - 1)
        self.assertEqual((False, "1"), self.publish("2"))

    def test_last_resort(self) -> None:
        """A claim that nobody gives up is gone after a day."""
        self.publish("1")
        self.clock.advance(LONGEST - 1)
        self.assertEqual((False, "1"), self.publish("2"))
        self.clock.advance(1)
        self.assertEqual((True, ""), self.publish("2"))


class Spread(WorkerCase):
    """Unique calls in several partitions."""

    def broker_options(self) -> dict[str, Any]:
        return {"partitions": 4}

    def test_one_partition(self) -> None:
        """Equal calls from outside meet in one partition; others are spread over all."""
        client = Client(self.runtime)
        self.addCleanup(lambda: self.helper.now(client.stop()))
        for is_new in (True, False):
            sent = [self.helper.now(client.send(limited_jobs.only, (n,))) for n in range(20)]
            self.assertEqual({is_new}, {handle.is_new for handle in sent})
        waiting = [len(self.taken("work.inbound", partition)) for partition in range(4)]
        self.assertEqual(20, sum(waiting))
        self.assertGreater(len([each for each in waiting if each]), 1)
