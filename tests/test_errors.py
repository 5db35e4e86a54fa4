"""The tree of exceptions."""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from pipeline import errors
from pipeline.errors import (
    ConfigError,
    Conflict,
    Drop,
    IgnoreMessage,
    MiddlewareNotUsed,
    PermanentFailure,
    PipelineError,
    QueueFull,
    Respond,
    RetryLater,
    ServerRefused,
    TaskFailed,
    UnknownTask,
    Verdict,
)

#: A class in the drawing: what stands before it says how deep it is.
DRAWN = re.compile(r"^    (?P<rails>[│├└─ ]*)(?P<name>[A-Z]\w+)", re.MULTILINE)


def public() -> dict[str, type[BaseException]]:
    """Every public class by its own name."""
    return {getattr(errors, name).__name__: getattr(errors, name) for name in errors.__all__}


class Tree(SynchronousTestCase):
    """What is drawn is what is."""

    def drawn(self) -> dict[str, str | None]:
        """Each class of the drawing, and the one it hangs from."""
        above: dict[int, str] = {}
        parents: dict[str, str | None] = {}
        for found in DRAWN.finditer(errors.__doc__ or ""):
            depth = len(found["rails"]) // 4
            above[depth] = found["name"]
            parents[found["name"]] = above[depth - 1] if depth else None
        return parents

    def test_drawn(self) -> None:
        """Every exception is in the drawing, and hangs where it is drawn."""
        drawn, classes = self.drawn(), public()
        self.assertEqual(set(classes), set(drawn))
        wrong = [
            name
            for name, parent in drawn.items()
            if parent is not None and classes[parent] not in classes[name].__bases__
        ]
        self.assertEqual([], wrong)

    def test_verdicts_are_no_errors(self) -> None:
        """What settles a message otherwise is not caught with what goes wrong."""
        for verdict in (Drop, Respond, RetryLater, MiddlewareNotUsed):
            self.assertFalse(issubclass(verdict, PipelineError))
        for verdict in (Drop, Respond, RetryLater):
            self.assertTrue(issubclass(verdict, Verdict))

    def test_families(self) -> None:
        """Who catches a family catches its members."""
        self.assertTrue(issubclass(UnknownTask, PermanentFailure))
        self.assertTrue(issubclass(QueueFull, errors.BrokerError))
        self.assertTrue(issubclass(errors.InvalidMessageField, ValueError))
        self.assertFalse(issubclass(Conflict, errors.BrokerError))

    def test_vumi(self) -> None:
        """Vumi's name for a drop is the same class."""
        self.assertIs(Drop, IgnoreMessage)

    def test_documented(self) -> None:
        """Every exception says when it is raised."""
        self.assertEqual([], [name for name, kind in public().items() if not kind.__doc__])


class Told(SynchronousTestCase):
    """What an exception carries, and what a person reads."""

    def test_config_error(self) -> None:
        """A configuration error says where, what, and what to do."""
        error = ConfigError("no field 'lisen'", at="a.yaml:2:3", hint="did you mean 'listen'?")
        self.assertEqual("a.yaml:2:3: no field 'lisen' (did you mean 'listen'?)", str(error))
        self.assertEqual("no field 'lisen'", str(ConfigError("no field 'lisen'")))
        self.assertEqual(("a.yaml:2:3", "no field 'lisen'"), (error.at, error.what))

    def test_server_refused(self) -> None:
        """What the server refused carries the word it refused it with."""
        error = ServerRefused("OOM command not allowed", "OOM")
        self.assertEqual(("OOM", "OOM command not allowed"), (error.code, str(error)))
        self.assertEqual("", ServerRefused("too old").code)
        codes = ("OOM", "LOADING", "WRONGPASS", "")
        passing = [ServerRefused("no", code).is_passing for code in codes]
        self.assertEqual([True, True, False, False], passing)

    def test_task_failed(self) -> None:
        """Who waited for a task gets the remote traceback."""
        error = TaskFailed("ValueError: no", "Traceback ..")
        self.assertEqual(("ValueError: no", "Traceback .."), (str(error), error.traceback))
        self.assertEqual(["In the worker:\nTraceback .."], error.__notes__)
        self.assertFalse(hasattr(TaskFailed("ValueError: no"), "__notes__"))

    def test_verdicts(self) -> None:
        """A verdict carries what is to be done."""
        answer = object()
        later = RetryLater(2.5, "busy")
        self.assertEqual("spam", Drop("spam").reason)
        self.assertIs(answer, Respond(answer).message)
        self.assertEqual((2.5, "busy"), (later.after, later.reason))
