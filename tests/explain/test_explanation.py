"""A configuration, explained."""

from __future__ import annotations

from pipeline.explain.views import Queue
from tests.explain.systems import MEMBERS, ExplainCase, pair


class Explained(ExplainCase):
    """Workers, queues, and all chains."""

    def test_queues(self) -> None:
        """Each queue, with who writes and who reads it."""
        queues = {each.name: each for each in self.system(pair()).queues}
        self.assertEqual(
            Queue("web.inbound", "inbound", ("web",), ("work",)), queues["web.inbound"]
        )
        self.assertEqual(
            (("work",), ("web",)), (queues["web.outbound"].writers, queues["web.outbound"].readers)
        )
        self.assertEqual({"web.inbound", "web.event", "web.outbound"}, set(queues))

    def test_besides(self) -> None:
        """Stacks are passed by more than what connectors read: calls, results, nacks, failures."""
        work, web = self.system(pair(f"q: {MEMBERS}.Quiet")).workers
        self.assertEqual("calls of tasks that it sends", work.chain("publish", "inbound").why)
        self.assertIn("failures", web.chain("publish", "failure").why)
        self.assertFalse(web.chain("consume", "inbound").is_used)
        self.assertEqual(10, len(work.chains))
