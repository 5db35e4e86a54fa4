"""Looking at a configuration as a whole."""

from __future__ import annotations

from pipeline.errors import ConfigError
from pipeline.explain.look import look_at
from pipeline.service.build import load
from tests.explain.systems import MEMBERS, ExplainCase, pair
from tests.service.support import written


class Looks(ExplainCase):
    """All of it, or some workers."""

    TEXT = pair(f"quiet: {MEMBERS}.Quiet")

    def test_whole(self) -> None:
        """Every worker, and every mistake."""
        look = look_at(load(written(self, self.TEXT)))
        self.assertEqual(["work", "web"], [each.name for each in look.system.workers])
        self.assertEqual(["retry-at-the-edge"], [each.rule for each in look.findings])

    def test_only(self) -> None:
        """Some workers, and their mistakes; queues still know both ends."""
        look = look_at(load(written(self, self.TEXT)), ["work"])
        self.assertEqual(["work"], [each.name for each in look.system.workers])
        self.assertEqual([], look.findings)
        self.assertIn(("web",), [queue.writers for queue in look.system.queues])

    def test_others_wrong(self) -> None:
        """A worker can be looked at where the others can't be made."""
        text = self.TEXT.replace("pipeline.transports.http.HttpTransport", "not.installed.Here")
        look = look_at(load(written(self, text)), ["work"])
        self.assertEqual((["work"], []), ([w.name for w in look.system.workers], look.findings))
        with self.assertRaisesRegex(ConfigError, "no module"):
            look_at(load(written(self, text)))
        with self.assertRaisesRegex(ConfigError, "did you mean 'work'"):
            look_at(load(written(self, text)), ["wrok"])
