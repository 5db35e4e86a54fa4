"""Tests of pipeline.middleware.language."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.middleware.language import Languages, is_tag

SPOKEN = Languages(["en", "de", "pt-BR", "zh-Hant"])


class Tags(TestCase):
    """Choosing a language."""

    def test_tag(self) -> None:
        """A tag is letters, and parts behind hyphens."""
        told = [is_tag(text) for text in ("de", "pt-BR", "zh-Hant-TW", "d", "de_AT", "", "de\n")]
        self.assertEqual([True, True, True, False, False, False, False], told)

    def test_exactly(self) -> None:
        """In any case, but nothing else."""
        found = [SPOKEN.exactly(text) for text in ("DE", "pt-br", "pt", "de-AT")]
        self.assertEqual(["de", "pt-BR", None, None], found)

    def test_nearest(self) -> None:
        """A variety finds its language, and a language the variety that there is."""
        wanted = ("de-AT", "de_AT", "pt", "pt-PT", "zh-Hant-TW", "fr", None, 7, "../x")
        found = [SPOKEN.nearest(text) for text in wanted]
        self.assertEqual(["de", "de", "pt-BR", "pt-BR", "zh-Hant", *[None] * 4], found)

    def test_accepted(self) -> None:
        """The best of a header that is spoken; never one that is refused."""
        headers = ("fr, de;q=0.5, en;q=0.8", "de-CH, en", "de;q=0", "*", "", "fr")
        found = [SPOKEN.accepted(header) for header in headers]
        self.assertEqual(["en", "de", None, None, None, None], found)
