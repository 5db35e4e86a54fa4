"""Tests of pipeline.supervisor.checker, with real processes."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.supervisor.checker import Checker
from pipeline.supervisor.plan import Asked
from tests.quick import SKIP
from tests.service.support import written

WORKER = """
print("imported")
from tests.service.support import Plain
{more}
class Mine(Plain):
    pass
"""

SYSTEM = """
redis: redis://localhost
workers:
  mine: {class: mine.Mine, transport_name: web}
  other: {class: tests.service.support.Plain, transport_name: web}
"""


class Checking(TestCase):
    """A configuration is read with the code as it is now."""

    skip = SKIP

    timeout = 120

    def setUp(self) -> None:
        self.file = written(self, SYSTEM)
        self.code("")

    def code(self, more: str) -> None:
        """Write the code of the worker."""
        Path(self.file).with_name("mine.py").write_text(WORKER.format(more=more))

    def checker(self, *set_option: str, worker: str = "mine") -> Checker:
        return Checker(Asked(self.file, set_option, (worker,)))

    def test_code(self) -> None:
        """The plan comes though the code prints; errors come back, of options and of code that
        has changed meanwhile, each with its place."""
        checker = self.checker()
        self.assertEqual(("mine",), checker.plan().workers)
        self.code("import not_there")
        with self.assertRaises(ConfigError) as caught:
            checker.plan()
        self.assertIn("not_there", str(caught.exception))
        self.code("")
        with self.assertRaises(ConfigError) as caught:
            self.checker("workers.mine.greting:hi").plan()
        self.assertIn("--set-option workers.mine.greting", str(caught.exception))

    def test_by_itself(self) -> None:
        """What a terminal sends at Ctrl-C is not for who reads; code that ends Python is wrong, and
        said to be."""
        self.code("import os; open('group', 'w').write(str(os.getpgrp()))")
        self.checker().plan()
        self.addCleanup(Path("group").unlink)
        self.assertNotEqual(str(os.getpgrp()), Path("group").read_text())
        for code, words in (
            ("sys.exit(0)", "SystemExit: 0"),
            ("os._exit(0)  # now", "without a word"),
        ):
            self.code(f"import os, sys; {code}")
            with self.assertRaises(ConfigError) as caught:
                self.checker().plan()
            self.assertIn(words, str(caught.exception))

    def test_given_up(self) -> None:
        """Who stops ends the reading, and who dies over it has said nothing."""
        self.code("import os; os.mkfifo('begun'); open('begun').read()")
        checker = self.checker()
        begun = Path("begun").absolute()
        self.addCleanup(begun.unlink)

        def stop() -> None:
            while not begun.exists():
                time.sleep(0.01)
            checker.stop()

        stopping = threading.Thread(target=stop)
        stopping.start()
        with self.assertRaises(ConfigError) as caught:
            checker.plan()
        stopping.join()
        self.assertIn(f"ended with {-signal.SIGKILL}", str(caught.exception))
