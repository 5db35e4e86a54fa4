"""A message is tried out in a system that is real but for the outside."""

from __future__ import annotations

import sys
from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.codec import MAX_BYTES
from pipeline.errors import ConfigError
from pipeline.explain.trace.given import Given
from pipeline.explain.trace.happening import Happening
from pipeline.explain.trace.rehearsal import trace
from pipeline.explain.trace.traced import Wishes
from pipeline.service.build import load
from tests.explain.trace.samples import HERE, SYSTEM, outside, traced
from tests.service.support import ROOT


def told(happened: list[Happening]) -> list[str]:
    """What happened, in short."""
    return [f"{each.worker} {each.what} {each.name} {each.result}" for each in happened]


def step(happened: list[Happening], name: str) -> Happening:
    """The step of one middleware."""
    [found] = [each for each in happened if each.name == name and each.what == "middleware"]
    return found


class Ways(TestCase):
    """How far a message goes."""

    async def test_to_the_application(self) -> None:
        """It passes the stack of who publishes it, then that of who reads it, up to the
        application, which is neither set up nor run; no transport connects."""
        found = await traced()
        self.assertEqual(
            [
                "phone middleware upper passed",
                "phone published phone.inbound passed",
                "desk middleware ask passed",
                "desk middleware count passed",
                "desk middleware log passed",
                "desk reached Application.dispatch_user_message passed",
                "desk settled  done",
            ],
            told(found.happened),
        )
        self.assertEqual([], outside)
        self.assertEqual((True, False, {}, ""), (found.is_whole, found.failed, found.left, ""))
        self.assertEqual("hi", found.message["content"])
        way = {"worker": "phone", "connector": "phone", "direction": "publish", "kind": "inbound"}
        self.assertEqual(way, found.entrance)

    async def test_and_back(self) -> None:
        """With ``handle`` the application answers in memory, and the answer goes back to where
        the transport would send it."""
        found = await traced(handle=True)
        self.assertEqual(
            [
                "desk handler Application.dispatch_user_message passed",
                "desk published phone.outbound passed",
                "desk settled  done",
                "phone reached Phone.handle_outbound_message passed",
                "phone settled  done",
            ],
            told(found.happened)[5:],
        )
        self.assertEqual(["opened"], outside)
        handler = found.happened[5]
        self.assertEqual(["desk:answers"], [each.key for each in handler.stored])
        self.assertEqual("re: HI", found.happened[6].message["content"])

    async def test_calls(self) -> None:
        """A task that the application calls is published as every message, and runs."""
        text = f"""\
redis: memory://
workers:
  desk: {{class: {HERE}.Ordering, transport_name: desk}}
  jobs:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [{HERE}.quick]
"""
        found = await traced("hi", text=text, handle=True)
        self.assertEqual(
            [
                "desk handler Application.dispatch_user_message passed",
                "desk published tasks.inbound passed",
                "desk settled  done",
                "jobs handler TaskApplication.dispatch_user_message passed",
                "jobs settled  done",
            ],
            told(found.happened),
        )
        self.assertEqual([], [line for each in found.happened for line in each.logs])
        self.assertEqual(["hi"], found.happened[1].message["args"])

    async def test_single_worker(self) -> None:
        """A single worker is tried alone: the rest is not there, and the message waits for it."""
        found = await traced(worker="phone")
        self.assertEqual({"phone.inbound": {"waiting": 1}}, found.left)
        found = await traced(worker="desk")
        self.assertEqual("consume", found.entrance["direction"])
        self.assertEqual("ask", found.happened[0].name)

    async def test_direction(self) -> None:
        """An outbound message enters as the application publishes it, or as the transport reads
        it."""
        found = await traced(kind="outbound")
        self.assertEqual("desk publish", _entered(found))
        found = await traced(kind="outbound", direction="consume")
        self.assertEqual("phone consume", _entered(found))

    async def test_steps(self) -> None:
        """Each step knows its class, method and place, and what is different after it; options
        are nowhere."""
        found = await traced()
        upper = step(found.happened, "upper")
        self.assertEqual(
            (f"{HERE}.Upper", "handle_publish_inbound"), (upper.class_name, upper.method)
        )
        self.assertRegex(upper.at, r"tests/explain/trace/samples\.py:\d+$")
        self.assertEqual(
            [
                ("content", "changed", "hi", "HI"),
                ("helper_metadata.upper", "added", None, {"by": "upper"}),
            ],
            list(map(tuple, upper.changes)),
        )
        counted = step(found.happened, "count")
        stored = sorted((each.op, each.key, each.at_once) for each in counted.stored)
        self.assertEqual([("incr", "seen", False), ("sadd", "senders", True)], stored)
        self.assertEqual(["warn: heard HI"], step(found.happened, "log").logs)
        self.assertNotIn("s3cret", repr(found.as_json()))

    async def test_another_message(self) -> None:
        """What another message lacks is said, too."""
        asked = step((await traced("copy")).happened, "ask")
        self.assertEqual(
            [("helper_metadata.upper", "removed", {"by": "upper"}, None)],
            list(map(tuple, asked.changes)),
        )


class Ends(TestCase):
    """What else may become of it."""

    async def ask(self, content: str, **wishes: Any) -> tuple[Any, Happening, Happening]:
        found = await traced(content, **wishes)
        settled = [each for each in found.happened if each.what == "settled"]
        return found, step(found.happened, "ask"), settled[0] if settled else found.happened[-1]

    async def test_drop(self) -> None:
        """A drop, with its reason; nothing after it is called."""
        found, asked, settled = await self.ask("drop")
        self.assertEqual(("dropped", "not today"), (asked.result, asked.detail))
        self.assertEqual(("dropped", "not today"), (settled.result, settled.detail))
        self.assertNotIn("count", [each.name for each in found.happened])
        self.assertFalse(found.failed)

    async def test_respond(self) -> None:
        """An answer of middleware goes back."""
        found, asked, settled = await self.ask("respond")
        self.assertEqual(("answered", "done"), (asked.result, settled.result))
        self.assertIn("phone reached Phone.handle_outbound_message passed", told(found.happened))

    async def test_retry_later(self) -> None:
        """A message that is put off stays where it is: nobody waits for that."""
        found, asked, settled = await self.ask("later")
        self.assertEqual(("retry", "after 30 s: busy"), (asked.result, asked.detail))
        self.assertEqual("retry", settled.result)
        self.assertEqual({"phone.inbound": {"delayed": 1}}, found.left)
        self.assertLess(found.waited, 1)

    async def test_error(self) -> None:
        """An error, with the line that raised it, and what the retry policy makes of it."""
        found, asked, settled = await self.ask("fail")
        self.assertEqual(("error", "KeyError: 'gone'"), (asked.result, asked.detail))
        self.assertRegex(asked.where, r"samples\.py:\d+ in Asking\.handle_consume_inbound$")
        self.assertEqual("retry", settled.result)
        self.assertIn("'ask'", settled.where)
        self.assertTrue(found.failed)

    async def test_none(self) -> None:
        """A handler that forgets to return is named."""
        _, asked, _ = await self.ask("none")
        self.assertEqual("returned None: it must return a message", asked.detail)

    async def test_wait(self) -> None:
        """What waits for the clock gets its time at once, and it is told how much."""
        found, asked, settled = await self.ask("wait 30")
        self.assertEqual((30, "done"), (round(asked.waited), settled.result))
        self.assertTrue(found.is_whole)

    async def test_thread(self) -> None:
        """What waits for a thread is waited for."""
        _, asked, _ = await self.ask("thread", patience=30)
        self.assertEqual("done", asked.changes[0].after)

    async def test_too_long(self) -> None:
        """What waits for longer than is wished, or for ever, is named, and all is taken down."""
        for content in ("wait 90", "hang"):
            found, asked, _ = await self.ask(content, wait=60)
            self.assertEqual(("waiting", ""), (asked.result, asked.where))
            self.assertIn("ask (", found.problem)
            self.assertTrue(found.failed)

    async def test_schedule(self) -> None:
        """Nothing is called by a schedule, however long the clock is turned."""
        text = f"""\
redis: memory://
workers:
  jobs:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: tasks
    tasks: [pipeline.demo.tasks]
    schedule: {{often: {{task: add, args: [1, 2], every: 1s}}}}
    middleware: [{{ask: {HERE}.Asking}}]
"""
        for handle in (False, True):
            found = await traced(
                {"task": "add", "args": [1, 2], "content": "wait 30"}, text=text, handle=handle
            )
            self.assertEqual(30, round(found.waited))
            reached = "handler" if handle else "reached"
            self.assertEqual(
                [
                    "jobs middleware ask passed",
                    f"jobs {reached} TaskApplication.dispatch_user_message passed",
                    "jobs settled  done",
                ],
                told(found.happened),
            )

    async def test_circles(self) -> None:
        """Messages that go round in circles are stopped."""
        text = f"""\
redis: memory://
workers:
  round: {{class: {HERE}.Round, receive_inbound_connectors: [a], receive_outbound_connectors: [b]}}
"""
        found = await traced(text=text, most=20)
        self.assertIn("20 steps", found.problem)
        self.assertEqual(20, len(found.happened))

    async def test_refused_at_the_edge(self) -> None:
        """A message whose publish chain fails was not published."""
        found = await traced({"content": None})
        self.assertEqual(["error", "error"], [each.result for each in found.happened])
        self.assertIn("AttributeError", found.happened[-1].detail)


class TooLarge(TestCase):
    """A message that can't travel."""

    async def test_not_read(self) -> None:
        """It is said why, and that is a failure."""
        huge = "x" * MAX_BYTES
        found = await traced(huge, worker="desk")
        [refused] = found.happened
        self.assertIn("over the limit", refused.detail)
        self.assertTrue(found.failed)


class Samples(TestCase):
    """The configurations in config/."""

    async def test_each(self) -> None:
        """A message finds its way through each of them, and all comes to an end, whether
        applications run or not."""
        from twisted.internet import reactor

        self.patch(sys, "path", list(sys.path))
        for file in sorted((ROOT / "config").glob("*.yaml")):
            for kind in ("inbound", "outbound"):
                for handle in (False, True):
                    given = Given.of({"content": "hi"}, kind)
                    found = await trace(load(file), given, reactor, Wishes(handle=handle))
                    self.assertEqual(("", []), (found.problem, found.troubles), file.name)
                    self.assertTrue(found.happened, file.name)


class Wrong(TestCase):
    """What can't be tried."""

    async def test_no_way_in(self) -> None:
        """A worker, connector or kind that isn't there."""
        for wishes, words in (
            ({"worker": "phnoe"}, "no worker 'phnoe'"),
            ({"connector": "phnoe"}, "did you mean 'phone'"),
            ({"worker": "desk", "kind": "status"}, "'desk' has no connector"),
        ):
            failure = await self.assertFailure(_deferred(traced(**wishes)), ConfigError)
            self.assertIn(words, str(failure))

    async def test_configuration(self) -> None:
        """A configuration with mistakes is refused, with all of them."""
        failure = await self.assertFailure(
            _deferred(traced(text=SYSTEM.replace("transport_name: phone", "transprot_name: x"))),
            ConfigError,
        )
        self.assertIn("transprot_name", str(failure))


def _entered(found: Any) -> str:
    return f"{found.entrance['worker']} {found.entrance['direction']}"


def _deferred(work: Any) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(work)
