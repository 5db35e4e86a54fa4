"""Tests of pipeline.testing.overriding."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.errors import ConfigError
from pipeline.signals import setting_changed
from pipeline.testing import override_config


class Options(Config):
    """Two options."""

    greeting = ConfigText("What to say.", default="hello", static=True)
    times = ConfigInt("How often.", default=1, static=True)


class Owner:
    """Has options."""

    config = Options()


class Overriding(TestCase):
    """A test has other options, and everybody else the same as before."""

    def setUp(self) -> None:
        self.owner = Owner()
        self.told: list[Any] = []
        setting_changed.connect(self.hear, sender=Options)
        self.addCleanup(setting_changed.disconnect, self.hear, sender=Options)

    def hear(self, setting: str, value: Any, enter: bool, **named: Any) -> None:
        """Remember."""
        self.told.append((setting, value, enter))

    def test_changed(self) -> None:
        """Options are otherwise inside, and as before outside; who listens is told both."""
        with override_config(self.owner, greeting="hi") as config:
            self.assertEqual(("hi", 1), (self.owner.config.greeting, config.times))
        self.assertEqual("hello", self.owner.config.greeting)
        self.assertEqual([("greeting", "hi", True), ("greeting", "hello", False)], self.told)

    def test_error(self) -> None:
        """An error inside passes, and the options are as before."""
        with self.assertRaises(KeyError), override_config(self.owner, times=2):
            raise KeyError
        self.assertEqual((1, 2), (self.owner.config.times, len(self.told)))

    def test_wrong(self) -> None:
        """What is no option, or no value for it, changes nothing."""
        for error, options in ((TypeError, {"nothing": 1}), (ConfigError, {"times": "x"})):
            with self.assertRaises(error), override_config(self.owner, **options):
                self.fail("it was taken")
        self.assertEqual((1, []), (self.owner.config.times, self.told))

    def test_observer(self) -> None:
        """An observer that fails is logged, and the test goes on."""

        def fails(**named: Any) -> None:
            raise ValueError

        setting_changed.connect(fails)
        with override_config(self.owner, times=2):
            self.assertEqual(2, self.owner.config.times)
        setting_changed.disconnect(fails)
        self.assertEqual(2, len(self.flushLoggedErrors(ValueError)))
