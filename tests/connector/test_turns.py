"""Tests of pipeline.connector.turns."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from pipeline.connector.turns import Turns


class TurnsTests(SynchronousTestCase):
    """Two lines, of weights 4 and 1."""

    def setUp(self) -> None:
        self.turns: Turns[str] = Turns([1, 4], lambda who: 4 if who.isupper() else 1)

    def order(self, waiting: str) -> str:
        """Who begins after whom, when all of these wait."""
        for who in waiting:
            self.turns.append(who)
        return "".join(self.turns.popleft() for _ in waiting)

    def test_share(self) -> None:
        """Four of the heavy line begin, then one of the light one; each in its order."""
        self.assertEqual("ABCDaEFGHbc", self.order("abcABCDEFGH"))

    def test_alone(self) -> None:
        """A line that waits alone has every turn, and owes nothing for it later."""
        self.assertEqual("abcdef", self.order("abcdef"))
        self.assertEqual("ABCDEFGHI", self.order("ABCDEFGHI"))
        self.assertIn("a", self.order("ABCDEa")[:5])

    def test_never_starved(self) -> None:
        """However many heavy ones come, of any five turns one is the light line's."""
        for n in range(100):
            self.turns.append("x" if n % 10 == 0 else "X")
        begun = ""
        while self.turns:
            begun += self.turns.popleft()
            if len(begun) < 200:
                self.turns.append("X")
        light = [at for at, who in enumerate(begun) if who == "x"]
        self.assertEqual(10, len(light))
        self.assertLessEqual(light[-1], 50)

    def test_empty(self) -> None:
        """Nobody's turn is an error, and who was forgotten has none."""
        self.turns.append("a")
        self.assertTrue(self.turns)
        self.turns.clear()
        self.assertFalse(self.turns)
        self.assertRaises(IndexError, self.turns.popleft)
