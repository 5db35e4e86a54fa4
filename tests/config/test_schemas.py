"""Systems and workers are values; parts of a document are checked against their options."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.config.base import Config
from pipeline.config.fields import ConfigText
from pipeline.config.numbers import ConfigInt
from pipeline.config.problems import ConfigErrors
from pipeline.config.schemas import SystemConfig, WorkerSpec, checked, listed_names
from pipeline.config.settings import NamespaceConfig
from pipeline.config.source import parse_document
from pipeline.errors import ConfigError


class WebConfig(Config):
    listen = ConfigText("Where.", required=True, static=True)
    port = ConfigInt("Which.", default=80)


class Checked(TestCase):
    """checked()."""

    def test_right(self) -> None:
        """A part of a document becomes a config, static if wanted."""
        document = parse_document("web: {listen: a}\n", "a.yaml")
        self.assertEqual("a", checked(WebConfig, document, ("web",)).listen)
        config = checked(WebConfig, document, ("web",), static=True)
        self.assertRaises(ConfigError, lambda: config.port)

    def test_wrong(self) -> None:
        """Unknown keys, missing and wrong options are told together, each with its position."""
        document = parse_document("top: 1\nweb:\n  litsen: a\n  port: 1.5\n", "a.yaml")
        error = self.assertRaises(ConfigErrors, checked, WebConfig, document, ("web",))
        expected = [
            "a.yaml:3:3: there is no option 'litsen' (did you mean 'listen'?)",
            "a.yaml:2:1: listen: required, but missing",
            "a.yaml:4:9: port: expected a whole number, got 1.5",
        ]
        self.assertEqual("\n".join(expected), str(error))

    def test_absent(self) -> None:
        """A part that isn't there, or is no mapping, is told at the nearest position."""
        document = parse_document("web: 5\n", "a.yaml")
        error = self.assertRaises(ConfigError, checked, WebConfig, document, ("nope",))
        self.assertEqual("a.yaml:1:1: listen: required, but missing", str(error))
        error = self.assertRaises(ConfigError, checked, WebConfig, document, ("web",))
        self.assertEqual("a.yaml:1:6: expected a mapping of options, got 5", str(error))


class Values(TestCase):
    """SystemConfig and WorkerSpec."""

    def test_defaults(self) -> None:
        """A SystemConfig made by hand has the same defaults as an empty file."""
        by_hand = SystemConfig()
        read = SystemConfig.of(NamespaceConfig())
        for name in ("namespace", "redis", "codec", "partitions", "dead_after", "max_in_flight"):
            self.assertEqual(getattr(by_hand, name), getattr(read, name))
        self.assertEqual(((), None), (by_hand.workers, by_hand.folder))

    def test_of(self) -> None:
        """A SystemConfig of settings has them all."""
        worker = WorkerSpec("web", "a.B")
        settings = NamespaceConfig({"namespace": "n", "debug": True, "retry": {"attempts": 2}})
        system = SystemConfig.of(settings, (worker,), Path("f"))
        self.assertEqual(("n", True, 2), (system.namespace, system.debug, system.retry.attempts))
        self.assertEqual(((worker,), Path("f")), (system.workers, system.folder))

    def test_names(self) -> None:
        """The names of a middleware list are found, whatever else is in it."""
        entries = [{"log": "a.B"}, "a.C", {"tag": {"class": "a.D"}}, 5]
        self.assertEqual(("log", "tag"), listed_names(entries))
        self.assertEqual((), listed_names(None))
        spec = WorkerSpec("web", "a.B", {"middleware": entries})
        self.assertEqual(("log", "tag"), spec.middleware_names)
        self.assertIsNone(spec.at(("middleware",)))
