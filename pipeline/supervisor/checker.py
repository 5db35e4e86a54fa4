"""Has a configuration read in a process of its own, and gets the plan, or what is wrong."""

from __future__ import annotations

import subprocess

import msgspec

from pipeline.config.problems import ConfigErrors
from pipeline.errors import ConfigError
from pipeline.supervisor.plan import Answer, Asked, Plan
from pipeline.supervisor.program import command, environment

__all__ = ["Checker"]

#: Seconds in which a configuration must be read, with all that its workers import.
LIMIT = 300.0


class Checker:
    """Checks a configuration with the code of its workers, as both are now.

    :param asked: which.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._process: subprocess.Popen[bytes] | None = None

    def plan(self) -> Plan:
        """Block until it is read.

        :raise ConfigError: something is wrong with it.
        """
        self._process = subprocess.Popen(
            command("pipeline.supervisor.planning"),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is for us; it would die of it with a traceback.
            start_new_session=True,
        )
        try:
            told, _ = self._process.communicate(msgspec.json.encode(self._asked), timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise ConfigError(f"it could not be read within {LIMIT:g} s") from None
        finally:
            self.stop()
        return self._understood(told, self._process.returncode)

    def stop(self) -> None:
        """Give up, if it still reads."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _understood(self, told: bytes, status: int) -> Plan:
        if status:
            raise ConfigError(f"it could not be read: the process that did ended with {status}")
        try:
            answer = msgspec.json.decode(told, type=Answer)
        except msgspec.DecodeError:
            what = "it could not be read: the process that did ended without a word"
            raise ConfigError(what, hint="does the code of a worker end Python?") from None
        if answer.plan is None:
            raise ConfigErrors(problem.error() for problem in answer.problems)
        return answer.plan
