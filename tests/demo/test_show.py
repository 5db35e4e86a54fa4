"""The show, line by line; the whole of it is in tests/cli/test_demo.py."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.demo.show import CONFIGURATION, Show
from pipeline.demo.stories import STORIES, Answer
from pipeline.signals import worker_started


class Lines(TestCase):
    """What is printed, with marks instead of colours."""

    def setUp(self) -> None:
        self.lines: list[str] = []
        self.show = Show(
            None, lambda text, *styles: f"<{text}>" if styles else text, self.lines.append
        )
        self.addCleanup(self.show._end)

    def test_configuration(self) -> None:
        """Its configuration is packaged."""
        self.assertTrue(CONFIGURATION.is_file())

    def test_title(self) -> None:
        """A story has a number and shows its request."""
        self.show._title(2, STORIES[1])
        self.assertEqual(
            ["", "<2. A task is run>", '<   POST /tasks/add  {"a": 2, "b": 40}>'], self.lines
        )

    def test_answer(self) -> None:
        """The whole time, and what matters in the answer."""
        self.show._way(Answer(200, {"id": "m", "status": "finished", "value": 42}, 1.0, 1.005))
        self.assertEqual("       5.000 ms  in all", self.lines[-2])
        self.assertEqual('<   200  {"status": "finished", "value": 42}>', self.lines[-1])

    def test_over(self) -> None:
        """Afterwards nobody listens any more."""
        self.show._end()
        self.assertFalse(worker_started.has_listeners(self))
