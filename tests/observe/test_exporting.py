"""Where spans go."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from typing import Any

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.observe import exporting
from tests.test_house import run

_HTTP, _GRPC = "otlp_proto_http", "otlp_proto_grpc"
_SET_UP = """
import os
os.environ.update({!r})
from pipeline.observe.exporting import set_up
set_up("shop")
from opentelemetry import trace
provider = trace.get_tracer_provider()
set_up("other")
assert provider is trace.get_tracer_provider()
provider.get_tracer("x").start_span("one").end()
print(provider.resource.attributes["service.name"])
"""


class Chosen(SynchronousTestCase):
    """Which exporters are made."""

    def setUp(self) -> None:
        for name in ("OTEL_TRACES_EXPORTER", *exporting._PROTOCOLS):
            self.patch(os, "environ", {n: v for n, v in os.environ.items() if n != name})

    def chosen(self, *installed: str, **environment: str) -> list[str]:
        """The names of those that are made, if these are installed."""
        os.environ.update(environment)
        there: Any = [
            EntryPoint(name, "a:b", "opentelemetry_traces_exporter") for name in installed
        ]
        self.patch(exporting, "entry_points", lambda group: there)
        return [each.name for each in exporting._chosen()]

    def test_unsaid(self) -> None:
        """OTLP, if it is installed, by HTTP if both are; if not, the log says what to do."""
        self.assertEqual([_HTTP], self.chosen("console", _GRPC, _HTTP))
        self.assertEqual([_GRPC], self.chosen("console", _GRPC))
        with capturedLogs() as events:
            self.assertEqual([], self.chosen("console"))
        self.assertIn("set OTEL_TRACES_EXPORTER", formatEvent(events[0]))

    def test_said(self) -> None:
        """Those that the environment names, OTLP by its protocol; none for none."""
        both = ("console", _GRPC, _HTTP)
        self.assertEqual(["console"], self.chosen(*both, OTEL_TRACES_EXPORTER="console"))
        self.assertEqual([], self.chosen(*both, OTEL_TRACES_EXPORTER="none"))
        said = {"OTEL_TRACES_EXPORTER": "otlp, console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        self.assertEqual([_GRPC, "console"], self.chosen(*both, **said))

    def test_missing(self) -> None:
        """What isn't installed is an error that says what to install."""
        for said, package in (("otlp", "otlp-proto-http"), ("zipkin", "exporter-zipkin")):
            with self.assertRaises(ConfigError) as caught:
                self.chosen("console", OTEL_TRACES_EXPORTER=said)
            self.assertIn(package, str(caught.exception))
            self.assertIn("there are: console", str(caught.exception))


class SetUp(SynchronousTestCase):
    """The provider of a process; each in a fresh one."""

    def test_named(self) -> None:
        """The service is named for its namespace, unless the environment says otherwise; what
        has begun is exported at the end."""
        out = run(_SET_UP.format({"OTEL_TRACES_EXPORTER": "console"}))
        self.assertEqual("shop", out.splitlines()[0])
        self.assertIn('"name": "one"', out)
        out = run(_SET_UP.format({"OTEL_TRACES_EXPORTER": "none", "OTEL_SERVICE_NAME": "mine"}))
        self.assertEqual("mine", out)
