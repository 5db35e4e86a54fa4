"""``pipeline hash``: hashes for authentication."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import TestCase

from pipeline.identity.credentials import hashed_token
from pipeline.transports.authentication import AuthenticationConfig

PIPELINE = "from pipeline.cli.main import main; main()"


class Hashing(TestCase):
    """The command, as a person runs it."""

    def hash(self, *args: str, said: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", PIPELINE, "hash", *args]
        return subprocess.run(
            command, input=said, capture_output=True, text=True, check=False, timeout=60
        )

    def test_password(self) -> None:
        """The hash of the first line can be used as it is."""
        done = self.hash(said="correct horse\nmore")
        config = AuthenticationConfig({"basic": {"ada": done.stdout.strip()}})
        self.assertTrue(config.basic["ada"].matches(b"correct horse"))
        self.assertNotIn("horse", done.stdout)

    def test_token(self) -> None:
        """A random token, with its hash."""
        done = self.hash("--token")
        (_, token), (_, hashed) = (line.split() for line in done.stdout.splitlines())
        self.assertEqual(hashed_token(token), hashed)
        self.assertGreater(len(token), 40)

    def test_short(self) -> None:
        """A password that can be guessed is refused, without a traceback."""
        done = self.hash(said="1234\n")
        self.assertEqual((1, ""), (done.returncode, done.stdout))
        self.assertEqual("pipeline: a password has at least 8 characters\n", done.stderr)
