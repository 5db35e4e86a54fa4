"""The options of ``monitor:`` are met with those of the workers."""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError
from pipeline.service.build import build, load
from pipeline.service.monitor.options import MonitorConfig, own_options, private_options
from pipeline.service.overview import overview
from tests.service.support import written

SYSTEM = """\
redis: memory://
monitor: {monitor}
workers:
  one: {{class: tests.service.support.Plain, transport_name: a}}
"""


class Options(TestCase):
    """What may be said, and what not."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def config(self, monitor: str, *overrides: str) -> Any:
        return load(written(self, SYSTEM.format(monitor=monitor)), overrides)

    def test_absent(self) -> None:
        """Without it there is no monitor."""
        self.assertIsNone(own_options(self.config("null")))

    def test_listen(self) -> None:
        """It needs to know where; the command line may say."""
        error = self.assertRaises(ConfigError, own_options, self.config("{}"))
        self.assertIn("system.yaml:2:1: listen: required", str(error))
        config = self.config("{listen: 'tcp:1'}", "monitor.listen:tcp:2")
        options = own_options(config)
        assert options is not None
        self.assertEqual("tcp:2", str(options.listen))
        self.assertTrue(options.listening().is_local)

    def test_wrong(self) -> None:
        """All that is wrong is said with its position, when it is checked and when it is built."""
        config = self.config("{listen: 'tcp:1:backlog2=3', lisen: x}")
        for meet in (overview, lambda config: build(config, Clock())):
            with self.assertRaises(ConfigErrors) as caught:
                meet(config)
            said = "\n".join(map(str, caught.exception.errors))
            self.assertIn("there is no option 'lisen'", said)
            self.assertIn("system.yaml:2:", said)
            self.assertIn("has no 'backlog2' here", said)
        error = self.assertRaises(ConfigError, lambda: self.config("[9100]"))
        self.assertIn("monitor: expected a mapping, got a list", str(error))

    def test_private(self) -> None:
        """Who has a supervisor listens where that says, and asks nobody who they are."""
        own = MonitorConfig({"listen": "tcp:1", "authentication": {"bearer": {"p": "x" * 20}}})
        options = private_options(own, "unix:/tmp/0.sock")
        self.assertEqual("unix:/tmp/0.sock", str(options.listen))
        assert options.authentication is not None
        self.assertEqual({}, options.authentication.bearer)
        self.assertEqual("unix:/tmp/1.sock", str(private_options(None, "unix:/tmp/1.sock").listen))
        error = self.assertRaises(ConfigError, private_options, None, "nowhere")
        self.assertEqual("PIPELINE_MONITOR", error.at)
