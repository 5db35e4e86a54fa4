"""Names of a package come when they are asked for."""

from __future__ import annotations

import sys

from twisted.trial.unittest import TestCase

from tests.test_house import run


class Loading(TestCase):
    """Loading, once."""

    def test_loads(self) -> None:
        """A module is imported for the first of its names, which is kept."""
        said = run(
            "import sys, pipeline\n"
            "before = 'pipeline.outcome' in sys.modules\n"
            "done = pipeline.Done\n"
            "print(before, 'pipeline.outcome' in sys.modules, vars(pipeline)['Done'] is done)\n"
        )
        self.assertEqual("False True True", said)

    def test_unknown(self) -> None:
        """A name that no module has is told with the package's."""
        import pipeline

        with self.assertRaises(AttributeError) as caught:
            _ = pipeline.NoSuchName
        self.assertEqual("module 'pipeline' has no attribute 'NoSuchName'", str(caught.exception))
        self.assertIn("pipeline.lazy", sys.modules)
