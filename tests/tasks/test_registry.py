"""Tests of pipeline.tasks.registry."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.tasks.registry import Task, task


@task
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b


@task(name="tests.named", queue="mail", retries=3, backoff=0.5, timeout=5, reentrant=True)
async def named() -> None:
    """Named."""


class Decorated(TestCase):
    """A task is its function, and more."""

    def test_callable(self) -> None:
        """A task called as a function is that function."""
        self.assertEqual(5, add(2, b=3))
        self.assertEqual("Add.", add.__doc__)

    def test_defaults(self) -> None:
        """A bare task is named for its place, on the queue tasks, plain ones in threads."""
        self.assertEqual(f"{__name__}.add", add.name)
        self.assertEqual(
            ("tasks", None, None, None, False, "thread", None),
            (
                add.queue,
                add.retries,
                add.backoff,
                add.timeout,
                add.reentrant,
                add.isolation,
                add.keep_result,
            ),
        )

    def test_options(self) -> None:
        """What the decorator is told, the task has; async ones run in the reactor."""
        self.assertEqual(
            ("tests.named", "mail", 3, 0.5, 5, True, "inline"),
            (
                named.name,
                named.queue,
                named.retries,
                named.backoff,
                named.timeout,
                named.reentrant,
                named.isolation,
            ),
        )
        self.assertTrue(named.is_async)

    def test_same_function_again(self) -> None:
        """A function made again at the same place, as by a reload, replaces the first."""

        def made() -> Task[[], None]:
            @task
            def again() -> None: ...

            return again

        self.assertIsNot(made(), made())

    def test_two_of_one_name(self) -> None:
        """Two functions can't have one name; the error says where both are."""

        def other() -> None: ...

        error = self.assertRaises(ConfigError, task(name="tests.named"), other)
        self.assertIn("tests.named", str(error))
        self.assertIn("other", str(error))


class Refused(TestCase):
    """A wrong option is an error that names the task."""

    def _refused(self, function: Any = lambda: None, **options: Any) -> str:
        error = self.assertRaises(ConfigError, task(name="tests.wrong", **options), function)
        self.assertIn("tests.wrong", str(error))
        return str(error)

    def test_isolation(self) -> None:
        """An unknown isolation is refused."""
        self.assertIn("'greenlet'", self._refused(isolation="greenlet"))

    def test_async_elsewhere(self) -> None:
        """An async function can't run in a thread or in a process."""

        async def function() -> None: ...

        for isolation in ("thread", "process"):
            self.assertIn("plain def", self._refused(function, isolation=isolation))

    def test_generator(self) -> None:
        """A generator can't be a task."""

        def function() -> Any:
            yield

        self.assertIn("generator", self._refused(function))

    def test_amounts(self) -> None:
        """Amounts are numbers that are not negative."""
        for option in ("retries", "backoff", "timeout", "keep_result"):
            self.assertIn(option, self._refused(**{option: -1}))
            self.assertIn(option, self._refused(**{option: "3"}))
            self.assertIn(option, self._refused(**{option: True}))

    def test_no_function(self) -> None:
        """Options are given by name."""
        self.assertRaises(ConfigError, task, "name")
