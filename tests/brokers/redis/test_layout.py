"""The names of keys."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.brokers.redis import layout
from pipeline.brokers.redis.layout import Layout


class Names(SynchronousTestCase):
    def setUp(self) -> None:
        self.layout = Layout("demo", 3)

    def test_one_slot(self) -> None:
        """All that a message can touch has the same hash tag, of its own partition."""
        at = self.layout
        keys = [at.beats, at.instances, at.stream("q"), at.delayed("q"), at.dead("q")]
        keys += [at.token("q"), at.window("q"), at.producer("p"), at.store("v", "k")]
        self.assertEqual({b"{demo:3}:"}, {key[:9] for key in keys})
        self.assertEqual(len(keys), len(set(keys)))

    def test_dead_letters(self) -> None:
        """The queue of dead letters is named with a mark; an instance's are its connector's."""
        self.assertEqual(b"{demo:3}:x:sms.inbound", self.layout.stream("!sms.inbound"))
        self.assertEqual(b"{demo:3}:x:web.outbound", self.layout.dead("web.outbound@i1"))

    def test_types_apart(self) -> None:
        """The same key of the store is another for each type."""
        self.assertEqual(5, len({self.layout.store(kind, "k") for kind in "vnhsz"}))

    def test_remembered(self) -> None:
        """Names are kept made, but not without bound."""
        self.assertIs(self.layout.stream("q"), self.layout.stream("q"))
        for n in range(layout.REMEMBERED + 100):
            self.layout.stream(f"q{n}")
        self.assertLessEqual(self.layout.stream.cache_info().currsize, layout.REMEMBERED)
