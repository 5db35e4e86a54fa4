"""Where a message enters a system."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.explain.trace.entrance import entrance
from pipeline.explain.trace.given import Given
from pipeline.service.build import probes
from tests.explain.trace.samples import HERE, system

TWO_SIDES = f"""\
redis: memory://
workers:
  switch:
    class: pipeline.dispatchers.SimpleDispatchRouter
    receive_inbound_connectors: [a, b]
    receive_outbound_connectors: [desk]
    route_mappings: {{a: [desk], b: [desk]}}
  desk: {{class: {HERE}.Desk, transport_name: desk}}
  jobs:
    class: pipeline.applications.tasks.TaskApplication
    transport_name: jobs
    tasks: [pipeline.demo.tasks]
  a: {{class: {HERE}.Phone, transport_name: a}}
  b: {{class: {HERE}.Phone, transport_name: b}}
"""


class Likeliest(TestCase):
    """Who faces the world, or begins a conversation, comes first."""

    async def way(self, fields: Any, kind: str | None = None, *only: str, **wishes: Any) -> str:
        config = system(TWO_SIDES)
        workers = [each for each in probes(config, config.workers) if not only or each.name in only]
        for worker in workers:
            worker.validate_config()
            connecting = worker.setup_connectors()
            if connecting is not None:
                await connecting
        found = entrance(workers, Given.of(fields, kind), **wishes)
        return f"{found.worker.name} {found.direction} {found.kind} on {found.connector.name}"

    async def test_kinds(self) -> None:
        """A transport publishes what comes in, an application what goes out; who runs a task reads
        its calls."""
        self.assertEqual("a publish inbound on a", await self.way({}))
        self.assertEqual("desk publish outbound on desk", await self.way({}, "outbound"))
        self.assertEqual("a publish event on a", await self.way({"event_type": "ack"}))
        self.assertEqual("a publish status on a", await self.way({}, "status"))
        for fields in ({"task": "add"}, {"task": "unknown"}, {}):
            self.assertEqual("jobs consume inbound on jobs", await self.way(fields, "task"))

    async def test_wishes(self) -> None:
        """The message's transport, a connector, a direction, a single worker."""
        self.assertEqual("b publish inbound on b", await self.way({"transport_name": "b"}))
        self.assertEqual("b publish inbound on b", await self.way({}, connector="b"))
        self.assertEqual("switch consume inbound on a", await self.way({}, None, "switch"))
        way = await self.way({}, None, "switch", direction="publish")
        self.assertEqual("switch publish inbound on desk", way)
        self.assertEqual("a consume outbound on a", await self.way({}, "outbound", "a"))

    async def test_none(self) -> None:
        """No such way is an error that says what there is."""
        for only, kind, wishes, words in (
            ((), None, {"connector": "dseck"}, "did you mean 'desk'"),
            (("desk",), "status", {}, "worker 'desk' has no connector that carries status"),
            (("desk", "switch"), "status", {}, "no worker here carries status"),
            (("a",), None, {"direction": "consume"}, "that reads inbound"),
        ):
            with self.assertRaises(ConfigError) as caught:
                await self.way({}, kind, *only, **wishes)
            self.assertIn(words, str(caught.exception))
