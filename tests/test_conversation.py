"""The example of a conversation: one application, three transports, and a dispatcher between."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase
from websockets.sync.client import ClientConnection, connect

from tests.service.support import ROOT, command
from tests.test_examples import post
from tests.test_two_processes import free_port

FILE = str(ROOT / "examples" / "conversation.yaml")
MENU = "Say 1 to order, 2 for our hours, 0 to leave."
PATIENCE = 60


class Lines:
    """A guest with a socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._heard = self._socket.makefile("r", encoding="utf-8", newline="\r\n")

    def say(self, line: str) -> str:
        """The answer to a line."""
        self.send(line)
        return self.hear()

    def send(self, *lines: str) -> None:
        """Say lines without waiting for answers."""
        self._socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def hear(self) -> str:
        """The next line; "" when the connection is closed."""
        return self._heard.readline().rstrip("\r\n")

    def leave(self) -> None:
        self._heard.close()
        self._socket.close()


class Chat:
    """A guest with a browser."""

    def __init__(self, port: int) -> None:
        url = f"ws://127.0.0.1:{port}/"
        self._connection: ClientConnection = connect(url, proxy=None, open_timeout=PATIENCE)

    def say(self, text: str) -> str:
        """The answer to a text."""
        self._connection.send(text)
        return self.hear()

    def hear(self) -> str:
        """The next text."""
        return str(self._connection.recv(PATIENCE))

    def leave(self) -> None:
        self._connection.close()


class Web:
    """A guest, or who works there, who posts."""

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        self._name = name

    def say(self, text: str, **fields: Any) -> str:
        """The answer to a message."""
        said = {"from_addr": self._name, "content": text, **fields}
        status, answer = post(self._port, "/messages?wait=30", said)
        if status != 200:
            raise AssertionError(f"{status}: {answer}")
        return str(answer["content"])


class Conversation(TestCase):
    """Guests of every transport at the same time."""

    timeout = 240

    def setUp(self) -> None:
        self.ports = {name: free_port() for name in ("LINES_PORT", "CHAT_PORT", "PORT")}
        self.environment = {f"PIPELINE_{name}": str(port) for name, port in self.ports.items()}

    def start(self, *workers: str, ready: str, options: Sequence[str] = ()) -> Any:
        """A process with these workers, or all."""
        chosen = [word for name in workers for word in ("--worker", name)]
        chosen += [word for option in options for word in ("--set-option", option)]
        process = command(self, "run", FILE, *chosen, **self.environment)
        process.wait_for_error(f"worker {ready!r} is ready")
        return process

    def ended(self, *processes: Any) -> None:
        """Stop processes; they end well."""
        for process in processes:
            self.assertEqual(0, process.terminate()[0])

    def talk(self) -> None:
        """What everybody says, and hears."""
        lines, chat = Lines(self.ports["LINES_PORT"]), Chat(self.ports["CHAT_PORT"])
        web, staff = Web(self.ports["PORT"], "ada"), Web(self.ports["PORT"], "mei")
        self.assertEqual(f"Welcome to the green house. {MENU}", lines.hear())
        self.assertEqual(f"Welcome to the blue house. {MENU}", chat.hear())
        welcome = web.say("hi", to_addr="house-red")
        self.assertEqual(f"Welcome to the red house. {MENU}", welcome)
        for guest in (lines, chat, web):
            self.assertEqual(f"We are open from 7 to 19. {MENU}", guest.say("2"))
            self.assertEqual("How many cups?", guest.say("1"))
            self.assertEqual("A number from 1 to 20, please.", guest.say("many"))
        for cups, guest in enumerate((lines, chat, web), 1):
            self.assertEqual(f"{cups} cups, in a moment. {MENU}", guest.say(str(cups)))
        self.assertEqual("3 told", staff.say("ready"))
        self.assertEqual("Your tea is ready.", lines.hear())
        self.assertEqual("Your tea is ready.", chat.hear())
        while staff.say("report") != "1 could not be told":  # no request of ada's waits
            pass
        self.assertEqual("0 told", staff.say("ready"))
        self.assertRegex(lines.say("0"), r"^Goodbye after \d+ s\.$")
        self.assertEqual("", lines.hear())
        self.assertRegex(chat.say("0"), r"^Goodbye after \d+ s\.$")
        self.assertEqual("Goodbye.", web.say("0"))
        lines.leave()
        chat.leave()

    def test_one_process(self) -> None:
        """Everybody is heard, answered and told, whatever they came over."""
        process = self.start(ready="web")
        self.talk()
        self.ended(process)

    def test_processes(self) -> None:
        """The same with a process for each transport, and two of the dispatcher."""
        self.environment["PIPELINE_REDIS"] = f"embedded://{Path(self.mktemp()).absolute()}"
        house = self.start("house", ready="house")
        others = [self.start(name, ready=name) for name in ("switch", "switch", "lines", "chat")]
        others.append(self.start("web", ready="web"))
        self.talk()
        self.ended(*others, house)

    def test_supervised(self) -> None:
        """The same with everything in two processes, under a supervisor."""
        options = ["--processes", "2"]
        for name in ("switch", "house"):
            options += ["--set-option", f"workers.{name}.ordering:strict"]
        process = command(self, "run", FILE, *options, **self.environment)
        process.wait_for_error("all 2 processes are ready")
        self.talk()
        self.ended(process)

    def test_killed(self) -> None:
        """One of two processes of the dispatcher is killed while everybody talks: what it had in
        hand is carried on by the other, in order if that is strict, and nobody hears anything
        twice."""
        self.environment["PIPELINE_REDIS"] = f"embedded://{Path(self.mktemp()).absolute()}"
        options = ["dead_after:2", "workers.switch.ordering:strict"]
        house = self.start("house", ready="house", options=options)
        first, second = (self.start("switch", ready="switch", options=options) for _ in range(2))
        lines = self.start("lines", ready="lines", options=options)
        guests = [Lines(self.ports["LINES_PORT"]) for _ in range(10)]
        for guest in guests:
            self.assertTrue(guest.hear().startswith("Welcome"))
        for guest in guests:
            guest.send("2", "2")
        first.kill()
        for guest in guests:
            guest.send("2", "0")
        for guest in guests:
            heard = [guest.hear() for _ in range(5)]
            self.assertEqual([f"We are open from 7 to 19. {MENU}"] * 3, heard[:3])
            self.assertRegex(heard[3], r"^Goodbye after \d+ s\.$")
            self.assertEqual("", heard[4])
            guest.leave()
        self.ended(second, lines, house)

    def test_session(self) -> None:
        """A session is one guest's, of one connection: who comes again begins again; who says it
        has ended, and who comes over HTTP without a session begins one."""
        process = self.start(ready="web")
        first, second = (Lines(self.ports["LINES_PORT"]) for _ in range(2))
        for guest in (first, second):
            self.assertTrue(guest.hear().startswith("Welcome"))
        self.assertEqual("How many cups?", first.say("1"))
        self.assertEqual(MENU, second.say("5"))
        first.leave()
        again = Lines(self.ports["LINES_PORT"])
        self.assertTrue(again.hear().startswith("Welcome"))
        self.assertEqual(MENU, again.say("5"))
        web = Web(self.ports["PORT"], "ada")
        self.assertTrue(web.say("1").startswith("Welcome to our house."))
        self.assertEqual("How many cups?", web.say("1"))
        self.assertTrue(web.say("", session_event="new").startswith("Welcome"))
        self.assertEqual(MENU, web.say("17"))
        self.assertTrue(re.fullmatch(r"Goodbye after \d+ s\.", web.say("0")))
        for guest in (second, again):
            guest.leave()
        self.ended(process)
