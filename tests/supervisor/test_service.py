"""A supervisor of real processes, over a real server, under load."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pty
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.quick import SKIP
from tests.service.support import PATIENCE, PIPELINE, ROOT, Process, command, written
from tests.test_two_processes import free_port, is_alive

SHOP = """
namespace: shop
redis: embedded://
stop_timeout: 10s
dead_after: 2s
supervisor: {processes: 2, hung_after: 5s, max_memory: 180M}
monitor: {listen: "tcp:${SHOP_MONITOR}"}
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: shop
    tasks: [tests.supervisor.shop]
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: shop
    listen: "tcp:${SHOP_PORT}:interface=127.0.0.1"
"""


class Client(threading.Thread):
    """Asks again and again, over a connection of its own each time."""

    def __init__(self, ask: Callable[[str], Any]) -> None:
        super().__init__(daemon=True)
        self.answers: list[Any] = []
        self.errors: list[str] = []
        self._ask = ask
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            try:
                self.answers.append(self._ask("who"))
            except (OSError, AssertionError, http.client.HTTPException) as error:
                self.errors.append(repr(error))

    def end(self) -> None:
        """Ask no more."""
        self._is_over.set()
        self.join(PATIENCE)


class Supervised(TestCase):
    """A supervisor, two processes, and what befalls them."""

    skip = SKIP

    timeout = 300

    def setUp(self) -> None:
        self.port, self.monitor = free_port(), free_port()
        self.said = Path(self.mktemp()).absolute()
        self.said.touch()
        self.file = written(self, SHOP)
        self.pids: set[int] = set()

    def start(self, *args: str) -> Process:
        process = command(self, "run", self.file, *args, **self.environment())
        self.process = process
        self.heard("all 2 processes are ready")
        return process

    def environment(self) -> dict[str, str]:
        return {
            "SHOP_PORT": str(self.port),
            "SHOP_MONITOR": str(self.monitor),
            "SHOP_SAID": str(self.said),
            "NOTIFY_SOCKET": f"{self.said}.notify",
        }

    def look(self, path: str) -> tuple[int, str]:
        """What the monitor answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.monitor, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def counted(self) -> float:
        """How many calls have been done, as all processes together say."""
        status, text = self.look("/metrics")
        self.assertEqual(200, status)
        pattern = r'^pipeline_messages_settled_total\{.*queue="shop.inbound".*\} (\S+)$'
        return sum(float(number) for number in re.findall(pattern, text, re.MULTILINE))

    def heard(self, text: str) -> list[str]:
        """All lines of the log up to the next one with this text."""
        lines: list[str] = []
        assert self.process._process.stderr is not None
        for line in self.process._process.stderr:
            lines.append(line)
            self.pids.update(int(pid) for pid in re.findall(r"is ready, pid (\d+)", line))
            if text in line:
                return lines
        raise AssertionError(f"no {text!r} in:\n{''.join(lines)}")

    def ask(self, task: str, *args: Any, query: str = "?wait=30") -> Any:
        """What a call of a task answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            headers = {"Content-Type": "application/json", "Connection": "close"}
            path = f"/tasks/{task}{query}"
            connection.request("POST", path, json.dumps(list(args)), headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status not in (200, 202):
            raise AssertionError(f"{response.status}: {answer}")
        return answer.get("value")

    def until(self, claim: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not claim():
            self.assertLess(time.monotonic(), end, what)
            time.sleep(0.05)

    def lines(self) -> list[str]:
        return self.said.read_text(encoding="utf-8").splitlines()

    def rewrite(self, before: str, after: str) -> None:
        """Change the configuration."""
        path = Path(self.file)
        path.write_text(path.read_text("utf-8").replace(before, after), encoding="utf-8")

    def test_reload(self) -> None:
        """A configuration that is wrong is told of and changes nothing; a right one is taken over,
        and while requests come all the time none of them fails, and what is counted grows. Then
        the configuration has another port, and three processes; all end as they are asked to.
        Systemd is told of all of it."""
        told_systemd = self.systemd()
        process = self.start()
        before = set(self.pids)
        self.assertEqual((200, 200), (self.look("/live")[0], self.look("/ready")[0]))
        client = Client(self.ask)
        client.start()
        self.rewrite("transport_name: shop\n    listen", "transprot_name: shop\n    listen")
        process.signal(signal.SIGHUP)
        lines = self.heard("all goes on with the old one")
        told = [line for line in lines if "there is no option 'transprot_name'" in line]
        self.assertIn("system.yaml:", told[0])
        counted = self.counted()
        self.assertGreater(counted, 0)
        self.rewrite("transprot_name", "transport_name")
        process.signal(signal.SIGHUP)
        self.heard("the new configuration has been taken over")
        client.end()
        self.assertEqual([], client.errors)
        self.assertGreater(len(client.answers), 10)
        self.assertGreater(self.counted(), counted)
        after = self.pids - before
        self.assertEqual(2, len(after))
        self.assertTrue(set(client.answers) <= before | after)
        self.assertEqual([], [pid for pid in before if is_alive(pid)])
        old, self.port = self.port, free_port()
        self.rewrite("${SHOP_PORT}", str(self.port))
        self.rewrite("processes: 2", "processes: 3")
        process.signal(signal.SIGHUP)
        self.heard("the new configuration has been taken over")
        self.heard("process 3 is ready")
        self.assertIn(self.ask("who"), self.pids)
        with self.assertRaises(ConnectionRefusedError):
            http.client.HTTPConnection("127.0.0.1", old, timeout=PATIENCE).connect()
        status, out, err = process.terminate()
        self.assertEqual((0, ""), (status, out), err)
        self.assertNotIn("Traceback", err)
        self.assertEqual([], [pid for pid in self.pids if is_alive(pid)])
        told = told_systemd()
        self.assertRegex(told, r"(?s)READY=1.*RELOADING=1.*READY=1.*STOPPING=1")

    def systemd(self) -> Callable[[], str]:
        """Who is told as systemd is; gives all that it was told."""
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        heard.bind(self.environment()["NOTIFY_SOCKET"])
        datagrams: list[str] = []

        def hear() -> None:
            while not datagrams or datagrams[-1] != "over":
                datagrams.append(heard.recv(4096).decode())
            heard.close()

        def told() -> str:
            heard.sendto(b"over", self.environment()["NOTIFY_SOCKET"])
            hearing.join(PATIENCE)
            return "\n".join(datagrams)

        hearing = threading.Thread(target=hear, daemon=True)
        hearing.start()
        return told

    def test_troubles(self) -> None:
        """A process is killed under load: all that was taken is done. One hangs, one has too much
        memory: each is replaced, and told of. When the supervisor is killed itself, all end."""
        process = self.start()
        for number in range(100):
            self.ask("count", number, query="?wait=0")
        os.kill(min(self.pids), signal.SIGKILL)
        self.heard("was killed by SIGKILL: another one is started in 0.1 s")
        status, told = self.look("/ready")
        self.assertEqual((503, True), (status, "process " in told), told)
        self.heard("is ready, pid")
        done = {f"counted {number}" for number in range(100)}
        self.until(lambda: done <= set(self.lines()), "all is done")
        with contextlib.suppress(
            http.client.HTTPException, OSError
        ):  # the process that took it may hang
            self.ask("hang", query="?wait=0")
        self.until(lambda: "hangs" in self.lines(), "it hangs")
        self.heard("gives no sign of life for 5 s: it is ended")
        self.heard("is ready, pid")
        fat = self.ask("hold", 200)
        self.assertRegex(
            self.heard("more than max_memory (180 MB)")[-1], r"process [12] has \d+ MB"
        )
        self.heard("is ready, pid")
        self.until(lambda: not is_alive(fat), "the old one has ended")
        self.assertIn(self.ask("who"), self.pids - {fat})
        process.kill()
        self.until(lambda: not any(map(is_alive, self.pids)), "all have ended")

    def test_terminal(self) -> None:
        """When its terminal is closed it ends, and its processes with it, though SIGHUP otherwise
        means something else."""
        pid, terminal = pty.fork()
        if not pid:
            try:
                environment = {**os.environ, **self.environment(), "PYTHONPATH": str(ROOT)}
                program = [sys.executable, "-c", PIPELINE, "run", self.file, "--processes", "1"]
                os.execve(sys.executable, program, environment)
            finally:
                os._exit(1)
        said = b""
        while b"the process is ready" not in said:
            said += os.read(terminal, 4096)
        self.assertIn(b"] ", said)
        [started] = re.findall(rb"process 1 is ready, pid (\d+)", said)
        os.close(terminal)
        self.assertEqual(0, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        self.assertFalse(is_alive(int(started)))

    def test_wrong(self) -> None:
        """What is wrong at the start ends it at once, with status 1 and words: a configuration, and
        a port that is taken."""
        environment = self.environment()
        options = ("--set-option", "redis:memory://", "--set-option", "supervisor.single:[wrk]")
        told = command(self, "run", self.file, *options, **environment).end()
        self.assertEqual(1, told[0])
        self.assertIn("a supervisor runs several", told[2])
        self.assertIn("there is no worker 'wrk' (did you mean 'work'?)", told[2])
        with socket.create_server(("127.0.0.1", self.port)):
            told = command(self, "run", self.file, **environment).end()
        self.assertEqual(1, told[0])
        self.assertEqual(
            f"pipeline: every socket could not start: cannot listen on 127.0.0.1:{self.port}:"
            " Address already in use",
            told[2].splitlines()[-1],
        )
