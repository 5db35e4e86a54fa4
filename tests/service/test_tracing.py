"""Tracing, as a configuration asks for it, and as two real processes do it."""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from pipeline.config.schemas import SystemConfig
from pipeline.errors import ConfigError
from pipeline.observe.tracing import Tracing
from pipeline.service import connect, connect_sync, tracing
from pipeline.service.build import load
from pipeline.service.tracing import check_tracing, tracing_of
from pipeline.testing.server import own_server, shared_server, unique_namespace
from tests.service.support import command, written
from tests.test_house import run
from tests.test_two_processes import free_port

SYSTEM = """
namespace: shop
redis: %s
tracing: true
log_format: json
workers:
  work:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: web
    tasks: [tests.service.traced]
  web:
    class: pipeline.transports.http.HttpTransport
    transport_name: web
    listen: "tcp:%d:interface=127.0.0.1"
"""

CALLER, ROOT = f"{7:032x}", f"{9:016x}"


def post(port: int) -> Any:
    """Call the task within a trace of our own: the answer."""
    headers = {"Content-Type": "application/json", "traceparent": f"00-{CALLER}-{ROOT}-01"}
    url = f"http://127.0.0.1:{port}/tasks/pay"
    asked = urllib.request.Request(url, b"[5]", headers)
    with urllib.request.urlopen(asked, timeout=60) as got:
        return json.loads(got.read())


def exported(output: str) -> list[dict[str, Any]]:
    """The spans that the exporter for the console has written, one after another."""
    decoder, found, at = json.JSONDecoder(), [], output.find("{")
    while at >= 0:
        span, end = decoder.raw_decode(output, at)
        found.append(span)
        at = output.find("{", end)
    return found


class TwoProcesses(TestCase):
    """A transport and an application apart, over a real server."""

    timeout = 120

    async def test_trace(self) -> None:
        """A request, its task, which is tried again, what that does and sends, and the reply are
        one trace with the right parents; the log has its ids, and no span has a secret."""
        server = own_server()
        self.addCleanup(server.stop_now)
        port = free_port()
        system = written(self, SYSTEM % (f"unix://{server.address.path}", port))
        environment = {"OTEL_TRACES_EXPORTER": "console", "BANK": "open-sesame"}
        work, web = (
            command(self, "run", system, "--worker", name, **environment)
            for name in ("work", "web")
        )
        work.wait_for_error("worker 'work' is ready")
        web.wait_for_error("worker 'web' is ready")
        answer = await deferToThread(post, port)
        self.assertEqual(("finished", 5), (answer["status"], answer["value"]))
        work.wait_for("the receipt is out")
        (code, of_web, _), (code_too, of_work, log) = web.terminate(), work.terminate()
        self.assertEqual((0, 0), (code, code_too))
        self.assertNotIn("open-sesame", of_work)
        spans = exported(of_web) + exported(of_work)
        self.assertEqual({f"0x{CALLER}"}, {span["context"]["trace_id"] for span in spans})
        self._check_family(spans)
        records = [json.loads(line) for line in log.splitlines()]
        self._check_log(records, [span for span in spans if span["name"] == "charge"])
        self._check_child(records, [span for span in spans if span["name"] == "archive"])

    def _check_family(self, spans: list[dict[str, Any]]) -> None:
        ids = {span["context"]["span_id"]: span["name"] for span in spans}
        spans.sort(key=lambda span: str(span["start_time"]))
        family = [(span["name"], ids.get(span["parent_id"], "-")) for span in spans]
        self.assertEqual(
            [
                ("archive", "send archive"),
                ("charge", "pay"),
                ("charge", "pay"),
                ("pay", "send pay"),
                ("pay", "send pay"),
                ("process web.outbound", "publish web.outbound"),
                ("publish web.outbound", "pay"),
                ("receipt", "send receipt"),
                ("send archive", "pay"),
                ("send pay", "-"),
                ("send receipt", "archive"),
            ],
            sorted(family),
        )
        [sent] = [span for span in spans if span["name"] == "send pay"]
        self.assertEqual(f"0x{ROOT}", sent["parent_id"])
        runs = [span for span in spans if span["name"] == "pay"]
        told = [
            (s["attributes"]["pipeline.attempt"], s["attributes"]["pipeline.outcome"]) for s in runs
        ]
        self.assertEqual([(1, "retried"), (2, "done")], told)
        [reply] = [span for span in spans if span["name"] == "publish web.outbound"]
        self.assertEqual(runs[1]["context"]["span_id"], reply["parent_id"])
        self.assertEqual("shop", reply["resource"]["attributes"]["service.name"])

    def _check_log(self, records: list[Any], charges: list[dict[str, Any]]) -> None:
        ids = {
            (f"0x{record['trace_id']}", f"0x{record['span_id']}")
            for record in records
            if record["message"] == "charging"
        }
        expected = {(s["context"]["trace_id"], s["context"]["span_id"]) for s in charges}
        self.assertEqual(expected, ids)

    def _check_child(self, records: list[Any], runs: list[dict[str, Any]]) -> None:
        """A span in a process of a task is a child of the call's; the log knows the message."""
        [run] = runs
        [filed] = [record for record in records if "filed in" in record["message"]]
        told = [f"0x{id}" for id in filed["message"].split()[-2:]]
        self.assertEqual([run["context"]["trace_id"], run["context"]["span_id"]], told)
        self.assertEqual(run["attributes"]["messaging.message.id"], filed["message_id"])
        self.assertEqual("archive", filed["task"])


class Callers(TestCase):
    """Programs that send tasks within a span of their own."""

    def setUp(self) -> None:
        exporter = InMemorySpanExporter()
        self.exporter, self.provider = exporter, TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def test_connect(self) -> None:
        """What is sent by `connect` carries the span that sends it."""
        from tests.service.traced import receipt

        self.patch(connect, "tracing_of", lambda config: Tracing(self.provider))
        async with await connect.connect(SystemConfig(redis="memory://")):
            with self.provider.get_tracer("x").start_as_current_span("caller") as caller:
                await receipt.send(5)
        self._check(caller)

    def test_connect_sync(self) -> None:
        """What is sent by `connect_sync` does, too."""
        from tests.service.traced import receipt

        self.patch(connect_sync, "tracing_of", lambda config: Tracing(self.provider))
        url = f"unix://{shared_server().path}"
        system = SystemConfig(redis=url, namespace=unique_namespace())
        with (
            connect_sync.connect_sync(system),
            self.provider.get_tracer("x").start_as_current_span("caller") as caller,
        ):
            receipt.send_sync(5)
        self._check(caller)

    def _check(self, caller: Any) -> None:
        sent, _ = self.exporter.get_finished_spans()
        self.assertEqual("send receipt", sent.name)
        self.assertEqual(caller.get_span_context().span_id, sent.parent.span_id)


class Asked(TestCase):
    """The option of the namespace."""

    def test_off(self) -> None:
        """Without it nothing is traced, and nothing of OpenTelemetry is imported."""
        self.assertIsNone(tracing_of(SystemConfig()))
        program = (
            "import sys\n"
            "from twisted.internet.task import Clock\n"
            "from pipeline.config.schemas import SystemConfig\n"
            "from pipeline.service.build import build\n"
            "build(SystemConfig(redis='memory://'), Clock())\n"
            "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
        )
        self.assertEqual("[]", run(program))

    def test_missing(self) -> None:
        """Where it isn't installed the configuration is refused, with what to install."""
        self.patch(tracing, "find_spec", lambda name: None)
        check_tracing(SystemConfig())
        with self.assertRaisesRegex(ConfigError, r"pip install 'txpipeline\[tracing\]'"):
            load(written(self, "redis: memory://\ntracing: true\nworkers: {}"))
        self.assertNotIn("OTEL_SERVICE_NAME", os.environ)
