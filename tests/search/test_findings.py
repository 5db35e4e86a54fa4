"""Tests of pipeline.search.findings."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.errors import PipelineError
from pipeline.search.findings import Finding, SearchFailed


class Values(SynchronousTestCase):
    """What a search finds is a value."""

    def test_equal(self) -> None:
        """A title is enough, and equal findings are equal."""
        self.assertEqual(Finding("a", votes=0), Finding("a"))

    def test_error(self) -> None:
        """That nothing could be searched is an error of this framework."""
        self.assertTrue(issubclass(SearchFailed, PipelineError))
