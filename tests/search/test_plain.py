"""Tests of pipeline.search.plain."""

from __future__ import annotations

import time

from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pipeline.search.plain import LONGEST, cleaned, columns, on_one_line, text_of, wrapped
from tests.properties import given


class Cleaned(SynchronousTestCase):
    """Nothing is left that a terminal obeys."""

    def test_escapes(self) -> None:
        """Escapes, bells, and what turns the direction of text are gone; lines and letters stay."""
        self.assertEqual("[31mred\nä 語", cleaned("\x1b[31mr\x07ed\r\nä\u202e \x9b\u200b語"))
        self.assertEqual("a b c", on_one_line(" a\n b\tc\x00 "))

    @given(st.text())
    def test_any(self, text: str) -> None:
        """Of any text only what is printable is left, and lines."""
        self.assertTrue(all(each == "\n" or each.isprintable() for each in cleaned(text)))


class Html(SynchronousTestCase):
    """HTML becomes what a browser would show, about."""

    def test_elements(self) -> None:
        """Paragraphs, lists, code with its indentation; tags and comments are gone."""
        html = (
            "<p>One  &amp;\n<b>two</b>.</p><!-- no --><ul><li>a</li><li>b</li></ul>"
            "<script>alert(1)</script><pre><code>if x:\n    y &lt; <i>z</i>\n</code></pre>end<br>!"
        )
        self.assertEqual(
            "One & two.\n\n- a\n- b\n\n    if x:\n        y < z\n\nend\n!", text_of(html)
        )

    def test_entities(self) -> None:
        """What an entity says is text, never a tag, and cleaned as all is."""
        self.assertEqual("<script> [1m", text_of("&lt;script&gt; &#27;[1m"))

    @given(st.text(alphabet="<>/!?-[]&;#x aprescipt\n\x1b'\"="))
    def test_any(self, html: str) -> None:
        """No HTML, however broken, is an error."""
        self.assertNotIn("\x1b", text_of(html))

    def test_unended(self) -> None:
        """What is never ended goes to the end; a lone bracket is text."""
        self.assertEqual("a", text_of("a<!-- <p>b"))
        self.assertEqual("a", text_of("a<script>b"))
        self.assertEqual("1 < 2 <b c", text_of("1 < 2 <b c"))

    def test_hostile(self) -> None:
        """What parsers are slow with, or fail for, does no harm."""
        parts = (
            "<!--",
            "<a ",
            "<a b=",
            "<a b='",
            "<![",
            "<![CDATA[",
            "<pre>",
            "&#",
            "<!",
            "</",
            "<",
        )
        begun = time.process_time()
        for part in parts:
            text_of(part * 1_000_000)
        self.assertLess(time.process_time() - begun, 10)
        self.assertEqual(LONGEST, len(text_of("a" * 1_000_000)))


class Wrapped(SynchronousTestCase):
    """Lines fit."""

    def test_words(self) -> None:
        """At spaces, else anywhere; indentation and empty lines stay."""
        self.assertEqual(
            ["one", "two", "threef", "our", "", "  a b"],
            list(wrapped("one two threefour\n\n  a b", 6)),
        )

    def test_wide(self) -> None:
        """A wide character takes two columns, a combining one none."""
        self.assertEqual((4, 1), (columns("日本"), columns("e\u0301")))
        self.assertEqual(["日本", "語"], list(wrapped("日本語", 5)))

    @given(st.text(), st.integers(2, 30))
    def test_any(self, text: str, width: int) -> None:
        """No line is too wide, and no letter is lost."""
        lines = list(wrapped(cleaned(text), width))
        self.assertLessEqual(max(map(columns, lines)), width)
        self.assertEqual("".join(cleaned(text).split()), "".join("".join(lines).split()))
