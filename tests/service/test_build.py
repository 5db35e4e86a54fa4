"""From a configuration to a service, or to everything that is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError
from pipeline.service.build import build, load, worker_class
from tests.service.support import Plain, written

GOOD = """
redis: memory://
stop_timeout: 7
middleware: [{pass: tests.service.support.Passing}]
workers:
  one: {class: tests.service.support.Plain, transport_name: a}
  two: {class: tests.service.support.Plain, transport_name: b, max_in_flight: 3}
"""

WRONG = """\
redis: memory://
workers:
  one: {class: tests.service.support.Plian, transport_name: a}
  two:
    class: tests.service.support.Plain
    transport_name: b
    greting: hi
  three:
    class: tests.service.support.Plain
    transport_name: c
    middleware:
      - pass: tests.service.support.Passign
  four: {class: collections.OrderedDict, transport_name: d}
  five: {class: tests.service.support.Plain}
"""


class Loading(TestCase):
    """What is beside a configuration can be imported."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def test_folder(self) -> None:
        """Its folder is put on the path, once."""
        file = written(self, GOOD)
        load(file)
        load(file)
        self.assertEqual(1, sys.path.count(str(Path(file).parent)))

    def test_overrides(self) -> None:
        """What the command line says goes before the file."""
        config = load(written(self, GOOD), ["namespace:other"])
        self.assertEqual("other", config.namespace)

    def test_all_at_once(self) -> None:
        """What is wrong with the namespace, its server and its workers is said together."""
        text = "redis: redis://h:0\nnamspace: x\nworkers:\n  one: {class: no.such.Class}\n"
        with self.assertRaises(ConfigErrors) as caught:
            load(written(self, text))
        said = [str(error).partition("system.yaml")[2] for error in caught.exception.errors]
        self.assertEqual([":2:1:", ":1:8:", ":4:16:"], [each.split(" ")[0] for each in said])
        self.assertIn("did you mean 'namespace'?", said[0])

    def test_overridden_address(self) -> None:
        """An address of the command line is told by its option."""
        with self.assertRaises(ConfigError) as caught:
            load(written(self, GOOD), ["redis:sentinel://h"])
        self.assertTrue(str(caught.exception).startswith("--set-option redis: sentinel://"))

    def test_no_file(self) -> None:
        """A single worker may do with the command line alone."""
        config = load(None, ["transport_name:x"], "tests.service.support.Plain")
        (worker,) = config.workers
        self.assertEqual("x", worker.config["transport_name"])


class Building(TestCase):
    """A service of parts, in the order of the file."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))
        self.clock = Clock()

    def test_life(self) -> None:
        """Workers start and stop with their broker, middleware and shared options."""
        system = build(load(written(self, GOOD)), self.clock)
        self.assertEqual(
            ["the broker", "worker 'one'", "worker 'two'"], [part.name for part in system.parts]
        )
        self.assertEqual(7.0, system.stop_timeout)
        system.startService()
        self.assertTrue(self.successResultOf(system.ready))
        one, two = (part.owner.worker for part in system.parts[1:])
        self.assertEqual(["pass"], [each.name for each in one.middlewares])
        self.assertEqual((200, 3), (one.config.max_in_flight, two.config.max_in_flight))
        self.assertIs(one.broker, two.broker)
        stopped = system.stopService()
        self.clock.pump([1.0] * 10)
        self.successResultOf(stopped)
        self.assertFalse(one.broker.available)

    def test_stop(self) -> None:
        """A worker that has done all there was to do can end the process."""
        stops: list[bool] = []
        self.clock.stop = lambda: stops.append(True)  # type: ignore[attr-defined]  # a reactor's
        system = build(load(written(self, GOOD)), self.clock, only=["one"])
        system.startService()
        system.parts[-1].owner.worker.runtime.stop()
        self.assertEqual([True], stops)
        stopped = system.stopService()
        self.clock.pump([1.0] * 10)
        self.successResultOf(stopped)

    def test_only(self) -> None:
        """Some of the workers, by name."""
        system = build(load(written(self, GOOD)), self.clock, only=["two"])
        self.assertEqual(["the broker", "worker 'two'"], [part.name for part in system.parts])

    def test_unknown_worker(self) -> None:
        """A worker that isn't there is named, with the one that was meant."""
        with self.assertRaises(ConfigError) as caught:
            build(load(written(self, GOOD)), self.clock, only=["tow"])
        self.assertEqual(
            "--worker: there is no worker 'tow' (did you mean 'two'?)", str(caught.exception)
        )

    def test_everything_wrong(self) -> None:
        """All that is wrong with all workers is said at once, each with its position."""
        with self.assertRaises(ConfigErrors) as caught:
            build(load(written(self, WRONG)), self.clock)
        said = [str(error).partition("system.yaml")[2] for error in caught.exception.errors]
        for expected, text in zip(
            (
                ":3:16: module 'tests.service.support' has no 'Plian'",
                ":7:5: there is no option 'greting'",
                ":12:9: module 'tests.service.support' has no 'Passign'",
                ":13:17: 'collections.OrderedDict' is no worker",
                ":14:3: transport_name",
            ),
            said,
            strict=True,
        ):
            self.assertTrue(text.startswith(expected), text)
        self.assertIn("did you mean 'Plain'?", said[0])
        self.assertIn("did you mean 'greeting'?", said[1])
        self.assertIn("did you mean 'Passing'?", said[2])

    def test_failed_start(self) -> None:
        """A worker that can't start is named, and the others are stopped again."""
        failures: list[str] = []
        text = GOOD.replace(
            "two: {class: tests.service.support.Plain", "two: {class: tests.service.support.Broken"
        )
        system = build(load(written(self, text)), self.clock, failed=failures.append)
        system.startService()
        self.clock.pump([1.0] * 10)
        self.assertFalse(self.successResultOf(system.ready))
        self.assertEqual(["worker 'two' could not start: RuntimeError: no coffee"], failures)
        self.assertFalse(system.parts[1].owner.worker.broker.available)
        self.assertEqual(1, len(self.flushLoggedErrors(RuntimeError)))


class Classes(TestCase):
    """Which classes can be workers."""

    def test_worker(self) -> None:
        """A class that derives from Worker."""
        self.assertIs(Plain, worker_class("tests.service.support.Plain"))

    def test_no_worker(self) -> None:
        """Anything else is refused, with its position."""
        with self.assertRaises(ConfigError) as caught:
            worker_class("pathlib.Path", "a.yaml:1:2")
        self.assertIn("a.yaml:1:2: 'pathlib.Path' is no worker", str(caught.exception))
