"""The command line goes before the file."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.config.overrides import overridden
from pipeline.config.problems import ConfigErrors
from pipeline.config.source import parse_document
from pipeline.errors import ConfigError

TEXT = "a: 1\nworkers:\n  web: {listen: x, port: 2}\n  a.b: {port: 3}\n"


class Overrides(TestCase):
    """overridden()."""

    def test_top(self) -> None:
        """A key is set over the file's, or anew; the first colon splits."""
        document = parse_document(TEXT, "a.yaml")
        data = overridden(document, ["a:tcp:0:x", "new:5", "none:"]).data
        self.assertEqual(("tcp:0:x", 5, None), (data["a"], data["new"], data["none"]))
        self.assertEqual(1, document.data["a"])

    def test_deep(self) -> None:
        """Dots reach into mappings, make them where there are none, and spare the rest."""
        document = parse_document(TEXT, "a.yaml")
        changed = overridden(document, ["workers.web.listen:tcp:0", "x.y.z:[1]"])
        self.assertEqual({"listen": "tcp:0", "port": 2}, changed.data["workers"]["web"])
        self.assertEqual({"y": {"z": [1]}}, changed.data["x"])
        self.assertEqual("x", document.get(("workers", "web", "listen")))

    def test_dotted_key(self) -> None:
        """A key that has dots itself is reached too."""
        document = parse_document(TEXT, "a.yaml")
        data = overridden(document, ["workers.a.b.port:4"]).data
        self.assertEqual({"port": 4}, data["workers"]["a.b"])
        self.assertNotIn("a", data["workers"])

    def test_positions(self) -> None:
        """What was set stands on the command line, what was not in the file."""
        changed = overridden(parse_document(TEXT, "a.yaml"), ["workers.web.listen:y", "x.y:1"])
        place = "--set-option workers.web.listen"
        self.assertEqual(place, changed.at(("workers", "web", "listen")))
        self.assertEqual("a.yaml:3:26", changed.at(("workers", "web", "port")))
        self.assertEqual("a.yaml:3:3", changed.at(("workers", "web")))
        self.assertEqual("--set-option x.y", changed.at(("x",)))

    def test_wrong(self) -> None:
        """Overrides without a colon, or into what is no mapping, are told together."""
        document = parse_document(TEXT, "a.yaml")
        bad = ["a", ":5", "x..y:1", "a.b:1", "new:[1"]
        error = self.assertRaises(ConfigErrors, overridden, document, bad)
        expected = [
            "--set-option: expected key:value, got 'a'",
            "--set-option: expected key:value, got ':5'",
            "--set-option: expected key:value, got 'x..y:1'",
            "--set-option a.b: 'a' is 1, not a mapping to set an option in",
            "--set-option new: not a YAML value: '[1'",
        ]
        self.assertEqual("\n".join(expected), str(error))
        self.assertRaises(ConfigError, overridden, document, ["a"])
