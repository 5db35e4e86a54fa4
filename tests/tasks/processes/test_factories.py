"""Tests of pipeline.tasks.processes.factories; in real children, in test_task_processes."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError, PermanentFailure
from pipeline.tasks.middleware import TaskStack
from pipeline.tasks.processes.factories import made, named
from pipeline.tasks.processes.wire import Factory
from tests.tasks.processes.middlewares import Counts, Judges, Late, Polite, made_here

MODULE = "tests.tasks.processes.middlewares"


class Names(SynchronousTestCase):
    """Middleware is found in another process by its name."""

    def test_found(self) -> None:
        """A class or function of a module has its dotted path, and is made of it."""
        found = named([Counts, made_here])
        self.assertEqual([Factory(f"{MODULE}.Counts"), Factory(f"{MODULE}.made_here")], found)
        self.assertEqual([Counts, made_here], [made(each, "w") for each in found])

    def test_without_run_task(self) -> None:
        """What only judges outcomes is not around the call: that is the worker's."""
        self.assertEqual([Factory(f"{MODULE}.Counts")], named(TaskStack([Judges, Counts]).around))

    def test_not_found(self) -> None:
        """What has no path of its own is refused, with advice."""

        class Local:
            def run_task(self) -> None: ...

        for factory in (Local, lambda: None, Counts()):
            with self.assertRaisesRegex(ConfigError, "top of a module"):
                named([factory])

    def test_options(self) -> None:
        """One with options has the same there, and is set up; of its worker it has the name."""
        wire = msgspec.msgpack.encode(named([Polite.made_for("polite", {"word": "tak"}, None)]))
        (found,) = msgspec.msgpack.decode(wire, type=list[Factory])
        kind = made(found, "w1")
        self.assertEqual(("polite", "tak", "w1"), (kind.name, kind.config.word, kind.worker.name))
        self.assertTrue(kind.is_set_up)
        with self.assertRaisesRegex(AttributeError, "only the name of its worker, not 'store'"):
            kind.worker.store()

    def test_waits(self) -> None:
        """One whose setup has to wait can't be made there."""
        (found,) = named([Late.made_for("late", {}, None)])
        with self.assertRaisesRegex(PermanentFailure, "no reactor"):
            made(found, "w1")
