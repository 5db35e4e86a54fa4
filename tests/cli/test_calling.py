"""How arguments are read; calls themselves are tested in test_tasks."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from pipeline.cli.calling import _NAMED, _value


class Arguments(TestCase):
    """Words of a command line."""

    def test_values(self) -> None:
        """JSON is decoded; what is none is text."""
        for word, value in (("1", 1), ("[1]", [1]), ("cat.png", "cat.png"), ('"1"', "1"), ("", "")):
            self.assertEqual(value, _value(word))

    def test_names(self) -> None:
        """A name before an equals sign names an argument, also where more of them follow."""
        found = _NAMED.fullmatch("size=a=b\nc")
        assert found is not None
        self.assertEqual(("size", "a=b\nc"), found.groups())
        for plain in ("1=2", "=x", "a-b=c", "x"):
            self.assertIsNone(_NAMED.fullmatch(plain))
