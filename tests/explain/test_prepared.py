"""Workers that are ready to run, and never will."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.explain.prepared import prepared
from pipeline.service.build import load
from tests.explain.systems import MEMBERS, ExplainCase, pair
from tests.service.support import written


class Ready(ExplainCase):
    """Middleware is set up, connectors are made."""

    def test_queues(self) -> None:
        """What is really read and published; a status or a failure only where an option says so."""
        work, web = self.prepared(pair())
        self.assertEqual(
            {"inbound": ["web.inbound"], "event": ["web.event"]}, work.queues("consume")
        )
        self.assertEqual(
            {"inbound": ["web.inbound"], "event": ["web.event"]}, web.queues("publish")
        )
        self.assertEqual(["application", "transport"], [work.sort, web.sort])
        urgent = pair().replace("pipeline.demo.tasks", f"{MEMBERS}.urgent")
        read = self.prepared(urgent)[0].queues("consume")["inbound"]
        self.assertEqual(["web.inbound", "web.high.inbound"], read)
        told = pair().replace(
            "transport_name: web, listen", "publish_status: true, transport_name: web, listen"
        )
        self.assertEqual(["web.status"], self.prepared(told)[1].queues("publish")["status"])

    def test_unready(self) -> None:
        """One that fails or waits in its setup is noted, and the others are set up."""
        text = pair(f"slow: {MEMBERS}.Slow", f"broken: {MEMBERS}.Broken", f"child: {MEMBERS}.Child")
        work, _ = self.prepared(text)
        names = [name for name, _ in work.unready]
        self.assertEqual(["slow", "broken"], names)
        self.assertIn("no such host", work.unready[1][1])
        self.assertEqual(1, len(work.worker.stack.consume("inbound").steps))

    def test_wrong(self) -> None:
        """What is wrong with the configuration is an error, as for who runs it."""
        text = pair(f"c: {MEMBERS}.Child", sections="c: {colour: red}\n")
        with self.assertRaisesRegex(ConfigError, "colour"):
            prepared(load(written(self, text)))
