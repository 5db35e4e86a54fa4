"""A drawing for Graphviz."""

from __future__ import annotations

import re

from twisted.trial.unittest import TestCase

from pipeline.explain.dot import dot
from tests.explain.drawings import HOSTILE, through_a_switch


class Dot(TestCase):
    """Nodes and edges."""

    def test_dot(self) -> None:
        """Workers, queues, and what is passed between them; the world at the transports."""
        text = "\n".join(dot(through_a_switch()))
        self.assertIn('"worker sms" -> "queue sms.inbound" [label="tidy, b"];', text)
        self.assertIn('"queue sms.inbound" -> "worker switch" [label=""];', text)
        self.assertIn('world -> "worker sms" [dir=both];', text)
        self.assertTrue(text.startswith('digraph "ns" {') and text.endswith("}"))

    def test_escaped(self) -> None:
        """Whatever a name has in it stays within its quotes."""
        text = "\n".join(dot(through_a_switch("sms", HOSTILE)))
        self.assertNotIn("\x1b", text)
        for line in text.splitlines():
            self.assertEqual(0, len(re.findall(r'(?<!\\)(?:\\\\)*"', line)) % 2, line)
