"""The processes of a run: started, hurt, started again, ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.faults.clocks import JUMPS
from tests.faults.plan import Plan

__all__ = ["UP", "Crew", "Member"]

ROOT = Path(__file__).resolve().parents[2]
#: Seconds that a start, and a polite end, may take.
START, END = 30.0, 20.0
#: What a process logs when it is ready.
UP = "is up"

Jumps = Sequence[tuple[float, float]]


class Member:
    """One process, and those that replace it.

    :param command: its program and arguments.
    :param log: the file that it prints to.
    :param jumps: how its clock is wrong.
    """

    def __init__(self, role: str, command: Sequence[str], log: Path, jumps: Jumps) -> None:
        self.role = role
        self.log = log
        self._command = command
        self._environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            **({JUMPS: json.dumps(list(jumps))} if jumps else {}),
        }
        self.start()

    @property
    def pid(self) -> int:
        """The process that runs now."""
        return self._process.pid

    def start(self) -> None:
        """Run it."""
        with self.log.open("ab") as out:
            self._log_start = out.tell()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=self._environment,
            )

    def wait_until_up(self) -> None:
        """Block until it is ready; only then it knows how to end."""
        until = time.monotonic() + START
        while time.monotonic() < until and self._process.poll() is None:
            if UP.encode() in self.log.read_bytes()[self._log_start :]:
                return
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def revive(self) -> bool:
        """Start it again if it has died; whether it had."""
        if self._process.poll() is None:
            return False
        self.start()
        return True

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self._process.poll() is None:
            self._process.send_signal(number)

    def end(self) -> int | None:
        """Wait for its end after SIGTERM; its status, None when it had to be killed."""
        try:
            return self._process.wait(END)
        except subprocess.TimeoutExpired:
            self.kill()
            return None


class Crew:
    """All processes of a run.

    :param plan: what each is given.
    :param server: the URL that they connect to.
    :param folder: where their logs are, and the feeder's record.
    """

    def __init__(self, plan: Plan, server: str, folder: Path) -> None:
        self.record = folder / "acknowledged"
        self.members: list[Member] = []
        #: What ended otherwise than it should.
        self.complaints: list[str] = []
        self._plan = plan
        self._server = server
        self._folder = folder

    def hire(self, role: str, jumps: Jumps = ()) -> Member:
        """Start a process, in one of the roles of :mod:`tests.faults.child`."""
        log = self._folder / f"{role}-{len(self.members)}.log"
        arguments = (role, self._plan.text(), self._server, str(self.record))
        command = (sys.executable, "-m", "tests.faults.child", *arguments)
        member = Member(role, command, log, jumps)
        self.members.append(member)
        return member

    @property
    def workers(self) -> list[Member]:
        """All but the feeder."""
        return [member for member in self.members if member.role != "feeder"]

    def retire(self, member: Member) -> None:
        """End a process politely, and say so if it does not end well."""
        member.wait_until_up()
        member.signal(signal.SIGTERM)
        self._see_off(member)

    def _see_off(self, member: Member) -> None:
        started = time.monotonic()
        status = member.end()
        if status != 0:
            took = time.monotonic() - started
            self.complaints.append(f"{member.log.stem} ended with {status} after {took:.1f} s")

    def wait_until_up(self) -> None:
        """Block until all are ready."""
        for member in self.members:
            member.wait_until_up()

    def dismiss(self) -> None:
        """End all, politely."""
        self.wait_until_up()
        for member in self.members:
            member.signal(signal.SIGTERM)
        for member in self.members:
            self._see_off(member)

    def kill(self) -> None:
        """End all as a crash would."""
        for member in self.members:
            member.kill()

    def logged(self, text: str) -> int:
        """How often a text stands in the logs."""
        logs = (member.log.read_text(encoding="utf-8", errors="replace") for member in self.members)
        return sum(log.count(text) for log in logs)
