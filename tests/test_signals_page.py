"""docs/signals.md says what is sent, and it is sent, in a real system; whatever listeners do."""

from __future__ import annotations

import http.client
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline import signals
from pipeline.delivery import Post
from pipeline.errors import TaskFailed
from pipeline.message.envelope import Message, register
from pipeline.service.build import build, load
from pipeline.signals import Signal
from pipeline.state.messages import MessageStore
from pipeline.testing import override_config
from pipeline.testing.server import shared_server, unique_namespace
from tests import signalled
from tests.service.support import ROOT
from tests.workers import inbound

PAGE = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \|([^|]*)\| [^|]+\|$", re.MULTILINE)
ALL = {name: each for name, each in vars(signals).items() if isinstance(each, Signal)}

SYSTEM = """
namespace: {namespace}
redis: {address}
retry: {{base: 0.05, jitter: 0}}
workers:
  site:
    class: pipeline.applications.requests.RequestApplication
    transport_name: web
    routes: tests.signalled.routes
    templates: pages
    middleware: [{{missing: pipeline.middleware.not_found.NotFoundMiddleware}}]
  moody:
    class: tests.signalled.Moody
    transport_name: sms
    middleware: [{{kept: pipeline.middleware.message_storing.StoringMiddleware}}]
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: jobs
    tasks: [tests.signalled]
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: web
    listen: "tcp:0"
    requests: true
"""


class ListenerError(Exception):
    """What every listener here raises."""


class Told(TestCase):
    """What the page says."""

    def test_all(self) -> None:
        """Every signal is on the page, and nothing else."""
        self.assertEqual(set(ALL), {name for name, *_ in ROW.findall(PAGE)})
        self.assertEqual(set(ALL), set(signals.__all__) - {"DEBUG", "Signal", "receiver"})


class Sent(TestCase):
    """A system over a real server, where a listener of every signal fails."""

    timeout = 120

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.named: dict[str, set[str]] = {}
        self.senders: dict[str, Any] = {}
        for name, signal in ALL.items():
            self._listen(name, signal)

    def _listen(self, name: str, signal: Signal) -> None:
        def fails(sender: Any, **named: Any) -> None:
            del named["signal"]
            self.named[name] = set(named)
            self.senders[name] = sender
            raise ListenerError(name)

        signal.connect(fails, weak=False)
        self.addCleanup(signal.disconnect, fails)

    async def test_all(self) -> None:
        """Each is sent with what the page says, and its failing listener changes nothing."""
        shown: list[str] = []
        example = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
        namespace: dict[str, Any] = {"print": shown.append}
        exec(example, namespace)
        self.addCleanup(ALL["message_dead_lettered"].disconnect, namespace["notice"])
        await self._live()
        self.flushLoggedErrors(KeyError)
        errors = {str(each.value) for each in self.flushLoggedErrors(ListenerError)}
        told = {
            name: set(re.findall(r"`(\w+)`", arguments)) for name, _, arguments in ROW.findall(PAGE)
        }
        self.assertEqual(told, self.named)
        self.assertEqual(set(told), errors)
        self.assertRegex(shown[0], "^sms: .* is a dead letter: permanent$")
        self._check_senders()

    def _check_senders(self) -> None:
        """The page says whose each is."""
        kinds = {
            "the `System`": "System",
            "the worker": ("Moody", "RequestApplication", "HttpTransport"),
            "the broker": "RedisBroker",
            "the task": "Task",
            "the connector": ("Connector", "OrderedConnector"),
            "the message's class": "type",
            "the class": ("StructMeta", "type"),
            "the application": "RequestApplication",
            "the response": "TemplateResponse",
            "the class of the options": "type",
        }
        for name, sender, _ in ROW.findall(PAGE):
            of = self.senders[name]
            found = "type" if isinstance(of, type) else type(of).__name__
            self.assertIn(found, kinds[sender], name)

    async def _live(self) -> None:
        system = build(load(self._file()), self.reactor)
        system.startService()
        self.addCleanup(system.stopService)
        self.assertTrue(await system.ready)
        workers = {
            part.owner.worker.name: part.owner.worker
            for part in system.parts
            if part.name.startswith("worker")
        }
        await self._ask(workers["web"].port.getHost().port)
        await self._say(workers["moody"])
        await self._call(workers["moody"].client)
        with override_config(workers["moody"], max_in_flight=7):
            self.assertEqual(7, workers["moody"].config.max_in_flight)
        self._register()
        await system.stopService()

    async def _ask(self, port: int) -> None:
        """Pages are as if nobody listened."""
        self.assertEqual((200, b"<p>Ada</p>"), await deferToThread(_answer, port, "/page"))
        self.assertEqual(500, (await deferToThread(_answer, port, "/broken"))[0])
        self.assertEqual(404, (await deferToThread(_answer, port, "/nowhere"))[0])

    async def _say(self, moody: Any) -> None:
        """So are messages: answered, dropped, tried again, dead letters, kept and forgotten."""
        said = [
            inbound(content, transport_name="sms") for content in ("hi", "drop", "retry", "die")
        ]
        posts = [Post("sms.inbound", moody.codec.encode(each)) for each in said]
        await moody.broker.publish(posts)
        while not (
            moody.handled.count("retry") == 2
            and (await moody.broker.depth("sms.outbound")).waiting == 2
            and len(await moody.broker.dead("sms.inbound")) == 1
        ):
            await deferLater(self.reactor, 0.02)
        messages = MessageStore(moody)
        for each in said[:3]:
            kept = await messages.get_message(each.message_id)
            self.assertEqual(each.content, getattr(kept, "content", None))
        self.assertTrue(await messages.delete_message(said[0].message_id))
        self.assertIsNone(await messages.get_message(said[0].message_id))

    async def _call(self, client: Any) -> None:
        """So are tasks: finished at the second try, failed, cancelled."""
        signalled.tries.clear()
        counting = await client.send(signalled.counted, [3])
        failing = await client.send(signalled.doomed)
        waiting = await client.send(signalled.endless)
        self.assertEqual(3, await counting.result(30))
        with self.assertRaises(TaskFailed):
            await failing.result(30)
        self.assertTrue(await waiting.cancel())
        while "task_cancelled" not in self.named:
            await deferLater(self.reactor, 0.02)

    def _register(self) -> None:
        class Parcel(Message, tag=f"parcel_{uuid4().hex}"):
            """A kind of message."""

        self.assertIs(Parcel, register(Parcel))

    def _file(self) -> str:
        folder = Path(self.mktemp()).absolute()
        (folder / "pages").mkdir(parents=True)
        (folder / "pages" / "page.html").write_text("<p>{{ name }}</p>", encoding="utf-8")
        path = folder / "system.yaml"
        text = SYSTEM.format(namespace=unique_namespace(), address=shared_server())
        path.write_text(text, encoding="utf-8")
        return str(path)


def _answer(port: int, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Referer": "http://elsewhere.example/"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
