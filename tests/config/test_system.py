"""Each form of configuration file is read, and what is wrong is told at once."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.config.schemas import SystemConfig, WorkerSpec
from pipeline.config.source import parse_document
from pipeline.config.system import load_system
from pipeline.errors import ConfigError

SYSTEM = """\
namespace: demo
redis: embedded://
middleware: [{log: a.Log}]
log: {log_level: info}
tag: {size: 1}
workers:
  web: {class: a.Web, transport_name: web, listen: "tcp:8080"}
  own:
    class: a.Own
    middleware: [{tag: a.Tag}, {extra: a.Extra}]
    extra: {x: 1}
"""

MANY = """\
workers: {one: a.One, two: a.Two}
defaults: {transport_name: sms, size: 1, middleware: [{log: a.Log}]}
two: {size: 2}
log: {log_level: info}
"""

SINGLE = """\
class: a.Sms
transport_name: sms
namespace: demo
middleware: [{log: a.Log}]
log: {log_level: info}
"""


def load(text: str, *overrides: str, worker_class: str | None = None) -> SystemConfig:
    """Read a text as a file called a.yaml."""
    return load_system(parse_document(text, "a.yaml", environment={}), overrides, worker_class)


class Right(TestCase):
    """What the forms mean."""

    def worker(self, text: str, name: str) -> WorkerSpec:
        """Give one worker of a text."""
        return {each.name: each for each in load(text).workers}[name]

    def test_system(self) -> None:
        """A system has a namespace and workers; the common middleware is each worker's."""
        system = load(SYSTEM)
        self.assertEqual(("demo", "embedded://"), (system.namespace, system.redis))
        self.assertEqual(["web", "own"], [worker.name for worker in system.workers])
        web = self.worker(SYSTEM, "web")
        expected = {
            "middleware": [{"log": "a.Log"}],
            "log": {"log_level": "info"},
            "transport_name": "web",
            "listen": "tcp:8080",
        }
        self.assertEqual(("a.Web", expected), (web.class_name, web.config))
        self.assertEqual("a.yaml:7:16", web.class_at)
        self.assertEqual("a.yaml:7:52", web.at(("listen",)))
        self.assertEqual("a.yaml:4:18", web.at(("log", "log_level")))
        self.assertEqual("a.yaml:7:3", web.at())

    def test_own_middleware(self) -> None:
        """A worker's own list replaces the common one; sections may stand at the top or in it."""
        own = self.worker(SYSTEM, "own")
        self.assertEqual(("tag", "extra"), own.middleware_names)
        sections = {key: own.config.get(key) for key in ("tag", "extra", "log")}
        self.assertEqual({"tag": {"size": 1}, "extra": {"x": 1}, "log": None}, sections)

    def test_no_middleware(self) -> None:
        """A worker whose list is null has none."""
        text = "middleware: [{log: a.L}]\nworkers: {web: {class: a.W, middleware: }}\n"
        self.assertEqual((), self.worker(text, "web").middleware_names)

    def test_many(self) -> None:
        """In Vumi's multi-worker file a worker's section goes over the defaults, shallowly."""
        one, two = self.worker(MANY, "one"), self.worker(MANY, "two")
        self.assertEqual(("a.One", "a.Two"), (one.class_name, two.class_name))
        self.assertEqual((1, 2), (one.config["size"], two.config["size"]))
        self.assertEqual("sms", two.config["transport_name"])
        self.assertEqual({"log_level": "info"}, one.config["log"])
        self.assertEqual("a.yaml:1:16", one.class_at)
        self.assertEqual("a.yaml:3:13", two.at(("size",)))

    def test_single(self) -> None:
        """A file without workers is one worker, named for its transport."""
        system = load(SINGLE)
        (worker,) = system.workers
        self.assertEqual(
            ("demo", "sms", "a.Sms"), (system.namespace, worker.name, worker.class_name)
        )
        self.assertEqual({"transport_name", "middleware", "log"}, set(worker.config))
        self.assertEqual("a.yaml:1:8", worker.class_at)
        self.assertEqual("a.yaml:2:17", worker.at(("transport_name",)))

    def test_single_class_given(self) -> None:
        """The class from the command line goes before the file's; the name has a fallback."""
        (worker,) = load(SINGLE, worker_class="b.Other").workers
        self.assertEqual(("b.Other", None), (worker.class_name, worker.class_at))
        (worker,) = load("transport_name: 'a b'\n", worker_class="b.Other").workers
        self.assertEqual("worker", worker.name)
        (worker,) = load("worker_name: w\ntransport_name: t\n", worker_class="b.Other").workers
        self.assertEqual("w", worker.name)

    def test_overrides(self) -> None:
        """Overrides go before the file."""
        system = load(SYSTEM, "workers.web.listen:tcp:0", "partitions:4")
        self.assertEqual("tcp:0", system.workers[0].config["listen"])
        self.assertEqual("--set-option workers.web.listen", system.workers[0].at(("listen",)))
        self.assertEqual(4, system.partitions)

    def test_file(self) -> None:
        """A file is read with its environment, and its folder is kept."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "a.yaml").write_text("class: a.B\nnamespace: ${NS}\n")
        system = load_system(folder / "a.yaml", environment={"NS": "x"})
        self.assertEqual(("x", folder.absolute()), (system.namespace, system.folder))


class Wrong(TestCase):
    """What is told."""

    def fails(self, text: str, worker_class: str | None = None) -> list[str]:
        """Assert that a text is refused, and give the errors' texts."""
        with self.assertRaises(ConfigError) as caught:
            load(text, worker_class=worker_class)
        return str(caught.exception).splitlines()

    def test_all(self) -> None:
        """Everything wrong is told at once, with positions."""
        text = """\
namespce: x
codec: msgpak
middleware: {log: a.Log}
workers:
  a b: {class: a.B}
  web: {transport_name: web}
  own: 5
  bad: {class: [a.B], middleware: 5}
"""
        codec_hint = "(did you mean 'msgpack'?)"
        class_hint = "(the dotted name of one, as package.module.Class)"
        list_hint = "(as [{name: package.Class}])"
        expected = [
            f"a.yaml:2:8: codec: expected one of json, msgpack, got 'msgpak' {codec_hint}",
            f"a.yaml:3:1: middleware: expected a list, got a mapping {list_hint}",
            "a.yaml:5:3: a worker's name is of letters, digits, '_', '.' and '-', got 'a b'",
            f"a.yaml:6:3: worker 'web' has no 'class' {class_hint}",
            "a.yaml:7:3: own: expected a mapping, got 5",
            f"a.yaml:8:9: worker 'bad' has a wrong 'class', a list {class_hint}",
            f"a.yaml:8:35: middleware: expected a list, got 5 {list_hint}",
            "a.yaml:1:1: there is no option 'namespce' (did you mean 'namespace'?)",
        ]
        self.assertEqual(expected, self.fails(text))

    def test_no_workers(self) -> None:
        """A system without workers is refused."""
        told = ["a.yaml:1:1: there must be at least one worker"]
        self.assertEqual(told, self.fails("workers: {}\n"))
        self.assertEqual(told, self.fails("workers:\n"))
        self.assertEqual(
            ["a.yaml:1:1: workers: expected a mapping, got a list"], self.fails("workers: [a]\n")
        )

    def test_misspelt_workers(self) -> None:
        """A file with neither workers nor a class is refused, with what was meant."""
        what = "there are no 'workers', and no 'class' for a single one"
        self.assertEqual(
            [f"a.yaml:1:1: {what} (did you mean 'workers'?)"], self.fails("wokers: {}\n")
        )
        self.assertEqual([f"a.yaml:1:1: {what}"], self.fails(""))

    def test_two_classes(self) -> None:
        """A class from the command line has no place in a file of several workers."""
        told = self.fails("workers: {a: {class: a.B}}\n", worker_class="b.C")
        text = "a.yaml:1:1: a worker class is for a single worker, and this file has 'workers'"
        self.assertEqual([text], told)
