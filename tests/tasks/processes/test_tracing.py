"""The trace of a call in a child; that of a real one is in tests/service/test_tracing.py."""

from __future__ import annotations

from contextvars import copy_context

from opentelemetry import trace
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import ConfigError
from pipeline.observe import exporting
from pipeline.observe.carrying import Carried
from pipeline.tasks.processes.tracing import join

CONTEXT = b'{"traceparent": "00-%032x-%016x-01"}' % (7, 9)


class Joining(SynchronousTestCase):
    def joined(self, set_up: object) -> int:
        """The id of the span that is current after joining."""
        self.patch(exporting, "set_up", set_up)

        def run() -> int:
            join(Carried("shop", CONTEXT))
            return trace.get_current_span().get_span_context().span_id

        return copy_context().run(run)

    def test_join(self) -> None:
        """What runs is in the call's trace, of the same service, and only while it runs."""
        services: list[str] = []
        self.assertEqual(9, self.joined(services.append))
        self.assertEqual(["shop"], services)
        self.assertEqual(0, trace.get_current_span().get_span_context().span_id)

    def test_not_set_up(self) -> None:
        """A call runs also where spans can't be exported; the log says so."""

        def fails(service: str) -> None:
            raise ConfigError("no such exporter")

        with capturedLogs() as events:
            self.assertEqual(9, self.joined(fails))
        self.assertIn("no such exporter", str(events[0]["error"]))
