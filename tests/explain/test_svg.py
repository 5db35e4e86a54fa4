"""A drawing for browsers."""

from __future__ import annotations

from xml.etree import ElementTree

from twisted.trial.unittest import TestCase

from pipeline.explain.graph import graph_of
from pipeline.explain.look import look_at
from pipeline.explain.svg import svg
from pipeline.service.build import load
from tests.explain.drawings import HOSTILE, through_a_switch
from tests.explain.test_golden import configurations

SVG = "{http://www.w3.org/2000/svg}"


def texts(drawn: str) -> list[str]:
    """What is written on a drawing, without what is shown under the mouse."""
    found = ElementTree.fromstring(drawn).iter(f"{SVG}text")
    return [(each.text or "") + "".join(child.tail or "" for child in each) for each in found]


class Drawn(TestCase):
    """Well-formed, with everything on it."""

    def test_names(self) -> None:
        """Workers, classes, queues and middlewares have their names on it."""
        written = texts(svg(through_a_switch()))
        for name in ("sms", "switch", "shop", "Cls", "sms.inbound", "sms.failures", "tidy, b"):
            self.assertIn(name, written)

    def test_lines(self) -> None:
        """Each end of each queue has a line, with an arrow's head of its kind."""
        graph = through_a_switch()
        root = ElementTree.fromstring(svg(graph))
        lines = [each for each in root.iter(f"{SVG}path") if each.get("class") == "line"]
        ends = sum((lane.writer is not None) + (lane.reader is not None) for lane in graph.lanes)
        kinds = {lane.kind for lane in graph.lanes}
        self.assertEqual(ends + 2 + len(kinds), len(lines))  # those of the world and the legend
        self.assertEqual({f"url(#{kind})" for kind in kinds}, {e.get("marker-end") for e in lines})

    def test_escaped(self) -> None:
        """Whatever a name has in it is text, and nothing that XML can't have."""
        drawn = svg(through_a_switch("sms", HOSTILE))
        root = ElementTree.fromstring(drawn)
        self.assertEqual([], list(root.iter(f"{SVG}a")))
        self.assertNotIn("\x1b", drawn)

    def test_own(self) -> None:
        """Every configuration that comes with the project can be drawn, within its frame."""
        for path in configurations():
            root = ElementTree.fromstring(svg(graph_of(look_at(load(path)).system)))
            width, height = (float(root.get(side, "0")) for side in ("width", "height"))
            for box in root.iter(f"{SVG}rect"):
                x, y, wide, high = (float(box.get(n, "0")) for n in ("x", "y", "width", "height"))
                self.assertTrue(x >= 0 and y >= 0, path)
                self.assertTrue(x + wide <= width and y + high <= height, path)
