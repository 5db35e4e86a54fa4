"""A picture in characters."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.explain.graph import graph_of
from pipeline.explain.look import look_at
from pipeline.explain.picture import ASCII, picture
from pipeline.service.build import load
from tests.explain.drawings import through_a_switch
from tests.explain.test_golden import configurations

PICTURE = """\
         ┌─────┐                                 ┌────────┐
world ──▶│ sms │──[tidy, b]─▶ sms.inbound  ─────▶│ switch │
      ◀──│ Cls │◀──────────── sms.outbound ◀─────│ Cls    │
         └─────┘                                 └────────┘

         ┌─────┐
world ──▶│ sms │───▶ sms.failures ───▶(nobody here)
      ◀──│ Cls │
         └─────┘

         ┌────────┐                        ┌──────┐
         │ switch │───▶ shop.inbound  ───▶│ shop │
         │ Cls    │◀─── shop.outbound ◀───│ Cls  │
         └────────┘                        └──────┘
"""


class Pictures(TestCase):
    """Bands of two workers and what is between them."""

    def test_picture(self) -> None:
        """From the world on; middlewares stand at the side of the worker whose they are."""
        drawn = "\n".join(picture(through_a_switch(), 100))
        self.assertEqual(_squeezed(PICTURE), _squeezed(drawn))

    def test_width(self) -> None:
        """No line is longer than the terminal is wide, from 80 characters on; and all align."""
        for path in configurations():
            graph = graph_of(look_at(load(path)).system)
            for width in (80, 100, 200):
                lines = list(picture(graph, width))
                self.assertLessEqual(max(map(len, lines)), width, path)
        long = through_a_switch("a-transport-with-a-long-name", "a-middleware-with-a-long-name")
        lines = list(picture(long, 80))
        self.assertLessEqual(max(map(len, lines)), 80)
        self.assertIn("…", "".join(lines))

    def test_callers(self) -> None:
        """Tasks are called from anywhere."""
        path = next(each for each in configurations() if each.stem == "schedule")
        lines = "".join(picture(graph_of(look_at(load(path)).system), 100))
        self.assertIn("(callers)───▶ tasks.inbound", lines)

    def test_routes(self) -> None:
        """The ways of a dispatcher stand below."""
        path = next(each for each in configurations() if each.stem == "dispatcher")
        lines = list(picture(graph_of(look_at(load(path)).system), 100))
        self.assertIn("switch: keyword_mappings: news: news", lines)
        self.assertIn("│ ContentKeywordRouter │", "".join(lines))

    def test_ascii(self) -> None:
        """Every character of it has a plain one."""
        long = through_a_switch("a-transport-with-a-long-name", "a-middleware-with-a-long-name")
        drawn = "".join(picture(long, 80)).translate(ASCII)
        self.assertTrue(drawn.isascii(), drawn)


def _squeezed(text: str) -> list[str]:
    """Lines without the length of lines and gaps."""
    import re

    return [re.sub(r"([ ─])\1+", r"\1", line).strip() for line in text.strip().splitlines()]
