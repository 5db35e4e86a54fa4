"""Workers and the queues between them."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.explain.graph import Lane, graph_of
from pipeline.explain.views import Queue, System
from tests.explain.drawings import through_a_switch, worker


class Graphs(TestCase):
    """What stands where, and what leads where."""

    def test_columns(self) -> None:
        """Transports face the world; the rest is as far away as messages have to go."""
        graph = through_a_switch()
        self.assertEqual(
            {"sms": 0, "switch": 1, "shop": 2}, {node.name: node.column for node in graph.nodes}
        )

    def test_lanes(self) -> None:
        """Each queue from a worker to a worker, with what is passed at both ends; or to nobody."""
        graph = through_a_switch()
        self.assertEqual(
            Lane("sms.inbound", "inbound", "sms", "switch", ("tidy", "b"), ()), graph.lanes[0]
        )
        [failures] = [lane for lane in graph.lanes if lane.kind == "failure"]
        self.assertIsNone(failures.reader)
        inward = {lane.queue: graph.is_inward(lane) for lane in graph.lanes}
        self.assertEqual((True, False), (inward["shop.inbound"], inward["sms.outbound"]))

    def test_circle(self) -> None:
        """Dispatchers that send to each other have an end."""
        workers = tuple(worker(name, "dispatcher") for name in ("a", "b"))
        queues = (
            Queue("x.inbound", "inbound", ("a",), ("b",)),
            Queue("y.inbound", "inbound", ("b",), ("a",)),
        )
        self.assertEqual(2, len(graph_of(System("ns", workers, queues)).nodes))
