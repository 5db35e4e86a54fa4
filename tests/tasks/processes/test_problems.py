"""Tests of pipeline.tasks.processes.problems."""

from __future__ import annotations

from typing import Any

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import (
    Drop,
    PermanentFailure,
    RemoteError,
    RetryLater,
    TaskAborted,
    TemporaryFailure,
)
from pipeline.tasks.processes.problems import LONGEST, problem_of, rebuilt
from pipeline.tasks.processes.wire import Problem
from tests.tasks.processes.jobs import Odd, TakesOne


class Hostile(Exception):
    """Does things when it is made, and can't be told."""

    made = 0

    def __init__(self) -> None:
        super().__init__("x")
        Hostile.made += 1

    def __str__(self) -> str:
        raise LookupError("no text")


def passed(error: BaseException) -> Exception:
    """The error as it arrives in another process."""
    wire = msgspec.msgpack.encode(problem_of(error, "shop.buy"))
    return rebuilt(msgspec.msgpack.decode(wire, type=Problem))


class Same(SynchronousTestCase):
    """Errors that both sides know arrive as what they were."""

    def test_builtin(self) -> None:
        """Python's own have the same args and text."""
        for error in (ValueError("no", 3), KeyError("gone"), MemoryError(), OSError(2, "No", "x")):
            found = passed(error)
            self.assertEqual((type(error), str(error)), (type(found), str(found)))

    def test_attributes(self) -> None:
        """Others have the same attributes, and no constructor was called for that."""
        found = passed(Odd("odd", code=7))
        assert isinstance(found, Odd)
        self.assertEqual(("odd!", 7), (str(found), found.code))

    def test_meaning(self) -> None:
        """What decides on a retry still does."""
        later, dropped = passed(RetryLater(50, "busy")), passed(Drop("spam"))
        assert isinstance(later, RetryLater) and isinstance(dropped, Drop)
        self.assertEqual((50, "busy", "spam"), (later.after, later.reason, dropped.reason))
        self.assertEqual("aborted", passed(TaskAborted("over")).dead_letter_reason)  # type: ignore[attr-defined]

    def test_traceback(self) -> None:
        """Where it was raised comes with it, as text."""
        try:
            raise ValueError("no")
        except ValueError as error:
            found: Any = passed(error)
        self.assertIn("in test_traceback", found.remote_traceback)


class Alike(SynchronousTestCase):
    """Of others arrives what can be told."""

    def test_unknown(self) -> None:
        """One of an unknown class is a RemoteError that names it."""

        class Local(Exception):
            pass

        class Passing(TemporaryFailure):
            pass

        for error, kind in ((Local("a"), RemoteError), (Passing("b"), TemporaryFailure)):
            found = passed(error)
            self.assertIs(kind, type(found))
            self.assertRegex(str(found), rf"{type(error).__qualname__}: {error}")

    def test_unfit(self) -> None:
        """One with args that JSON can't say keeps its text and its meaning."""
        self.assertRegex(str(passed(ValueError(object))), "builtins.ValueError: <class 'object'>")
        found = passed(PermanentFailure(object))
        self.assertEqual((PermanentFailure, True), (type(found), "object" in str(found)))

    def test_other_text(self) -> None:
        """One that says something else here is not passed off as the same."""
        problem = problem_of(TakesOne("me"))
        problem.text = "from 1"
        found = rebuilt(problem)
        self.assertIs(PermanentFailure, type(found))
        self.assertIn("TakesOne: from 1", str(found))

    def test_hostile(self) -> None:
        """One that can't be told is told of all the same, and not made again."""
        error = Hostile()
        self.assertRegex(str(passed(error)), "Hostile: .its text raised LookupError")
        self.assertEqual(1, Hostile.made)

    def test_no_error(self) -> None:
        """A name of something that is no error makes none."""
        for name in ("os:system", "builtins:SystemExit", "nowhere:X", "", "builtins:eval"):
            found = rebuilt(Problem([name], b"[]", b"{}", "x"))
            self.assertIs(RemoteError, type(found))

    def test_exit(self) -> None:
        """What would end a process has failed for good."""
        found = passed(SystemExit(3))
        self.assertEqual("shop.buy raised SystemExit(3)", str(found))
        self.assertIs(PermanentFailure, type(found))

    def test_long(self) -> None:
        """Texts are cut, and what is no character is written out."""
        self.assertLess(len(str(passed(ValueError("x" * 10**6)))), LONGEST + 100)
        self.assertIn("\\udc80", str(passed(ValueError("\udc80"))))
