"""What a process believes of the room of a rate limit."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.middleware.places import FARTHEST, Places


class Choosing(SynchronousTestCase):
    """Which place is taken next."""

    def setUp(self) -> None:
        self.places = Places(3, 10.0, 1)

    def all_taken(self) -> list[int | None]:
        return [self.places.choose(holder, 0) for holder in "abc"]

    def test_each_once(self) -> None:
        """Every place is given once, beginning anywhere; then there is none."""
        self.assertEqual({0, 1, 2}, set(self.all_taken()))
        self.assertIsNone(self.places.choose("d", 9.9))

    def test_free_again(self) -> None:
        """A place is free when its time is over."""
        taken = self.all_taken()
        self.assertEqual(set(taken), {self.places.choose(holder, 10) for holder in "def"})
        self.assertIsNone(self.places.choose("g", 10))

    def test_the_same_again(self) -> None:
        """A message that runs again gets the place that it had, even when all are taken."""
        taken = self.all_taken()
        self.assertEqual(taken[1], self.places.choose("b", 5))

    def test_forgotten(self) -> None:
        """Who had a place is forgotten when its time is over."""
        first = self.places.choose("a", 0)
        self.places.choose("b", 11)
        self.assertEqual({}, {k: v for k, v in self.places._holders.items() if k == "a"})
        self.assertEqual(first, self.places.choose("c", 22))

    def test_disappointed(self) -> None:
        """A place that was another's is left alone until that one's time is over."""
        place = self.places.choose("a", 0)
        assert place is not None
        self.places.disappoint("a", place, -5, 0)
        others = {self.places.choose("a", 0), self.places.choose("b", 0)}
        self.assertNotIn(place, others)
        self.assertIsNone(self.places.choose("c", 4.9))
        self.assertEqual(place, self.places.choose("c", 5))

    def test_old_news(self) -> None:
        """A place that should be free by now and isn't is not asked for again at once."""
        place = self.places.choose("a", 0)
        assert place is not None
        self.places.disappoint("a", place, -100, 0)
        self.assertNotEqual(place, self.places.choose("b", 0.4))


class PuttingOff(SynchronousTestCase):
    """When messages for which there is no room come again."""

    def test_one_after_another(self) -> None:
        """The first when there is room, the others as fast as the limit allows."""
        places = Places(2, 10.0, 0)
        places.choose("a", 0)
        places.choose("b", 4)
        self.assertEqual([6, 11, 16], [places.put_off(4) for _ in range(3)])

    def test_bound(self) -> None:
        """However many there are, none is put off for ever."""
        places = Places(1, 1.0, 0)
        places.choose("a", 0)
        waits = [places.put_off(0) for _ in range(FARTHEST * 3)]
        self.assertEqual(FARTHEST, max(waits))
