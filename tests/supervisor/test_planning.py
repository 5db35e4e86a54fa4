"""Tests of pipeline.supervisor.planning, within this process; test_checker runs it in its own."""

from __future__ import annotations

import sys
from pathlib import Path

from twisted.trial.unittest import TestCase

from pipeline.errors import ConfigError
from pipeline.service.build import load
from pipeline.supervisor.plan import Plan
from pipeline.supervisor.planning import plan_of
from tests.service.support import ROOT, written

SHOP = """
namespace: shop
redis: embedded://my%20data
stop_timeout: 5
supervisor: {processes: 3, max_memory: 300M, single: [clock], hung_after: 10s}
workers:
  web: {class: pipeline.transports.http.HttpTransport, transport_name: web, listen: "tcp:8081"}
  lines:
    class: pipeline.transports.lines.LinesTransport
    transport_name: lines
    listen: "unix:/tmp/lines:mode=600"
    instance: one
  pipe: {class: pipeline.transports.file.FileTransport, transport_name: pipe, read: "-"}
  clock: {class: tests.service.support.Plain, transport_name: clock}
  work: {class: tests.service.support.Plain, transport_name: web}
"""

TWICE = """
redis: redis://localhost
workers:
  a: {class: pipeline.transports.http.HttpTransport, transport_name: a, listen: "tcp:8081"}
  b:
    class: pipeline.transports.http.HttpTransport
    transport_name: b
    listen: "tcp:8081:backlog=5"
"""


class Planning(TestCase):
    """A configuration becomes a plan, or errors."""

    def setUp(self) -> None:
        self.patch(sys, "path", list(sys.path))

    def plan(self, text: str, *overrides: str, only: tuple[str, ...] = ()) -> Plan:
        self.file = written(self, text)
        return plan_of(load(self.file, overrides), only)

    def refused(self, text: str, *overrides: str) -> str:
        return str(self.assertRaises(ConfigError, self.plan, text, *overrides))

    def test_plan(self) -> None:
        """It says what runs in how many processes, what is single, and what is listened on."""
        plan = self.plan(SHOP)
        self.assertEqual(("web", "work"), plan.workers)
        self.assertEqual(("lines", "pipe", "clock"), plan.single)
        self.assertEqual((3, 10, 5), (plan.processes, plan.hung_after, plan.stop_timeout))
        self.assertEqual(300 * 1024**2, plan.max_memory)
        self.assertEqual((True, str(Path(self.file).parent / "my data")), (True, plan.folder))
        tcp, unix = plan.bindings["tcp:8081"], plan.bindings["unix:/tmp/lines:mode=600"]
        self.assertEqual(("127.0.0.1", 8081), (tcp.host, tcp.port))
        self.assertEqual(("/tmp/lines", 0o600), (unix.path, unix.mode))

    def test_only(self) -> None:
        """Only what was asked for runs; if all of that is single there is one process."""
        self.assertEqual(("work",), self.plan(SHOP, only=("work",)).workers)
        plan = self.plan(SHOP, only=("clock",))
        self.assertEqual((1, ("clock",)), (plan.processes, plan.single))

    def test_memory(self) -> None:
        """What is within a process is refused, and what else is wrong is said, too."""
        told = self.refused(
            SHOP, "redis:memory://", "supervisor.single:[clok]", "workers.lines.listen:systemd:x=1"
        )
        self.assertIn("memory:// is within one process, and a supervisor runs several", told)
        self.assertIn("there is no worker 'clok' (did you mean 'clock'?)", told)
        self.assertIn("worker 'lines': listen: an endpoint of type systemd can't be shared", told)

    def test_twice(self) -> None:
        """Two workers can't listen on one place, unless both say so."""
        told = self.refused(TWICE)
        self.assertIn("workers 'a' and 'b' both listen on 127.0.0.1:8081", told)
        reuse = [f"workers.{name}.reuse_port:true" for name in "ab"]
        self.assertEqual(2, len(self.plan(TWICE, *reuse).bindings))

    def test_limits(self) -> None:
        """Options that no process could keep are refused."""
        told = self.refused(SHOP, "supervisor.processes:0", "supervisor.single:[1]")
        self.assertIn("processes: must be 1-1000, got 0", told)
        self.assertIn("single: expected names, got 1", told)
        for option, problem in (
            ("max_memory:5k", "max_memory must be at least 16MB"),
            ("hung_after:1s", "hung_after must be at least 2s, or 0"),
            ("start_timeout:0", "start_timeout must be above 0"),
        ):
            self.assertIn(problem, self.refused(SHOP, f"supervisor.{option}"))

    def test_every_example(self) -> None:
        """Every configuration that comes along, and is no single worker's, has a plan."""
        for folder in ("config", "examples"):
            for file in sorted((ROOT / folder).glob("*.yaml")):
                if file.name in ("single-worker.yaml", "demo.yaml"):
                    continue
                self.patch(sys, "path", list(sys.path))
                self.assertTrue(plan_of(load(file, ["redis:redis://localhost"])).workers, file)
