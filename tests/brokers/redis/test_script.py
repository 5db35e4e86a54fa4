"""Scripts are read from the package and named by their hash."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.brokers.redis.script import Script
from pipeline.brokers.redis.wire import Wire
from pipeline.testing.server import shared_server


class Scripts(TestCase):
    def test_hash(self) -> None:
        """The hash of a script is the one that the server gives it."""
        script = Script("own", "return 'grüß'")
        wire = Wire(shared_server())
        self.addCleanup(wire.close)
        self.assertEqual(script.sha.encode(), wire.call("SCRIPT", "LOAD", script.source))

    def test_missing(self) -> None:
        """A script that the package does not have is an error at once."""
        self.assertRaises(FileNotFoundError, Script.load, "no-such.lua")

    def test_repr(self) -> None:
        """A script is shown by its name, not by its text."""
        self.assertEqual("Script(name='own')", repr(Script("own", "return 1")))
